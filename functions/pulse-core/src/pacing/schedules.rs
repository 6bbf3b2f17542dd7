use async_trait::async_trait;

use super::Pace;
use crate::{
    customer::CustomerId,
    ports::{MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError, Sleeper},
};

/// Pages of schedules that are asked for in a second. `EventBridge` Scheduler takes 50 `ListSchedules` a second of an
/// account (`EventBridge` Scheduler User Guide, "Quotas"); the rest is for others.
const PAGES_PER_SECOND: u32 = 40;

/// The scheduler, asked at a pace that it bears.
pub struct PacedSchedules<'a> {
    schedules: &'a dyn Schedules,
    sleeper: &'a dyn Sleeper,
    of_one: Pace,
    pages: Pace,
}

impl<'a> PacedSchedules<'a> {
    /// The same scheduler. Its calls about one schedule are as many as it takes.
    #[must_use]
    pub fn new(schedules: &'a dyn Schedules, sleeper: &'a dyn Sleeper) -> Self {
        Self { schedules, sleeper, of_one: Pace::default(), pages: Pace::per_second(PAGES_PER_SECOND) }
    }

    /// No more than so many calls about one schedule in any second.
    #[must_use]
    pub fn per_second(self, calls: u32) -> Self {
        Self { of_one: Pace::per_second(calls), ..self }
    }
}

#[async_trait]
impl Schedules for PacedSchedules<'_> {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.of_one.call(self.sleeper, schedule.customer.as_str(), || self.schedules.put(schedule)).await
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.of_one.call(self.sleeper, customer.as_str(), || self.schedules.get(customer)).await
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.of_one.call(self.sleeper, customer.as_str(), || self.schedules.delete(customer)).await
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.pages.call(self.sleeper, prefix, || self.schedules.list(prefix, page.clone())).await
    }
}
