use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::ConcurrencyLimit;
use crate::{
    customer::CustomerId,
    ports::{MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError, Sleeper},
    stable_hash::stable_hash,
};

/// Calls at once, at first and at most. `EventBridge` Scheduler takes 250 a second of each kind in most Regions, and 5,000
/// in the large ones (`EventBridge` Scheduler User Guide, "Quotas"); at some 30 ms a call, 8 at once are 270 a second.
const AT_FIRST: usize = 8;
const AT_MOST: usize = 64;

/// The wait before a call is made again doubles from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The scheduler, asked at a pace that it bears: whoever is throttled waits and asks again, and fewer ask at once.
pub struct PacedSchedules {
    schedules: Arc<dyn Schedules>,
    sleeper: Arc<dyn Sleeper>,
    limit: ConcurrencyLimit,
    tries: u32,
}

impl PacedSchedules {
    /// The same scheduler, where a call that it can't take now is made up to so many times: ten are two minutes.
    #[must_use]
    pub fn new(schedules: Arc<dyn Schedules>, sleeper: Arc<dyn Sleeper>, tries: u32) -> Self {
        Self { schedules, sleeper, limit: ConcurrencyLimit::new(AT_FIRST, AT_MOST), tries }
    }

    async fn paced<T, F>(&self, customer: &CustomerId, call: impl Fn() -> F + Send) -> Result<T, ScheduleError>
    where
        F: Future<Output = Result<T, ScheduleError>> + Send,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let turn = self.limit.turn().await;
            let answer = call().await;
            if !matches!(answer, Err(ScheduleError::Unavailable { .. })) {
                turn.went_well();
                return answer;
            }
            turn.was_too_much();
            if attempt >= self.tries {
                return answer;
            }
            self.wait(customer, attempt).await;
        }
    }

    /// Half of the wait is jitter, so that those who were throttled together don't come back together.
    async fn wait(&self, customer: &CustomerId, attempt: u32) {
        let full = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_WAIT);
        let half = u64::try_from(full.as_millis()).unwrap_or(u64::MAX) / 2;
        let jitter = stable_hash("pacing", &format!("{customer}#{attempt}")) % (half + 1);
        let until = self.sleeper.now().saturating_add(Duration::from_millis(half + jitter));
        self.sleeper.sleep_until(until.unwrap_or_else(|_| self.sleeper.now())).await;
    }
}

#[async_trait]
impl Schedules for PacedSchedules {
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError> {
        self.paced(&schedule.customer, || self.schedules.put(schedule)).await
    }

    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError> {
        self.paced(customer, || self.schedules.get(customer)).await
    }

    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError> {
        self.paced(customer, || self.schedules.delete(customer)).await
    }

    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError> {
        self.schedules.list(prefix, page).await
    }
}
