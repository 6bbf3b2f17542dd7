//! Who sleeps, and until when.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::clock::VirtualClock;

/// When a sleeper wakes, in nanoseconds, then who lay down first: the order is always the same.
type Place = (i64, u64);

#[derive(Debug)]
pub(super) struct Timers {
    pub(super) clock: Arc<VirtualClock>,
    sleepers: Mutex<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    made: u64,
    waiting: BTreeMap<Place, Waker>,
}

/// A sleep. It holds up time once it is polled, and no longer once it is dropped.
#[derive(Debug)]
pub(super) struct Sleep {
    timers: Arc<Timers>,
    wakes_at: i64,
    place: Option<Place>,
}

impl Timers {
    pub(super) fn of(clock: Arc<VirtualClock>) -> Self {
        Self { clock, sleepers: Mutex::default() }
    }

    pub(super) fn sleep_until(self: &Arc<Self>, wakes_at: i64) -> Sleep {
        Sleep { timers: Arc::clone(self), wakes_at, place: None }
    }

    /// Moves the clock on to the next sleeper, if that is no later than `limit`, and wakes all whose
    /// moment it is. False if nobody was there to wake.
    pub(super) fn wake_next(&self, limit: i64) -> bool {
        let next = self.sleepers().waiting.first_key_value().map(|((wakes_at, _), _)| *wakes_at);
        let Some(next) = next.filter(|next| *next <= limit) else {
            return false;
        };
        let now = self.clock.nanoseconds().max(next);
        self.clock.set_nanoseconds(now);
        // One by one, and woken without the lock: a waker may be the last to hold other sleeps.
        while let Some(waker) = self.take_due(now) {
            waker.wake();
        }
        true
    }

    fn take_due(&self, now: i64) -> Option<Waker> {
        let mut sleepers = self.sleepers();
        let first = sleepers.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleepers {
    fn lie_down(&mut self, wakes_at: i64, waker: Waker) -> Place {
        let place = (wakes_at, self.made);
        self.made += 1;
        self.waiting.insert(place, waker);
        place
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.timers.clock.nanoseconds() >= self.wakes_at {
            return Poll::Ready(());
        }
        let mut sleepers = self.timers.sleepers();
        let before = self.place.and_then(|place| sleepers.waiting.get_mut(&place));
        let lain_down = match before {
            Some(waker) => {
                waker.clone_from(context.waker());
                None
            }
            None => Some(sleepers.lie_down(self.wakes_at, context.waker().clone())),
        };
        drop(sleepers);
        self.place = lain_down.or(self.place);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.place.and_then(|place| self.timers.sleepers().waiting.remove(&place));
        // Dropped here, without the lock: it may be the last to hold other sleeps.
        drop(waker);
    }
}
