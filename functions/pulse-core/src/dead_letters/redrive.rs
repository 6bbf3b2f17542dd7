use std::time::Duration;

use futures::{StreamExt as _, stream};

use super::{
    CauseFilter, DeadLetterError,
    cursor::DlqCursor,
    diagnosis::{Diagnosis, Remedy, diagnose},
    outcome::{Handled, RedriveProgress, Redriven, Way},
    pace::Pace,
    survey::AT_ONCE,
};
use crate::{
    entry::{Entry, SkipReason},
    failure::Cause,
    message::WorkMessage,
    ports::{
        DeadLetter, DeadLetters, Ledger, LedgerError, MoveStart, MoveStatus, MoveTicket, Rate, Sleeper, StageQueue,
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
#[derive(Clone, Copy)]
pub struct Redrive<'a> {
    /// The dead-letter queue.
    pub letters: &'a dyn DeadLetters,
    /// The queue of the stage that the letters belong to.
    pub queue: &'a dyn StageQueue,
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The time, and who waits for it.
    pub sleeper: &'a dyn Sleeper,
}

/// Which letters are to move, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveOrder {
    /// Those with this cause. Without it, all.
    pub cause: Option<CauseFilter>,
    /// At most so many a second. Without it, as fast as it goes.
    pub rate: Option<Rate>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// How a redrive is watched.
pub(super) type Watch<'w> = &'w mut (dyn FnMut(RedriveProgress) + Send);

/// How a redrive is told to end early.
pub(super) type Stop<'s> = &'s (dyn Fn() -> bool + Sync);

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
        if order.cause.is_some() || order.dry_run {
            return Ok(self.one_by_one(order, Way::OneByOne, watch, stop).await);
        }
        match self.letters.start_move(order.rate).await? {
            MoveStart::Started(ticket) => self.follow(&ticket, Way::MoveTask, watch, stop).await,
            MoveStart::AlreadyMoving(ticket) => self.follow(&ticket, Way::SomeonesMoveTask, watch, stop).await,
            MoveStart::Unsupported => Ok(self.one_by_one(order, Way::Fallback, watch, stop).await),
        }
    }

    async fn follow(
        &self,
        ticket: &MoveTicket,
        way: Way,
        watch: Watch<'_>,
        stop: Stop<'_>,
    ) -> Result<Redriven, DeadLetterError> {
        loop {
            let progress = self.letters.follow_move(ticket).await?;
            watch(RedriveProgress { done: progress.moved, of: progress.of });
            let interrupted = progress.status == MoveStatus::Running && stop();
            if progress.status == MoveStatus::Running && !interrupted {
                let next = self.sleeper.now().saturating_add(LOOK_EVERY);
                self.sleeper.sleep_until(next.unwrap_or_else(|_| self.sleeper.now())).await;
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

    async fn one_by_one(&self, order: &RedriveOrder, way: Way, watch: Watch<'_>, stop: Stop<'_>) -> Redriven {
        let of = self.letters.count().await.ok();
        let pace = Pace::of(self.sleeper, order.rate);
        // No more at once than a second's worth, so that a stop is heard in time.
        let most = order.rate.map_or(AT_ONCE, |rate| AT_ONCE.min(rate.per_second() as usize));
        let mut round = DlqCursor::of(self.letters, self.sleeper.now());
        let mut outcome = Redriven { way, ..Redriven::default() };
        while outcome.trouble.is_none() {
            watch(RedriveProgress { done: outcome.letters(), of });
            if stop() {
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
            for handled in self.batch(batch, order, &pace, &mut round, &mut outcome).await {
                outcome.count(handled);
            }
        }
        outcome.newer = round.newer();
        round.end().await;
        outcome
    }

    /// Deals with some letters, and deletes those that may go.
    async fn batch(
        &self,
        batch: Vec<DeadLetter>,
        order: &RedriveOrder,
        pace: &Pace<'_>,
        round: &mut DlqCursor<'_>,
        outcome: &mut Redriven,
    ) -> Vec<Handled> {
        let letters = stream::iter(batch).map(async |letter| (self.one(&letter, order, pace).await, letter));
        let letters: Vec<_> = letters.buffered(AT_ONCE).collect().await;
        let mut gone = Vec::new();
        for (handled, letter) in &letters {
            if handled.may_go() && !order.dry_run {
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

    async fn one(&self, letter: &DeadLetter, order: &RedriveOrder, pace: &Pace<'_>) -> Handled {
        let Diagnosis { cause, remedy, .. } = match diagnose(self.ledger, self.letters.name(), letter).await {
            Ok(diagnosis) => diagnosis,
            Err(error) => return Handled::Failed(Cause::new(error.to_string())),
        };
        if order.cause.as_ref().is_some_and(|filter| !filter.matches(&cause)) {
            return Handled::Other;
        }
        let done = match remedy {
            Remedy::Stay => return Handled::Stuck(cause),
            Remedy::Done => return Handled::Done,
            Remedy::Close(_) if order.dry_run => return Handled::Closed,
            Remedy::Redrive(_) if order.dry_run => return Handled::Redriven,
            Remedy::Close(entry) => self.close(&entry, pace).await,
            Remedy::Redrive(message) => self.send(&message, pace).await,
        };
        done.unwrap_or_else(Handled::Failed)
    }

    async fn send(&self, message: &WorkMessage, pace: &Pace<'_>) -> Result<Handled, Cause> {
        pace.turn().await;
        let sent = self.queue.send(message).await;
        sent.map(|()| Handled::Redriven).map_err(|error| Cause::new(error.to_string()))
    }

    async fn close(&self, entry: &Entry, pace: &Pace<'_>) -> Result<Handled, Cause> {
        let skipped = entry.skip(SkipReason::Closed, self.sleeper.now(), None);
        let change = skipped.map_err(|error| Cause::new(error.to_string()))?;
        match self.ledger.apply(&change).await {
            Ok(()) => Ok(Handled::Closed),
            // A worker has it now: let the stage see.
            Err(LedgerError::Conflict(_)) => self.send(&WorkMessage::for_entry(entry.id()), pace).await,
            Err(error) => Err(Cause::new(error.to_string())),
        }
    }
}
