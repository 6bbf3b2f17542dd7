//! The scheduler in memory, with the ways of `EventBridge` Scheduler: at least once, within a window,
//! by cron's own idea of a month.
//!
//! One task drives all schedules: what is planned lies in one heap, and whatever a change has made
//! obsolete is passed over when it comes up.

mod agenda;
mod book;
mod cron;
mod quota;
mod retry;

#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::select;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    failure::Cause,
    message::{Turn, WorkMessage},
    ports::{Clock, MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError},
};

use self::{
    agenda::{Invocation, Planned},
    book::{Book, FiringDice},
    quota::Quota,
};
use crate::{
    queue::MemoryQueue,
    random::Stream,
    time::{Signal, Task, VirtualTime},
};

/// How many schedules a page of the list has at most (`EventBridge` Scheduler API Reference,
/// `ListSchedules`).
const PAGE: usize = 100;

/// Within how long a firing is repeated that is delivered twice.
const REPEATED_WITHIN: Duration = Duration::from_mins(1);

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

/// What a scheduler has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchedulerCounts {
    /// Invocations of the target, those that failed among them.
    pub invocations: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that were repeated though they had not failed.
    pub duplicates: u64,
    /// Firings that were given up and went to the schedules' dead-letter queue.
    pub dead_lettered: u64,
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

    /// Starts to fire: each schedule sends its customer's message to `target`; what can't be delivered
    /// for a day goes to `dlq`, as the schedules' dead-letter queue. What came up before now and hasn't
    /// been fired is fired at once.
    pub fn start(self: &Arc<Self>, time: &VirtualTime, target: Arc<MemoryQueue>, dlq: Arc<MemoryQueue>) -> Task {
        let quota = Quota::new(self.settings.quota_per_second);
        let firing = Firing { scheduler: Arc::clone(self), target, dlq, quota };
        time.spawn(firing.run(time.clone()))
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
        self.book().target_down_until = Some(until);
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

    async fn list(&self, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        let last = page.map(|page| CustomerId::parse(&page)).transpose();
        let last = last.map_err(|_| SchedulesError(Cause::new("There is no such page. Begin with the first.")))?;
        let book = self.book();
        let mut customers: Vec<_> = book.live_after(last.as_ref()).take(PAGE + 1).cloned().collect();
        let is_more = customers.len() > PAGE;
        customers.truncate(PAGE);
        let next = customers.last().filter(|_| is_more).map(ToString::to_string);
        Ok(SchedulePage { customers, next })
    }
}

/// The work of firing.
struct Firing {
    scheduler: Arc<MemoryScheduler>,
    target: Arc<MemoryQueue>,
    dlq: Arc<MemoryQueue>,
    quota: Quota,
}

impl Firing {
    async fn run(mut self, time: VirtualTime) {
        loop {
            let changed = self.scheduler.changed.wait();
            match self.fire(time.now()) {
                Some(next) => drop(select(time.sleep_until(next), changed).await),
                None => changed.await,
            }
        }
    }

    /// Does all that is due now, and says when there is something to do again.
    fn fire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let scheduler = Arc::clone(&self.scheduler);
        loop {
            let mut book = scheduler.book();
            let first = book.agenda.first()?;
            if first.at > now {
                return Some(first.at);
            }
            if !book.is_on(first) {
                book.agenda.take_first();
                continue;
            }
            if let Err(more_at) = self.quota.take(now) {
                return Some(more_at);
            }
            let Planned { invocation, .. } = book.agenda.take_first()?;
            if invocation.failures.is_none() {
                self.go_on(&mut book, &invocation, now);
            }
            let dead_or_alive = self.invoke(&mut book, invocation, now);
            drop(book);
            if let Some((queue, message)) = dead_or_alive {
                queue.send_body(&message.body());
            }
        }
    }

    /// Plans what follows a firing: the next month's, and now and then this one once more.
    fn go_on(&self, book: &mut Book, invocation: &Invocation, now: Timestamp) {
        let dice = &self.scheduler.dice;
        book.plan_next(&invocation.customer, invocation.due, dice);
        if dice.random.chance(self.scheduler.settings.duplicate) {
            let again_at = now.saturating_add(dice.random.between(Duration::ZERO, REPEATED_WITHIN));
            book.counts.duplicates += 1;
            let again = Invocation { failures: Some(0), ..invocation.clone() };
            book.agenda.plan(again_at.unwrap_or(Timestamp::MAX), again);
        }
    }

    /// Says what to send where: nothing while it is going to be tried again.
    fn invoke(&self, book: &mut Book, invocation: Invocation, now: Timestamp) -> Option<(&MemoryQueue, WorkMessage)> {
        book.counts.invocations += 1;
        let Invocation { customer, due, failures } = invocation;
        let message = |customer: &CustomerId| WorkMessage { customer: customer.clone(), turn: Turn::Scheduled(due) };
        if book.target_down_until.is_none_or(|until| until <= now) {
            return Some((&self.target, message(&customer)));
        }
        book.counts.failures += 1;
        let failures = failures.unwrap_or(0) + 1;
        let Some(again_at) = retry::next_at(due, now, failures, &self.scheduler.dice.random) else {
            book.counts.dead_lettered += 1;
            return Some((&self.dlq, message(&customer)));
        };
        book.agenda.plan(again_at, Invocation { customer, due, failures: Some(failures) });
        None
    }
}
