//! A redrive of dead letters, as an order.

use std::time::Duration;

use futures::{StreamExt as _, future::try_join_all, stream};
use jiff::Timestamp;

use super::{
    OrderError, OrderProgress, OrderState,
    carrier::{Claimed, IN_HAND, Worked},
    place::Mark,
    progress::Fate,
};
use crate::{
    dead_letters::{Handled, Handling, Meant, Remedy, Verdict},
    pacing::PacedDeadLetters,
    ports::{DeadLetter, DeadLetters, DlqName, QueueError, Rate, Receipt},
};

/// As many as SQS hands out at once.
const PAGE: usize = 10;

/// Pages of a step.
const PAGES: usize = 10;

/// A step of an order with a rate takes no more seconds, so that it ends in time.
const SECONDS: u32 = 5;

/// Letters that are handled side by side.
const AT_ONCE: usize = 32;

/// How long a round lasts at least and at most. SQS keeps a message out of sight for twelve hours at most (Amazon SQS Developer
/// Guide, "Amazon SQS visibility timeout").
const SHORTEST_ROUND: Duration = Duration::from_mins(10);
const LONGEST_ROUND: Duration = Duration::from_hours(11);

/// Letters a second that a round is made for; a tick works for half of the time or more.
const PER_SECOND: u64 = 50;

/// An order that hasn't come to an end by so many rounds never will: letters come faster than it looks at them.
const ROUNDS: u32 = 12;

/// After so many steps in a row that met letters of after the preview alone, an order is over that has moved all that it may.
const NEWER_STEPS: u32 = 3;

/// Receipts that are kept to put letters back at the end. Others are in sight again when the round ends.
const RECEIPTS: usize = 20_000;

struct Work<'a, 'c> {
    claimed: &'a mut Claimed<'c>,
    handling: Handling<'a>,
    letters: PacedDeadLetters<'a>,
    meant: Meant<'a>,
    page_limit: usize,
    /// Letters that stay.
    kept: Vec<Receipt>,
}

pub(super) async fn carry_out(
    claimed: &mut Claimed<'_>,
    queue: DlqName,
    meant: Meant<'_>,
    rate: Option<Rate>,
) -> Result<Worked, OrderError> {
    let (round, until) = (claimed.round, claimed.until);
    let stop = move || round.sleeper.now() >= until;
    let redrive = round.redrive(queue);
    let mut work = Work {
        handling: redrive.handling(rate, &stop),
        letters: PacedDeadLetters::new(redrive.letters, redrive.sleeper, &stop),
        meant,
        page_limit: rate.map_or(PAGE * PAGES, |rate| (PAGE * PAGES).min((rate.per_second() * SECONDS) as usize)),
        kept: Vec::new(),
        claimed,
    };
    let worked = work.run(rate).await;
    let is_over = match &worked {
        Ok(Worked::Ended(_)) => true,
        Err(OrderError::Changed(id)) => work.claimed.is_over(id).await,
        _ => false,
    };
    // Whoever goes on with it needs them out of sight.
    if is_over && let Err(error) = work.letters.put_back(&work.kept).await {
        tracing::warn!(%error, "letters that were looked at are back later");
    }
    worked
}

impl Work<'_, '_> {
    async fn run(&mut self, rate: Option<Rate>) -> Result<Worked, OrderError> {
        let mut newer_steps = 0;
        loop {
            if self.claimed.is_out_of_time() {
                return Ok(Worked::OutOfTime);
            }
            let now = self.claimed.now();
            if self.claimed.order.place.round_ends.is_none_or(|ends| ends <= now) {
                if self.claimed.order.place.rounds >= ROUNDS {
                    return Ok(Worked::Ended(self.end()));
                }
                self.begin_round(now, rate).await?;
            }
            let taken = self.take().await?;
            let is_all = newer_steps >= NEWER_STEPS && self.claimed.left() == 0;
            if taken.is_empty() || is_all {
                self.keep(&taken);
                return Ok(self.all_seen());
            }
            let is_newer = |letter: &DeadLetter| letter.sent_at > self.cut_off();
            newer_steps = if taken.iter().all(is_newer) { newer_steps + 1 } else { 0 };
            self.step(taken).await?;
        }
    }

    async fn begin_round(&mut self, now: Timestamp, rate: Option<Rate>) -> Result<(), OrderError> {
        let count = self.letters.count().await?;
        let per_second = rate.map_or(PER_SECOND, |rate| PER_SECOND.min(u64::from(rate.per_second()).div_ceil(2)));
        let lasts = Duration::from_secs(count / per_second).clamp(SHORTEST_ROUND, LONGEST_ROUND);
        let order = &mut self.claimed.order;
        order.place.begin_round(now, lasts);
        order.progress = order.progress.without_what_stays();
        Ok(())
    }

    /// Letters that are first queued later aren't meant.
    fn cut_off(&self) -> Timestamp {
        self.claimed.order.preview.as_ref().map_or(self.claimed.order.given_at, |preview| preview.at)
    }

    /// A page first, and the others when that was full: an empty queue is waited for.
    async fn take(&self) -> Result<Vec<DeadLetter>, QueueError> {
        let first = self.letters.take(PAGE.min(self.page_limit), IN_HAND).await?;
        if first.len() < PAGE {
            return Ok(first);
        }
        let pages = (self.page_limit / PAGE).saturating_sub(1);
        let others = try_join_all((0..pages).map(|_| self.letters.take(PAGE, IN_HAND))).await?;
        Ok(first.into_iter().chain(others.into_iter().flatten()).collect())
    }

    /// Counts letters by what they are to come to, writes that down, and does it.
    async fn step(&mut self, taken: Vec<DeadLetter>) -> Result<(), OrderError> {
        let cut_off = self.cut_off();
        let place = &self.claimed.order.place;
        let verdicts = stream::iter(taken).map(async |letter| {
            let before = place.may_have_come_to(&letter.id);
            let verdict = match &before {
                None if letter.sent_at > cut_off => None,
                None => Some(self.handling.judge(&letter, self.meant).await),
                // It was meant; what it died of is told in another way once it is dealt with.
                Some(_) => Some(self.handling.judge(&letter, Meant::default()).await),
            };
            (letter, verdict, before)
        });
        let mut verdicts: Vec<_> = verdicts.buffered(AT_ONCE).collect().await;
        // What may have been moved already has its place among those that were previewed.
        verdicts.sort_by_key(|(.., before)| before.is_none());

        let mut next = self.claimed.order.next(self.claimed.now());
        next.place.in_hand.clear();
        next.place.failures = 0;
        if next.progress.failed == 0 {
            next.progress.trouble = None;
        }
        for (letter, ..) in &verdicts {
            if let Some(mark) = next.place.resolve(&letter.id) {
                next.progress.uncount(mark.counted());
            }
        }
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        for (letter, verdict, before) in verdicts {
            let may_go = next.progress.carried_out() < next.expected();
            let (fate, remedy) = fate(verdict, may_go, before);
            let counted = next.progress.count(&fate);
            next.place.in_hand.push(Mark::new(&letter.id, &counted));
            match remedy {
                Some(remedy) => going.push((letter, remedy, fate, counted)),
                None => staying.push(letter),
            }
        }
        if let Err(error) = self.claimed.save(next).await {
            self.kept
                .extend(staying.into_iter().chain(going.into_iter().map(|(letter, ..)| letter)).map(|one| one.receipt));
            return Err(error);
        }
        self.keep(&staying);
        self.hide(&staying).await?;
        self.go(going).await
    }

    /// Does what was written down. What couldn't be done is counted anew before anything else is done.
    async fn go(&mut self, going: Vec<(DeadLetter, Remedy, Fate, String)>) -> Result<(), OrderError> {
        let handled = stream::iter(going).map(async |(letter, remedy, fate, counted)| {
            let handled = self.handling.carry_out(&letter, remedy).await;
            (letter, Fate::from(handled), fate, counted)
        });
        let handled: Vec<_> = handled.buffered(AT_ONCE).collect().await;
        let gone: Vec<_> = handled
            .iter()
            .filter(|(_, came_to, ..)| came_to.goes())
            .map(|(letter, ..)| letter.receipt.clone())
            .collect();
        if !gone.is_empty() {
            self.letters.delete(&gone).await?;
        }
        let now = self.claimed.now();
        let order = &mut self.claimed.order;
        let mut stays = Vec::new();
        for (letter, came_to, fate, counted) in handled {
            // One that was dealt with before it was taken up again is only deleted now.
            if came_to != fate && came_to != Fate::Done {
                order.progress.uncount(&counted);
                order.progress.count(&came_to);
            }
            if !came_to.goes() {
                stays.push(letter);
            }
        }
        // The next step writes this down with its own; but what stays is hidden only once it is counted so.
        order.place.in_hand.clear();
        if stays.is_empty() {
            return Ok(());
        }
        let next = order.next(now);
        self.claimed.save(next).await?;
        self.keep(&stays);
        Ok(self.hide(&stays).await?)
    }

    fn keep(&mut self, letters: &[DeadLetter]) {
        let room = RECEIPTS.saturating_sub(self.kept.len());
        self.kept.extend(letters.iter().take(room).map(|letter| letter.receipt.clone()));
    }

    /// Keeps letters that stay out of sight until the round ends.
    async fn hide(&self, letters: &[DeadLetter]) -> Result<(), QueueError> {
        let ends = self.claimed.order.place.round_ends.unwrap_or(Timestamp::MIN);
        let rest = Duration::try_from(ends.duration_since(self.claimed.now())).unwrap_or_default();
        let receipts: Vec<_> = letters.iter().map(|letter| letter.receipt.clone()).collect();
        if receipts.is_empty() { Ok(()) } else { self.letters.hide(&receipts, rest).await }
    }

    /// No letter is in sight.
    fn all_seen(&self) -> Worked {
        let (now, place) = (self.claimed.now(), &self.claimed.order.place);
        if let Some(in_sight_at) = place.in_sight_at.filter(|at| *at > now) {
            return Worked::RestsUntil(in_sight_at);
        }
        // Fewer than were previewed one by one: someone may have had others in hand.
        let OrderProgress { failed, .. } = self.claimed.order.progress;
        let is_short = !self.meant.is_all() && failed < self.claimed.left();
        match place.round_ends {
            Some(ends) if is_short && place.rounds < 2 => Worked::RestsUntil(ends),
            _ => Worked::Ended(self.end()),
        }
    }

    fn end(&self) -> OrderState {
        match self.claimed.order.progress.beyond {
            0 => OrderState::Done,
            more => OrderState::AsksAgain { more },
        }
    }
}

/// What is to become of a letter, and by what.
fn fate(verdict: Option<Verdict>, may_go: bool, before: Option<Fate>) -> (Fate, Option<Remedy>) {
    match verdict {
        Some(Verdict::Goes(Remedy::Done)) if may_go && before.is_some() => {
            (before.unwrap_or(Fate::Done), Some(Remedy::Done))
        }
        None => (Fate::Newer, None),
        Some(Verdict::Other) => (Fate::Other, None),
        Some(Verdict::Stuck(cause)) => (Fate::Stuck(cause), None),
        Some(Verdict::Failed(cause)) => (Fate::Failed(cause), None),
        Some(Verdict::Goes(_)) if !may_go => (Fate::Beyond, None),
        Some(Verdict::Goes(remedy)) => (remedy.foreseen().into(), Some(remedy)),
    }
}

impl From<Handled> for Fate {
    fn from(handled: Handled) -> Self {
        match handled {
            Handled::Redriven => Self::Moved,
            Handled::Closed => Self::Closed,
            Handled::Done => Self::Done,
            Handled::Other => Self::Other,
            Handled::Stuck(cause) => Self::Stuck(cause),
            Handled::Failed(cause) => Self::Failed(cause),
        }
    }
}
