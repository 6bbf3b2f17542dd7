//! A clock that stands still until it is moved.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::ports::{Clock, Sleeper};

const SECOND: i64 = 1_000_000_000;

/// A clock that the caller moves. It counts nanoseconds, from the year 1677 to 2262; moments outside
/// are taken for the nearest inside.
#[derive(Debug)]
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        Self(AtomicI64::new(nanoseconds(now)))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.set_nanoseconds(later(self.nanoseconds(), by));
    }

    /// Makes the clock show `now`.
    pub fn set(&self, now: Timestamp) {
        self.set_nanoseconds(nanoseconds(now));
    }

    /// Nanoseconds since 1970.
    pub(crate) fn nanoseconds(&self) -> i64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn set_nanoseconds(&self, now: i64) {
        self.0.store(now, Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        timestamp(self.nanoseconds())
    }
}

/// Whoever sleeps moves the clock on: nobody else does anything meanwhile.
#[async_trait]
impl Sleeper for VirtualClock {
    async fn sleep_until(&self, moment: Timestamp) {
        self.0.fetch_max(nanoseconds(moment), Relaxed);
    }
}

/// A moment in nanoseconds since 1970.
pub(crate) fn nanoseconds(moment: Timestamp) -> i64 {
    moment.as_second().saturating_mul(SECOND).saturating_add(i64::from(moment.subsec_nanosecond()))
}

/// The moment so many nanoseconds after `moment`.
pub(crate) fn later(moment: i64, by: Duration) -> i64 {
    moment.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX))
}

/// Dividing 64 bits is several times as fast as the 128 bits of [`Timestamp::from_nanosecond`].
fn timestamp(nanoseconds: i64) -> Timestamp {
    let within = i32::try_from(nanoseconds.rem_euclid(SECOND)).unwrap_or_default();
    Timestamp::new(nanoseconds.div_euclid(SECOND), within).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_the_clock_to_the_nanosecond() {
        for moment in ["1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z", "2026-11-03T10:00:00.000000001Z"] {
            let moment: Timestamp = moment.parse().unwrap();
            let clock = VirtualClock::starting_at(Timestamp::UNIX_EPOCH);
            clock.set(moment);
            assert_eq!(clock.now(), moment);
            clock.advance(Duration::new(1, 1));
            assert_eq!(clock.now().duration_since(moment), jiff::SignedDuration::new(1, 1));
        }
    }

    #[test]
    fn moments_beyond_the_clock_are_the_last_that_it_shows() {
        let clock = VirtualClock::starting_at(Timestamp::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now().to_string(), "2262-04-11T23:47:16.854775807Z");
    }
}
