//! How long to wait before trying again.

use std::time::Duration;

use crate::stable_hash::stable_hash;

/// The wait after the first failed attempt, before jitter.
pub const FIRST_WAIT: Duration = Duration::from_secs(20);

/// The longest wait, before jitter. SQS takes a visibility timeout of at most 12 hours (Amazon SQS
/// Developer Guide, "Amazon SQS visibility timeout").
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

const SQS_LONGEST: Duration = Duration::from_hours(12);

/// The wait before a message's next attempt.
///
/// Doubles twice with each attempt (20 s, 80 s, 320 s, 1280 s) up to [`LONGEST_WAIT`], and takes
/// half of that at least: the other half is jitter, picked by a hash of `key` and `attempt`, so
/// that messages which failed together don't come back together. `at_least` is the provider's
/// Retry-After, which is honoured up to what SQS can wait.
#[must_use]
pub fn wait_before_retry(key: &str, attempt: u32, at_least: Option<Duration>) -> Duration {
    let doublings = attempt.saturating_sub(1).saturating_mul(2).min(16);
    let full = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let spread = u64::try_from(full.as_millis()).unwrap_or(u64::MAX) / 2;
    let jitter = stable_hash("backoff", &format!("{key}#{attempt}")) % (spread + 1);
    let wait = Duration::from_millis(spread + jitter);
    at_least.map_or(wait, |least| wait.max(least)).min(SQS_LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_stay_in_bounds_and_honour_retry_after(
            key in "[a-z0-9-]{1,40}", attempt in 0_u32..1000, least in prop::option::of(0_u64..100_000),
        ) {
            let least = least.map(Duration::from_secs);
            let wait = wait_before_retry(&key, attempt, least);
            prop_assert!(wait >= FIRST_WAIT / 2);
            prop_assert!(wait <= SQS_LONGEST);
            prop_assert!(wait >= least.unwrap_or_default().min(SQS_LONGEST));
            prop_assert!(least.is_some() || wait <= LONGEST_WAIT);
        }
    }

    #[test]
    fn messages_that_failed_together_come_back_apart() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|n| wait_before_retry(&format!("m-{n}"), 1, None)).collect();
        assert!(waits.len() > 95);
    }

    #[test]
    fn each_attempt_waits_longer_than_the_one_before() {
        let longest_first = FIRST_WAIT;
        assert!(wait_before_retry("m", 2, None) >= longest_first * 2);
        assert!(wait_before_retry("m", 3, None) >= longest_first * 8);
    }
}
