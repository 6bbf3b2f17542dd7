use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use anyhow::Result;
use jiff::Timestamp;
use pulse_core::ports::Clock;
use tokio::sync::Mutex;

/// Secrets Manager charges for each read, and whoever sends what is forged would have it read.
const SELDOM: Duration = Duration::from_mins(1);

type Read<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T>> + Send>> + Send + Sync>;

/// What a secret holds, read again when that may help: a key that was exchanged since is believed without a deployment.
pub struct SecretCache<T> {
    held: Mutex<Held<T>>,
    read: Read<T>,
    clock: Arc<dyn Clock>,
}

struct Held<T> {
    value: Arc<T>,
    read_at: Timestamp,
    tried_at: Timestamp,
}

impl<T> SecretCache<T> {
    /// What is held now, and how to read it again.
    pub fn new<F>(value: T, clock: Arc<dyn Clock>, read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let now = clock.now();
        let held = Held { value: Arc::new(value), read_at: now, tried_at: now };
        Self { held: Mutex::new(held), read: Box::new(move || Box::pin(read())), clock }
    }

    /// What is held. It waits for what is being read.
    pub async fn current(&self) -> Arc<T> {
        Arc::clone(&self.held.lock().await.value)
    }

    /// What was read after `moment`, by one for all who ask at once. Nothing if it can't be read, or was within the last
    /// minute but before: only with what was read afterwards it is sure that something which came then fits no key.
    pub async fn read_after(&self, moment: Timestamp) -> Option<Arc<T>> {
        let mut held = self.held.lock().await;
        if held.read_at >= moment {
            return Some(Arc::clone(&held.value));
        }
        let now = self.clock.now();
        if Duration::try_from(now.duration_since(held.tried_at)).is_ok_and(|age| age < SELDOM) {
            return None;
        }
        held.tried_at = now;
        match (self.read)().await {
            Ok(value) => {
                (held.value, held.read_at) = (Arc::new(value), now);
                Some(Arc::clone(&held.value))
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a secret can't be read again");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use jiff::ToSpan as _;
    use pulse_sim::clock::VirtualClock;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    fn cache(clock: &Arc<VirtualClock>, fails_first: bool) -> SecretCache<u32> {
        let reads = Arc::new(AtomicU32::new(0));
        SecretCache::new(0, clock.clone(), move || {
            let read = reads.fetch_add(1, Ordering::Relaxed) + 1;
            async move { if fails_first && read == 1 { Err(anyhow::anyhow!("throttled")) } else { Ok(read) } }
        })
    }

    #[tokio::test]
    async fn all_who_ask_at_once_get_what_one_of_them_reads() {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let cache = cache(&clock, false);
        clock.advance(Duration::from_mins(5));
        let came_at = start() + 4.minutes();
        let read = join_all((0..10).map(|_| cache.read_after(came_at))).await;
        assert!(read.iter().all(|value| value.as_deref() == Some(&1)), "{read:?}");
        // What comes afterwards is not judged by what was read before, and not read for at once.
        clock.advance(Duration::from_secs(10));
        assert_eq!(cache.read_after(start() + 309.seconds()).await, None);
        clock.advance(Duration::from_mins(1));
        assert_eq!(cache.read_after(start() + 309.seconds()).await.as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn nothing_is_judged_by_what_could_not_be_read() {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let cache = cache(&clock, true);
        clock.advance(Duration::from_mins(5));
        assert_eq!(cache.read_after(start() + 4.minutes()).await, None);
        assert_eq!(cache.read_after(start() + 4.minutes()).await, None);
        assert_eq!(*cache.current().await, 0);
        clock.advance(Duration::from_mins(1));
        assert_eq!(cache.read_after(start() + 4.minutes()).await.as_deref(), Some(&2));
    }
}
