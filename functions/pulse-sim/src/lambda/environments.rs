//! The execution environments of a function, and what their use comes to.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

/// What a function was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FunctionUse {
    /// Invocations that ran, however they ended. These are the requests that Lambda bills.
    pub invocations: u64,
    /// Invocations that reserved concurrency refused. They are not billed.
    pub throttles: u64,
    /// Invocations that ran into their deadline.
    pub timeouts: u64,
    /// Invocations that were killed.
    pub deaths: u64,
    /// Invocations that had to wait for a new environment.
    pub cold_starts: u64,
    /// What Lambda bills, before it is multiplied by the memory: each invocation's duration, rounded up
    /// to the millisecond, with the time that its environment took to start (AWS Lambda Developer
    /// Guide, "Lambda execution environment": Init phase; AWS Lambda Pricing).
    pub billed: Duration,
}

/// How an invocation ended, or that nobody waits for it any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    TimedOut,
    Died,
    Abandoned,
}

#[derive(Debug, Default)]
pub(super) struct Environments {
    pub(super) reserved: Option<u32>,
    pub(super) running: u32,
    pub(super) counted: FunctionUse,
    deployments: u64,
    /// How many were ever started: the next one's number.
    started: u64,
    /// Since when each has been idle, and its number; the one that was used last is last, and is the next to be used.
    warm: VecDeque<(Timestamp, u64)>,
}

/// One environment that runs an invocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied {
    pub(super) is_cold: bool,
    /// Which nothing else that ever ran has.
    pub(super) number: u64,
    since: Timestamp,
    deployment: u64,
}

impl Environments {
    /// Gives an invocation an environment. None if as many run as may.
    pub(super) fn occupy(&mut self, now: Timestamp, keep_warm: Duration) -> Option<Occupied> {
        if self.reserved.is_some_and(|reserved| self.running >= reserved) {
            self.counted.throttles += 1;
            return None;
        }
        while self.warm.front().is_some_and(|(since, _)| elapsed(*since, now) > keep_warm) {
            self.warm.pop_front();
        }
        let warm = self.warm.pop_back();
        let is_cold = warm.is_none();
        let number = warm.map_or(self.started, |(_, number)| number);
        self.started += u64::from(is_cold);
        self.running += 1;
        self.counted.invocations += 1;
        self.counted.cold_starts += u64::from(is_cold);
        Some(Occupied { is_cold, number, since: now, deployment: self.deployments })
    }

    /// Takes an environment back. One whose process ended with the invocation is gone, as is one that
    /// runs code which was replaced since.
    pub(super) fn vacate(&mut self, occupied: Occupied, now: Timestamp, end: End) {
        self.running -= 1;
        self.counted.timeouts += u64::from(end == End::TimedOut);
        self.counted.deaths += u64::from(end == End::Died);
        self.counted.billed += whole_milliseconds(elapsed(occupied.since, now));
        if end == End::Answered && occupied.deployment == self.deployments {
            self.warm.push_back((now, occupied.number));
        }
    }

    pub(super) fn deploy(&mut self) {
        self.deployments += 1;
        self.warm.clear();
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

fn whole_milliseconds(duration: Duration) -> Duration {
    let milliseconds = duration.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}
