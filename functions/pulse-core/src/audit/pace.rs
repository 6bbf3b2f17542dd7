//! A rate of calls, kept by waiting.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::ports::Sleeper;

/// Waits before each further try of a call that was throttled or failed: a minute and a half in all.
pub(super) const BACKOFF: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(30),
    Duration::from_secs(30),
];

/// Calls that share a quota.
pub(super) struct Pace {
    /// Between two calls.
    interval: Duration,
    /// Before this no call is made.
    next: Mutex<Timestamp>,
}

impl Pace {
    pub(super) fn per_second(calls: u32) -> Self {
        Self { interval: Duration::from_secs(1) / calls, next: Mutex::new(Timestamp::MIN) }
    }

    /// Waits for the turn of so many calls, one after the other.
    pub(super) async fn turn(&self, sleeper: &dyn Sleeper, calls: u32) {
        let turn = self.take(sleeper.now(), calls);
        sleeper.sleep_until(turn).await;
    }

    /// Lets nobody call for a while.
    pub(super) fn rest(&self, now: Timestamp, wait: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(now.saturating_add(wait).unwrap_or(now));
    }

    fn take(&self, now: Timestamp, calls: u32) -> Timestamp {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now);
        *next = turn.saturating_add(self.interval * calls).unwrap_or(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_keep_their_distance_and_all_of_them_rest_when_one_was_throttled() {
        let pace = Pace::per_second(4);
        let now: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let after = |turn: Timestamp| turn.duration_since(now).as_millis();
        let turns = [1, 1, 3, 1].map(|calls| after(pace.take(now, calls)));
        assert_eq!(turns, [0, 250, 500, 1250]);
        pace.rest(now, Duration::from_secs(8));
        pace.rest(now, Duration::from_secs(2));
        assert_eq!([1, 1].map(|calls| after(pace.take(now, calls))), [8000, 8250]);
        let later = now + Duration::from_mins(1);
        assert_eq!(pace.take(later, 1), later, "what was not used is not saved up");
    }
}
