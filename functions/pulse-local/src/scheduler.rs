//! Fires schedules in place of an emulator that only stores them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::{Timestamp, TimestampRound, Unit};
use pulse_core::customer::CustomerId;
use pulse_core::message::{Turn, WorkMessage};
use pulse_core::ports::{QueueError, ScheduleError, Schedules, SchedulesError, Sleeper, StageQueue};

/// Schedules that are looked at at once.
const AT_ONCE: usize = 16;

/// From a pass that failed to the next.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(10);

/// Why some schedules were not fired yet. The next pass makes up for it.
#[derive(Debug, thiserror::Error)]
pub enum FiringError {
    /// They couldn't be listed.
    #[error(transparent)]
    List(#[from] SchedulesError),
    /// One couldn't be read.
    #[error(transparent)]
    Read(#[from] ScheduleError),
    /// The queue didn't take the message.
    #[error(transparent)]
    Send(#[from] QueueError),
}

/// `EventBridge` Scheduler's part: what a stack's schedules say, read through the same port as enrolment writes
/// them, and put on the queue that they name, at their minute.
///
/// Each moment of each schedule is fired once. It is fired again only where the queue didn't say that it took the
/// message, as AWS does it too, which promises at least once. What came due before this began isn't fired: one that
/// is started anew repeats nothing, and leaves what nobody fired meanwhile to the tick.
pub struct LocalScheduler {
    schedules: Arc<dyn Schedules>,
    queue: Arc<dyn StageQueue>,
    clock: Arc<dyn Sleeper>,
    /// Moments up to this one are dealt with.
    done_until: Timestamp,
    /// Later moments that are dealt with, of a pass that others failed in.
    fired: BTreeSet<(CustomerId, Timestamp)>,
}

impl LocalScheduler {
    /// A scheduler from now on, for `schedules` that all name `queue`.
    #[must_use]
    pub fn new(schedules: Arc<dyn Schedules>, queue: Arc<dyn StageQueue>, clock: Arc<dyn Sleeper>) -> Self {
        let done_until = clock.now();
        Self { schedules, queue, clock, done_until, fired: BTreeSet::new() }
    }

    /// Fires at every full minute, for ever. `on_trouble` is told when firing begins to fail; it goes on trying.
    pub async fn run(mut self, on_trouble: impl Fn(&FiringError)) -> ! {
        let mut fails = false;
        loop {
            let minute = next_minute(self.clock.now());
            let retry = self.clock.now().saturating_add(BEFORE_ANOTHER_TRY).unwrap_or(minute);
            self.clock.sleep_until(if fails { retry.min(minute) } else { minute }).await;
            let outcome = self.fire_due().await;
            if let (Err(error), false) = (&outcome, fails) {
                on_trouble(error);
            }
            fails = outcome.is_err();
        }
    }

    /// Fires what has come due since the last time, also if that was long ago (the machine slept), and says how many
    /// messages that were.
    ///
    /// # Errors
    /// When some couldn't be fired. Those are due still.
    pub async fn fire_due(&mut self) -> Result<usize, FiringError> {
        let now = self.clock.now();
        let customers = self.list().await?;
        let looks = stream::iter(customers).map(|customer| fire(self, customer, now)).buffer_unordered(AT_ONCE);
        let looks: Vec<_> = looks.collect().await;
        let mut count = 0;
        let mut failure = None;
        for (fired, outcome) in looks {
            count += fired.len();
            self.fired.extend(fired);
            failure = failure.or(outcome.err());
        }
        if let Some(error) = failure {
            return Err(error);
        }
        self.done_until = now;
        self.fired.clear();
        Ok(count)
    }

    /// Each name once, though a page may repeat what moved while it was asked for.
    async fn list(&self) -> Result<BTreeSet<CustomerId>, SchedulesError> {
        let mut customers = BTreeSet::new();
        let mut page = self.schedules.list("", None).await?;
        loop {
            customers.extend(page.customers);
            let Some(next) = page.next else { return Ok(customers) };
            page = self.schedules.list("", Some(next)).await?;
        }
    }
}

type Fired = Vec<(CustomerId, Timestamp)>;

/// Fires all that has come due of one customer's schedule, and says what it got done.
async fn fire(scheduler: &LocalScheduler, customer: CustomerId, now: Timestamp) -> (Fired, Result<(), FiringError>) {
    let mut fired = Vec::new();
    let outcome = async {
        let Some(schedule) = scheduler.schedules.get(&customer).await? else { return Ok(()) };
        let mut moment = schedule.slot.next_after(scheduler.done_until);
        while moment <= now {
            let key = (customer.clone(), moment);
            if !scheduler.fired.contains(&key) {
                // What Scheduler makes of the schedule's input, with its token for the moment replaced.
                let turn = Turn::Scheduled(moment);
                scheduler.queue.send(&WorkMessage::of_turn(customer.clone(), turn)).await?;
                fired.push(key);
            }
            moment = schedule.slot.next_after(moment);
        }
        Ok(())
    };
    let outcome = outcome.await;
    (fired, outcome)
}

fn next_minute(now: Timestamp) -> Timestamp {
    let later = now.saturating_add(Duration::from_nanos(1)).unwrap_or(now);
    later.round(TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Ceil)).unwrap_or(later)
}

#[cfg(test)]
mod tests;
