//! All schedules, and what is planned for them.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Zone},
    ports::{MonthlySchedule, PutOutcome},
    slot::Slot,
};

use super::{
    agenda::{Agenda, PlannedInvocation, ScheduledInvocation},
    cron,
};
use crate::random::Stream;

/// A target is invoked at some moment of the minute that is due (`EventBridge` Scheduler User Guide,
/// "Schedule types on `EventBridge` Scheduler": 60 second precision).
const PRECISION: Duration = Duration::from_nanos(59_999_999_999);

/// How invocations of the target fail. Only an error "from the target API" that is "a retryable error, and not a permanent
/// error" is tried again (`EventBridge` Scheduler User Guide, "Configuring a schedule's dead-letter queue":
/// `EXHAUSTED_RETRY_CONDITION`). Which errors are permanent isn't listed: a queue that isn't there and one that refuses
/// the role are taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFailure {
    /// It can't be reached, or is throttled: each invocation is tried again.
    Unreachable,
    /// It is deleted, or its policy changed: each invocation goes to the dead-letter queue at once.
    Refused,
    /// The role that the scheduler takes on is broken. It can't send to the dead-letter queue with it either.
    RoleBroken,
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
    /// Firings that were given up, and couldn't even go there: `InvocationsFailedToBeSentToDeadLetterCount`.
    pub lost: u64,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    rows: BTreeMap<CustomerId, Row>,
    /// Zones in which schedules are refused for good.
    pub(super) refused: Vec<Zone>,
    pub(super) agenda: Agenda,
    /// How invocations of the target fail, and until when.
    pub(super) failing: Option<(TargetFailure, Timestamp)>,
    pub(super) counts: SchedulerCounts,
}

#[derive(Debug)]
struct Row {
    slot: Slot,
    is_enabled: bool,
    /// The number of its next firing. Whatever else is planned for it was planned for an older
    /// definition, and is off.
    next: Option<u64>,
}

impl Book {
    /// Puts a schedule in place of the one that is there. Its first firing is after now, whatever the
    /// old one's was.
    pub(super) fn put(&mut self, schedule: &MonthlySchedule, now: Timestamp, dice: &FiringDice) -> PutOutcome {
        let same = |row: &Row| row.is_enabled && row.slot == schedule.slot;
        let outcome = match self.rows.get(&schedule.customer) {
            Some(row) if same(row) => return PutOutcome::Unchanged,
            Some(_) => PutOutcome::Updated,
            None => PutOutcome::Created,
        };
        let (customer, slot) = (&schedule.customer, schedule.slot.clone());
        self.rows.insert(customer.clone(), Row { slot, is_enabled: true, next: None });
        self.plan_next(customer, now, dice);
        outcome
    }

    pub(super) fn get(&self, customer: &CustomerId) -> Option<MonthlySchedule> {
        let row = self.rows.get(customer).filter(|row| row.is_enabled)?;
        Some(MonthlySchedule { customer: customer.clone(), slot: row.slot.clone() })
    }

    pub(super) fn delete(&mut self, customer: &CustomerId) -> bool {
        self.rows.remove(customer).is_some()
    }

    pub(super) fn disable(&mut self, customer: &CustomerId) -> bool {
        let Some(row) = self.rows.get_mut(customer) else { return false };
        row.next = None;
        std::mem::replace(&mut row.is_enabled, false)
    }

    /// Whose schedules are live and have names that begin with `prefix`, in order, from the first after `last` on.
    pub(super) fn live_after(&self, prefix: &str, last: Option<&CustomerId>) -> impl Iterator<Item = &CustomerId> {
        let first = CustomerId::parse(prefix).ok();
        let from = last.map(Excluded).or(first.as_ref().map(Included)).unwrap_or(Unbounded);
        let rows = self.rows.range::<CustomerId, _>((from, Unbounded));
        let rows = rows.take_while(move |(customer, _)| customer.as_str().starts_with(prefix));
        rows.filter(|(_, row)| row.is_enabled).map(|(customer, _)| customer)
    }

    /// Whether something is planned that isn't off.
    pub(super) fn is_on(&self, planned: &PlannedInvocation) -> bool {
        let row = || self.rows.get(&planned.invocation.customer);
        planned.invocation.failures.is_some() || row().is_some_and(|row| row.next == Some(planned.number))
    }

    /// Plans a schedule's first firing that is due after `after`.
    pub(super) fn plan_next(&mut self, customer: &CustomerId, after: Timestamp, dice: &FiringDice) {
        let Some(row) = self.rows.get_mut(customer) else { return };
        let due = cron::next_after(&row.slot, after);
        row.next = due.map(|due| {
            let invocation = ScheduledInvocation { customer: customer.clone(), due, failures: None };
            self.agenda.plan(dice.within_window(due), invocation)
        });
    }
}

/// When exactly a schedule fires.
#[derive(Debug)]
pub(super) struct FiringDice {
    pub(super) random: Stream,
    pub(super) window: Duration,
}

impl FiringDice {
    /// Some moment of the flexible time window that begins at `due` (`EventBridge` Scheduler User
    /// Guide, "Configuring flexible time windows in `EventBridge` Scheduler"), or of its minute without one.
    fn within_window(&self, due: Timestamp) -> Timestamp {
        let late = self.random.between(Duration::ZERO, self.window.max(PRECISION));
        due.saturating_add(late).unwrap_or(Timestamp::MAX)
    }
}
