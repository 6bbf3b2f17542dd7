use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::ConcurrencyLimit;
use crate::{ports::Sleeper, stable_hash::stable_hash};

/// Calls at once, at first and at most. `EventBridge` Scheduler takes 250 a second of each kind in most Regions, and 5,000
/// in the large ones (`EventBridge` Scheduler User Guide, "Quotas"); at some 30 ms a call, 8 at once are 270 a second.
const AT_FIRST: usize = 8;
const AT_MOST: usize = 64;

/// How often a call is made that a service can't take now: over two minutes at most.
const TRIES: u32 = 10;

/// The wait before a call is made again doubles from the first to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A failure that may be none the next time.
pub trait MayPass {
    /// Whether it is one of throttling, of an outage or of the like, and not of what was asked or who asked it.
    fn may_pass(&self) -> bool;
}

/// Calls that share a quota, at the pace that the service takes: who is throttled waits and asks again, and fewer ask at
/// once; and where the quota is known, no more of them in any second.
#[derive(Debug)]
pub struct Pace {
    limit: ConcurrencyLimit,
    /// From one call to the next.
    interval: Duration,
    /// The first moment that isn't given away.
    free: Mutex<Timestamp>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limit: ConcurrencyLimit::new(AT_FIRST, AT_MOST),
            interval: Duration::ZERO,
            free: Mutex::new(Timestamp::MIN),
        }
    }
}

impl Pace {
    /// No more than so many calls in any second.
    #[must_use]
    pub fn per_second(calls: u32) -> Self {
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(calls.max(1))));
        Self { interval, ..Self::default() }
    }

    /// Makes a call when it is its turn, and again while its failure [may pass](MayPass). `key` tells it from others that
    /// fail at the same time: they don't come back together.
    ///
    /// # Errors
    /// What the call came to at last.
    pub async fn call<T, E, F>(
        &self,
        sleeper: &dyn Sleeper,
        key: &str,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T, E>
    where
        T: Send,
        E: MayPass + Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let one = || {
            let answer = call();
            async move {
                let turn = self.limit.turn().await;
                if !self.interval.is_zero() {
                    sleeper.sleep_until(self.take(sleeper.now())).await;
                }
                let answer = answer.await;
                match &answer {
                    Err(error) if error.may_pass() => turn.was_too_much(),
                    _ => turn.went_well(),
                }
                answer
            }
        };
        patiently(sleeper, key, one).await
    }

    /// A moment that nobody else has. Those that nobody wanted are not made up for.
    fn take(&self, now: Timestamp) -> Timestamp {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = now.max(*free);
        *free = moment.saturating_add(self.interval).unwrap_or(Timestamp::MAX);
        moment
    }
}

/// Does something until it is done, fails for good, or was tried ten times.
///
/// # Errors
/// What it came to at last.
pub async fn patiently<T, E, F>(sleeper: &dyn Sleeper, key: &str, work: impl Fn() -> F) -> Result<T, E>
where
    E: MayPass,
    F: Future<Output = Result<T, E>>,
{
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if error.may_pass() && attempt < TRIES => {}
            done => return done,
        }
        let until = sleeper.now().saturating_add(wait_after(attempt, key));
        sleeper.sleep_until(until.unwrap_or_else(|_| sleeper.now())).await;
        attempt += 1;
    }
}

/// Half of the wait is jitter.
fn wait_after(attempt: u32, key: &str) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_WAIT);
    let half = u64::try_from(full.as_millis()).unwrap_or(u64::MAX) / 2;
    Duration::from_millis(half + stable_hash("pacing", &format!("{key}#{attempt}")) % (half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_keep_their_distance_and_what_was_not_used_is_not_saved_up() {
        let pace = Pace::per_second(4);
        let now: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let turns = [(); 3].map(|()| pace.take(now).duration_since(now).as_millis());
        assert_eq!(turns, [0, 250, 500]);
        let later = now + Duration::from_mins(1);
        assert_eq!(pace.take(later), later);
    }

    #[test]
    fn waits_double_and_last_two_minutes_at_most() {
        let all: Duration = (1..TRIES).map(|attempt| wait_after(attempt, "c-1")).sum();
        assert!((Duration::from_mins(1)..=Duration::from_secs(122)).contains(&all), "{all:?}");
        assert_ne!(wait_after(3, "c-1"), wait_after(3, "c-2"));
        assert!(wait_after(1, "c-1") <= FIRST_WAIT && wait_after(9, "c-1") >= LONGEST_WAIT / 2);
    }
}
