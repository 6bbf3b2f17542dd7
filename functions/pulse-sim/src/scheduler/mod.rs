//! The scheduler in memory, with the ways of `EventBridge` Scheduler: at least once, within a window,
//! by cron's own idea of a month.
//!
//! One task drives all schedules: what is planned lies in one heap, and whatever a change has made
//! obsolete is passed over when it comes up.

mod agenda;
mod book;
mod cron;
mod firing;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Zone},
    failure::Cause,
    ports::{Clock, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError},
};

use self::book::{Book, FiringDice};
pub use self::book::{SchedulerCounts, TargetFailure};
use crate::{random::Stream, time::Signal};

/// How many schedules a page of the list has at most (`EventBridge` Scheduler API Reference,
/// `ListSchedules`).
const PAGE: usize = 100;

/// What schedules have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SchedulerSettings {
    /// The flexible time window: how late a schedule may fire. Within the minute if there is none.
    pub window: Duration,
    /// The most targets that are invoked in a second, at least one.
    pub quota_per_second: u32,
    /// How likely a firing is delivered twice: "at-least-once event delivery" (`EventBridge` Scheduler
    /// User Guide, "What is Amazon `EventBridge` Scheduler?").
    pub duplicate: f64,
}

impl Default for SchedulerSettings {
    /// A window of 15 minutes, the smallest quota that AWS gives, and no duplicates.
    fn default() -> Self {
        Self { window: Duration::from_mins(15), quota_per_second: 500, duplicate: 0.0 }
    }
}

/// Schedules that fire for as long as the process lasts. Time is its clock's.
pub struct MemoryScheduler {
    clock: Arc<dyn Clock>,
    dice: FiringDice,
    settings: SchedulerSettings,
    book: Mutex<Book>,
    /// Something else may come first now.
    changed: Signal,
}

impl MemoryScheduler {
    /// A scheduler without schedules, that fires nothing until it is [started](Self::start).
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Stream, settings: SchedulerSettings) -> Self {
        let dice = FiringDice { random, window: settings.window };
        Self { clock, dice, settings, book: Mutex::default(), changed: Signal::default() }
    }

    /// Disables a customer's schedule, as someone in the console may. Says whether it was live. It keeps
    /// its place, and is live again once it is put again.
    pub fn disable(&self, customer: &CustomerId) -> bool {
        self.book().disable(customer)
    }

    /// Loses a customer's schedule, as when someone deletes it by hand. Says whether there was one.
    pub fn lose(&self, customer: &CustomerId) -> bool {
        self.book().delete(customer)
    }

    /// Lets all invocations of the target fail until then, which is when an outage ends.
    pub fn set_target_down(&self, until: Timestamp) {
        self.set_target_failing(TargetFailure::Unreachable, until);
    }

    /// Lets all invocations of the target fail like this until then.
    pub fn set_target_failing(&self, how: TargetFailure, until: Timestamp) {
        self.book().failing = Some((how, until));
    }

    /// Refuses schedules in this zone for good from now on.
    pub fn refuse(&self, zone: &Zone) {
        self.book().refused.push(zone.clone());
    }

    /// What it has done.
    #[must_use]
    pub fn counts(&self) -> SchedulerCounts {
        self.book().counts
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Schedules for MemoryScheduler {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        let mut book = self.book();
        if book.refused.contains(schedule.slot.zone()) {
            let cause = Cause::new("Invalid Schedule Expression Timezone.");
            return Err(ScheduleError::Refused { customer: schedule.customer.clone(), cause });
        }
        let before = book.agenda.first().map(|first| first.number);
        let outcome = book.put(schedule, self.clock.now(), &self.dice);
        let is_sooner = book.agenda.first().map(|first| first.number) != before;
        drop(book);
        if is_sooner {
            self.changed.notify_all();
        }
        Ok(outcome)
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        Ok(self.book().get(customer))
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        Ok(self.book().delete(customer))
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        let last = page.map(|page| CustomerId::parse(&page)).transpose();
        let last =
            last.map_err(|_| SchedulesError::Denied(Cause::new("There is no such page. Begin with the first.")))?;
        let book = self.book();
        let mut customers: Vec<_> = book.live_after(prefix, last.as_ref()).take(PAGE + 1).cloned().collect();
        let is_more = customers.len() > PAGE;
        customers.truncate(PAGE);
        let next = customers.last().filter(|_| is_more).map(ToString::to_string);
        Ok(SchedulePage { customers, next })
    }
}
