//! What is planned, in the order in which it comes up.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use jiff::Timestamp;
use pulse_core::customer::CustomerId;

use crate::random::Stream;

/// Everything that is planned, the next first; of two at the same moment, the one planned first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    planned: BinaryHeap<Reverse<PlannedInvocation>>,
    made: u64,
}

/// Something that is planned.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlannedInvocation {
    /// When to do it.
    pub(super) at: Timestamp,
    /// Which nothing else that was ever planned has.
    pub(super) number: u64,
    pub(super) invocation: ScheduledInvocation,
}

/// One firing of a customer's schedule, or another attempt at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ScheduledInvocation {
    pub(super) customer: CustomerId,
    /// The moment that the schedule names.
    pub(super) due: Timestamp,
    /// How often the target failed to take it; `None` before it is invoked at all.
    pub(super) failures: Option<u32>,
}

impl Agenda {
    /// Plans something and says its number.
    pub(super) fn plan(&mut self, at: Timestamp, invocation: ScheduledInvocation) -> u64 {
        let number = self.made;
        self.made += 1;
        self.planned.push(Reverse(PlannedInvocation { at, number, invocation }));
        number
    }

    /// What comes next.
    pub(super) fn first(&self) -> Option<&PlannedInvocation> {
        self.planned.peek().map(|Reverse(planned)| planned)
    }

    /// Takes what comes next.
    pub(super) fn take_first(&mut self) -> Option<PlannedInvocation> {
        self.planned.pop().map(|Reverse(planned)| planned)
    }
}

/// The most retries, and for how long (`EventBridge` Scheduler API Reference, `RetryPolicy`), as the
/// schedules of Pulse have them.
const MOST_RETRIES: u32 = 185;
const LONGEST: Duration = Duration::from_hours(24);

/// AWS says that it backs off exponentially, but not how far: up to ten minutes here, so that a day
/// holds no more than the retries that there may be.
const MOST_SECONDS: f64 = 600.0;

/// When an invocation is tried again that was due at `due` and has failed `failures` times, or `None`
/// when it is given up.
pub(super) fn next_at(due: Timestamp, now: Timestamp, failures: u32, random: &Stream) -> Option<Timestamp> {
    let seconds = 2_f64.powi(i32::try_from(failures).unwrap_or(i32::MAX)).min(MOST_SECONDS);
    let wait = Duration::from_secs_f64(seconds * (0.75 + random.unit() / 4.0));
    let next = now.checked_add(wait).ok()?;
    let ends_at = due.checked_add(LONGEST).ok()?;
    (failures <= MOST_RETRIES && next <= ends_at).then_some(next)
}

/// The invocations throttle limit: what is over it is delayed, not lost (`EventBridge` Scheduler User
/// Guide, "Quotas for Amazon `EventBridge` Scheduler").
#[derive(Debug)]
pub(super) struct Quota {
    per_second: u32,
    second: i64,
    used: u32,
}

impl Quota {
    /// At least one a second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), second: i64::MIN, used: 0 }
    }

    /// Takes one of this second's invocations, or says when there are more.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if self.second != now.as_second() {
            (self.second, self.used) = (now.as_second(), 0);
        }
        if self.used < self.per_second {
            self.used += 1;
            return Ok(());
        }
        Err(Timestamp::from_second(self.second + 1).unwrap_or(Timestamp::MAX))
    }
}
