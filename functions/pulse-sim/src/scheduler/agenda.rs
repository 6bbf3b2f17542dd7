//! What is planned, in the order in which it comes up.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use jiff::Timestamp;
use pulse_core::customer::CustomerId;

/// Everything that is planned, the next first; of two at the same moment, the one planned first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    planned: BinaryHeap<Reverse<Planned>>,
    made: u64,
}

/// Something that is planned.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Planned {
    /// When to do it.
    pub(super) at: Timestamp,
    /// Which nothing else that was ever planned has.
    pub(super) number: u64,
    pub(super) invocation: Invocation,
}

/// One firing of a customer's schedule, or another attempt at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Invocation {
    pub(super) customer: Arc<CustomerId>,
    /// The moment that the schedule names.
    pub(super) due: Timestamp,
    /// How often the target failed to take it; `None` before it is invoked at all.
    pub(super) failures: Option<u32>,
}

impl Agenda {
    /// Plans something and says its number.
    pub(super) fn plan(&mut self, at: Timestamp, invocation: Invocation) -> u64 {
        let number = self.made;
        self.made += 1;
        self.planned.push(Reverse(Planned { at, number, invocation }));
        number
    }

    /// What comes next.
    pub(super) fn first(&self) -> Option<&Planned> {
        self.planned.peek().map(|Reverse(planned)| planned)
    }

    /// Takes what comes next.
    pub(super) fn take_first(&mut self) -> Option<Planned> {
        self.planned.pop().map(|Reverse(planned)| planned)
    }
}
