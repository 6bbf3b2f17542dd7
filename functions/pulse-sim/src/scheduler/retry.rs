//! When a target that failed is tried again.

use std::time::Duration;

use jiff::Timestamp;

use crate::random::Stream;

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
