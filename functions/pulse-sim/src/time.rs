//! Virtual time: futures that sleep, and a clock that jumps to the next one that wakes.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures::task::noop_waker;
use jiff::Timestamp;
use pulse_core::ports::Clock as _;

use crate::clock::VirtualClock;

/// Time that passes only while everyone waits for it. A month of waiting takes no longer than what
/// is done in it.
#[derive(Debug, Clone)]
pub struct VirtualTime {
    clock: Arc<VirtualClock>,
    sleepers: Arc<Mutex<Sleepers>>,
}

#[derive(Debug, Default)]
struct Sleepers {
    made: u64,
    /// By the moment they wake, then by who lay down first: the order is always the same.
    waiting: BTreeMap<(Timestamp, u64), Option<Waker>>,
}

impl VirtualTime {
    /// Time that `clock` shows.
    #[must_use]
    pub fn of(clock: Arc<VirtualClock>) -> Self {
        Self { clock, sleepers: Arc::default() }
    }

    /// Sleeps for `duration`.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        let wakes_at = self.clock.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        let key = self.sleepers().lie_down(wakes_at);
        let (sleepers, clock) = (Arc::clone(&self.sleepers), Arc::clone(&self.clock));
        poll_fn(move |context: &mut Context<'_>| {
            let mut sleepers = lock(&sleepers);
            if clock.now() >= wakes_at {
                sleepers.waiting.remove(&key);
                return Poll::Ready(());
            }
            sleepers.waiting.insert(key, Some(context.waker().clone()));
            Poll::Pending
        })
    }

    /// Runs `work` to its end, moving the clock on to the next sleeper whenever nothing else can go on.
    ///
    /// # Panics
    /// When `work` waits for something other than this time.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let waker = noop_waker();
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return done;
            }
            let next = self.sleepers().waiting.first_key_value().map(|((wakes_at, _), _)| *wakes_at);
            let next = next.expect("the work waits, and nobody sleeps");
            let by = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
            self.clock.advance(by);
            self.wake_until(next);
        }
    }

    fn wake_until(&self, now: Timestamp) {
        let due: Vec<_> = self.sleepers().due(now);
        due.into_iter().flatten().for_each(Waker::wake);
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        lock(&self.sleepers)
    }
}

impl Sleepers {
    fn lie_down(&mut self, wakes_at: Timestamp) -> (Timestamp, u64) {
        let key = (wakes_at, self.made);
        self.made += 1;
        self.waiting.insert(key, None);
        key
    }

    fn due(&mut self, now: Timestamp) -> Vec<Option<Waker>> {
        let later = self.waiting.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }
}

fn lock(sleepers: &Mutex<Sleepers>) -> MutexGuard<'_, Sleepers> {
    sleepers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    #[test]
    fn a_day_of_sleep_takes_no_time_and_sleepers_wake_in_order() {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-03T10:00:00Z".parse().unwrap()));
        let time = VirtualTime::of(clock.clone());
        let order: Vec<u64> = time.run(
            stream::iter([3_u64, 1, 2])
                .map(|hours| {
                    let time = time.clone();
                    async move {
                        time.sleep(Duration::from_secs(hours * 3600)).await;
                        time.sleep(Duration::from_hours(21)).await;
                        hours
                    }
                })
                .buffer_unordered(3)
                .collect(),
        );
        assert_eq!(order, [1, 2, 3]);
        assert_eq!(clock.now().to_string(), "2026-11-04T10:00:00Z");
    }
}
