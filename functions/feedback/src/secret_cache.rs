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

/// Why there is nothing that was read after a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It was read shortly before, and is read again from then on.
    Until(Timestamp),
    /// The last try to read it failed.
    Failed,
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

    /// What was read after `moment`, by one for all who ask at once: only with what was read afterwards it is sure that
    /// something which came then fits no key.
    ///
    /// # Errors
    /// When it can't be read, or was within the last minute but before.
    pub async fn read_after(&self, moment: Timestamp) -> Result<Arc<T>, Unread> {
        let mut held = self.held.lock().await;
        if held.read_at >= moment {
            return Ok(Arc::clone(&held.value));
        }
        let now = self.clock.now();
        if Duration::try_from(now.duration_since(held.tried_at)).is_ok_and(|age| age < SELDOM) {
            let has_failed = held.tried_at != held.read_at;
            return Err(if has_failed { Unread::Failed } else { Unread::Until(held.tried_at + SELDOM) });
        }
        held.tried_at = now;
        match (self.read)().await {
            Ok(value) => {
                (held.value, held.read_at) = (Arc::new(value), now);
                Ok(Arc::clone(&held.value))
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a secret can't be read again");
                Err(Unread::Failed)
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

    /// Reads at a moment, in seconds after the start, for what came then.
    async fn read_at(clock: &VirtualClock, cache: &SecretCache<u32>, second: i64) -> Result<u32, Unread> {
        let came_at = start() + second.seconds();
        clock.advance(Duration::try_from(came_at.duration_since(clock.now())).unwrap());
        cache.read_after(came_at).await.map(|value| *value)
    }

    #[tokio::test]
    async fn all_who_ask_at_once_get_what_one_of_them_reads() {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let cache = cache(&clock, false);
        clock.advance(Duration::from_mins(5));
        let came_at = start() + 4.minutes();
        let read = join_all((0..10).map(|_| cache.read_after(came_at))).await;
        assert!(read.iter().all(|value| value.as_deref() == Ok(&1)), "{read:?}");
    }

    #[tokio::test]
    async fn what_comes_within_a_minute_is_judged_once_it_is_over() {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let cache = cache(&clock, false);
        // What the function began with counts as read, and was before.
        let in_a_minute = Err(Unread::Until(start() + 60.seconds()));
        assert_eq!(read_at(&clock, &cache, 1).await, in_a_minute);
        assert_eq!(read_at(&clock, &cache, 59).await, in_a_minute);
        assert_eq!(read_at(&clock, &cache, 60).await, Ok(1));
        assert_eq!(read_at(&clock, &cache, 70).await, Err(Unread::Until(start() + 120.seconds())));
        clock.advance(Duration::from_secs(50));
        assert_eq!(cache.read_after(start() + 70.seconds()).await.as_deref(), Ok(&2));
        assert_eq!(cache.read_after(start() + 120.seconds()).await.as_deref(), Ok(&2));
    }

    #[tokio::test]
    async fn nothing_is_judged_by_what_could_not_be_read() {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let cache = cache(&clock, true);
        assert_eq!(read_at(&clock, &cache, 300).await, Err(Unread::Failed));
        // Whoever comes within a minute of that isn't told to be back as soon as after a success: that could go on.
        assert_eq!(read_at(&clock, &cache, 301).await, Err(Unread::Failed));
        assert_eq!(*cache.current().await, 0);
        assert_eq!(read_at(&clock, &cache, 360).await, Ok(2));
        assert_eq!(read_at(&clock, &cache, 361).await, Err(Unread::Until(start() + 420.seconds())));
    }
}
