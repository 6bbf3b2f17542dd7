use std::time::Duration;

use futures::{StreamExt as _, stream};

use super::{
    CauseFilter, DeadLetterError, Meant,
    cursor::DlqCursor,
    handling::{Handling, Verdict},
    outcome::{Handled, RedriveProgress, Redriven, Way},
    survey::AT_ONCE,
};
use crate::{
    delivery::EndpointName,
    failure::Cause,
    pacing::{Pace, PacedDeadLetters},
    ports::{
        DeadLetter, DeadLetters, Deliveries, IntakeReader, Ledger, MoveStart, MoveStatus, MoveTicket, Rate, Sleeper,
        StageQueue,
    },
};

/// How often it is asked how a move task is doing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The use case that brings dead letters back to their stage.
///
/// Where all of a stage's letters are to move, the queue itself moves them, if it can: no letter is read
/// then, so the stages, which look at customer and entry anyway, close the entries of customers who have
/// left when the letters arrive. Nobody calls a provider for those. To look for them first would mean to
/// receive every letter, and would still miss who leaves between the look and the move.
///
/// Otherwise letters are received, sent and deleted, in that order: when that is cut off, a letter may be
/// in both queues, never in none. A letter too many does no harm, because the stages ask the ledger before
/// they do anything. As each letter is looked at then, entries of customers who have left are closed
/// on the spot, and letters for which nothing is left to do are deleted.
///
/// A queue or a ledger that can't be used for a moment, as when it is throttled, is waited for.
#[derive(Clone, Copy)]
pub struct Redrive<'a> {
    /// The dead-letter queue.
    pub letters: &'a dyn DeadLetters,
    /// The queue of the stage that the letters belong to; nothing, if they are of the intake.
    pub queue: Option<&'a dyn StageQueue>,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Word on its way to endpoints.
    pub deliveries: &'a dyn Deliveries,
    /// What reads letters of the intake.
    pub intake: &'a dyn IntakeReader,
    /// The time, and who waits for it.
    pub sleeper: &'a dyn Sleeper,
}

/// Which letters are to move, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveOrder {
    /// Those with this cause. Without it, all.
    pub cause: Option<CauseFilter>,
    /// Those of word for this endpoint. Without it, all.
    pub endpoint: Option<EndpointName>,
    /// At most so many a second. Without it, as fast as it goes.
    pub rate: Option<Rate>,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl RedriveOrder {
    fn meant(&self) -> Meant<'_> {
        Meant { cause: self.cause.as_ref(), endpoint: self.endpoint.as_ref() }
    }
}

/// How a redrive is watched.
pub(super) type Watch<'w> = &'w mut (dyn FnMut(RedriveProgress) + Send);

/// How a redrive is told to end early.
pub(crate) type Stop<'s> = &'s (dyn Fn() -> bool + Sync);

/// A redrive that is under way.
struct Run<'a> {
    handling: Handling<'a>,
    letters: PacedDeadLetters<'a>,
    order: &'a RedriveOrder,
}

impl Redrive<'_> {
    /// Does what `order` says, telling `watch` how far it is. When `stop` says so, it ends early: letters
    /// that aren't moved by then stay, except that a move task goes on by itself.
    ///
    /// # Errors
    /// When a move task can't be started or followed. What goes wrong later is in the outcome.
    pub async fn run(
        &self,
        order: &RedriveOrder,
        watch: Watch<'_>,
        stop: Stop<'_>,
    ) -> Result<Redriven, DeadLetterError> {
        let run = Run {
            handling: self.handling(order.rate, stop),
            letters: PacedDeadLetters::new(self.letters, self.sleeper, stop),
            order,
        };
        if !order.meant().is_all() || order.dry_run {
            return Ok(run.one_by_one(Way::OneByOne, watch).await);
        }
        match run.letters.start_move(order.rate).await? {
            MoveStart::Started(ticket) => run.follow(&ticket, Way::MoveTask, watch).await,
            MoveStart::AlreadyMoving(ticket) => run.follow(&ticket, Way::SomeonesMoveTask, watch).await,
            MoveStart::Unsupported => Ok(run.one_by_one(Way::Fallback, watch).await),
        }
    }
}

impl<'a> Redrive<'a> {
    /// What handles letters, at most so many a second.
    pub(crate) fn handling(&self, rate: Option<Rate>, stop: Stop<'a>) -> Handling<'a> {
        let sends = rate.map_or_else(Pace::default, |rate| Pace::per_second(rate.per_second()));
        Handling { redrive: *self, sends, asks: Pace::default(), stop }
    }
}

impl Run<'_> {
    async fn follow(&self, ticket: &MoveTicket, way: Way, watch: Watch<'_>) -> Result<Redriven, DeadLetterError> {
        let sleeper = self.handling.redrive.sleeper;
        loop {
            let progress = self.letters.follow_move(ticket).await?;
            watch(RedriveProgress { done: progress.moved, of: progress.of });
            let interrupted = progress.status == MoveStatus::Running && (self.handling.stop)();
            if progress.status == MoveStatus::Running && !interrupted {
                let next = sleeper.now().saturating_add(LOOK_EVERY);
                sleeper.sleep_until(next.unwrap_or_else(|_| sleeper.now())).await;
                continue;
            }
            let trouble = match progress.status {
                MoveStatus::Running | MoveStatus::Completed => None,
                MoveStatus::Cancelled => Some(Cause::new("Someone cancelled the move task.")),
                MoveStatus::Failed(cause) => Some(cause),
            };
            return Ok(Redriven { way, redriven: progress.moved, trouble, interrupted, ..Redriven::default() });
        }
    }

    async fn one_by_one(&self, way: Way, watch: Watch<'_>) -> Redriven {
        let of = self.letters.count().await.ok();
        // No more at once than a second's worth, so that a stop is heard in time.
        let most = self.order.rate.map_or(AT_ONCE, |rate| AT_ONCE.min(rate.per_second() as usize));
        let mut round = DlqCursor::of(&self.letters, self.handling.redrive.sleeper.now());
        let mut outcome = Redriven { way, ..Redriven::default() };
        while outcome.trouble.is_none() {
            watch(RedriveProgress { done: outcome.letters(), of });
            if (self.handling.stop)() {
                outcome.interrupted = true;
                break;
            }
            let batch = match round.next(most).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => batch,
                Err(error) => {
                    outcome.trouble = Some(Cause::new(error.to_string()));
                    break;
                }
            };
            for handled in self.batch(batch, &mut round, &mut outcome).await {
                outcome.count(handled);
            }
        }
        outcome.newer = round.newer();
        round.end().await;
        outcome
    }

    /// Deals with some letters, and deletes those that may go.
    async fn batch(&self, batch: Vec<DeadLetter>, round: &mut DlqCursor<'_>, outcome: &mut Redriven) -> Vec<Handled> {
        let letters = stream::iter(batch).map(async |letter| (self.one(&letter).await, letter));
        let letters: Vec<_> = letters.buffered(AT_ONCE).collect().await;
        let mut gone = Vec::new();
        for (handled, letter) in &letters {
            if handled.may_go() && !self.order.dry_run {
                gone.push(letter.receipt.clone());
            } else {
                round.keep(letter);
            }
        }
        if !gone.is_empty()
            && let Err(error) = self.letters.delete(&gone).await
        {
            let cause = format!("{error}; the last letters may be redriven once more, which does no harm");
            outcome.trouble = Some(Cause::new(cause));
        }
        letters.into_iter().map(|(handled, _)| handled).collect()
    }

    async fn one(&self, letter: &DeadLetter) -> Handled {
        match self.handling.judge(letter, self.order.meant()).await {
            Verdict::Other => Handled::Other,
            Verdict::Stuck(cause) => Handled::Stuck(cause),
            Verdict::Failed(cause) => Handled::Failed(cause),
            Verdict::Goes(remedy) if self.order.dry_run => remedy.foreseen(),
            Verdict::Goes(remedy) => self.handling.carry_out(letter, remedy).await,
        }
    }
}
