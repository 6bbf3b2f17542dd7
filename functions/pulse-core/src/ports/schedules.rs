use async_trait::async_trait;

use crate::{customer::CustomerId, failure::Cause, pacing::MayPass, slot::Slot};

/// A customer's monthly schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlySchedule {
    /// The customer that it is of.
    pub customer: CustomerId,
    /// The monthly moment, in the customer's own time zone.
    pub slot: Slot,
}

/// What putting a schedule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// There was none.
    Created,
    /// There was another.
    Updated,
    /// It was there already, just so.
    Unchanged,
}

/// Why a schedule couldn't be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Try again.
    #[error("the schedule of {customer} can't be changed right now: {}", .cause.clause())]
    Unavailable {
        /// Whose schedule.
        customer: CustomerId,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// This schedule is refused for good; another may be taken.
    #[error("the schedule of {customer} is refused: {}", .cause.clause())]
    Refused {
        /// Whose schedule.
        customer: CustomerId,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// Nobody's schedule can be used: a permission is missing, or the credentials are over, or there is no such group.
    #[error("the schedule of {customer} can't be used, nor anybody's: {}", .cause.clause())]
    Denied {
        /// Whose schedule was tried.
        customer: CustomerId,
        /// The cause, in words for an operator.
        cause: Cause,
    },
}

impl MayPass for ScheduleError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Why the schedules couldn't be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchedulesError {
    /// Try again.
    #[error("the schedules can't be listed right now: {0}")]
    Unavailable(Cause),
    /// Another try is refused too: a permission is missing, the credentials are over, or there is no such group.
    #[error("the schedules can't be listed: {0}")]
    Denied(Cause),
}

impl MayPass for SchedulesError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Some of the schedules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchedulePage {
    /// Whose: those that are live.
    pub customers: Vec<CustomerId>,
    /// How to ask for the next page, if there is one.
    pub next: Option<String>,
}

/// The scheduler: one monthly schedule per customer, which puts [`schedule
/// messages`](crate::message::WorkMessage::schedule_input) on the score queue.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// Creates or changes a customer's schedule. Doing it twice is doing it once.
    async fn put(&self, schedule: &MonthlySchedule) -> Result<PutOutcome, ScheduleError>;

    /// A customer's live schedule. One that is disabled or isn't Pulse's own counts as none.
    async fn get(&self, customer: &CustomerId) -> Result<Option<MonthlySchedule>, ScheduleError>;

    /// Deletes a customer's schedule. Says whether there was one.
    async fn delete(&self, customer: &CustomerId) -> Result<bool, ScheduleError>;

    /// Lists customers with a live schedule whose ids begin with `prefix`, page by page: `None` asks for the first. What
    /// each schedule says is told by [`get`](Self::get) only; one that sends the wrong thing may be among them.
    async fn list(&self, prefix: &str, page: Option<String>) -> Result<SchedulePage, SchedulesError>;
}
