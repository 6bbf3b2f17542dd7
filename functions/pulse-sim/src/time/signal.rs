//! A call to everyone who waits.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Wakes all who wait for it. Clones are the same signal.
#[derive(Debug, Clone, Default)]
pub struct Signal(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    calls: u64,
    made: u64,
    /// By who came first.
    wakers: BTreeMap<u64, Waker>,
}

impl Signal {
    /// Wakes all who wait now.
    pub fn notify_all(&self) {
        let mut waiting = self.waiting();
        waiting.calls += 1;
        if waiting.wakers.is_empty() {
            return;
        }
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_values().for_each(Waker::wake);
    }

    /// Waits for the next [`Self::notify_all`] after this call, even if it is made before the future
    /// is first polled.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + Unpin + use<> {
        Wait { signal: self.clone(), seen: self.waiting().calls, place: None }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Wait {
    signal: Signal,
    seen: u64,
    place: Option<u64>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.signal.waiting();
        if waiting.calls > self.seen {
            return Poll::Ready(());
        }
        let place = self.place.unwrap_or(waiting.made);
        waiting.made = waiting.made.max(place + 1);
        waiting.wakers.insert(place, context.waker().clone());
        drop(waiting);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let waker = self.place.and_then(|place| self.signal.waiting().wakers.remove(&place));
        drop(waker);
    }
}
