use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Mutex;

/// What many look at, and one reads: whoever comes while it is fresh, or is being read, gets the same.
#[derive(Debug)]
pub struct Shared<T> {
    fresh_for: Duration,
    last: Mutex<Option<(Timestamp, T)>>,
}

impl<T: Clone> Shared<T> {
    /// Nothing was read yet. What is read is fresh for so long.
    #[must_use]
    pub fn fresh_for(fresh_for: Duration) -> Self {
        Self { fresh_for, last: Mutex::new(None) }
    }

    /// What was read last, or is read now.
    ///
    /// # Errors
    /// When it can't be read. The next to ask has it read again.
    pub async fn get<E>(&self, now: Timestamp, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.get_while(now, |_| self.fresh_for, read).await
    }

    /// The same of what says itself how long it is fresh.
    async fn get_while<E>(
        &self,
        now: Timestamp,
        fresh_for: impl Fn(&T) -> Duration,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut last = self.last.lock().await;
        if let Some((at, value)) = &*last
            && (*at > now || Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age < fresh_for(value)))
        {
            return Ok(value.clone());
        }
        let value = read.await?;
        *last = Some((now, value.clone()));
        Ok(value)
    }

    /// Forgets what was read, as something has changed.
    pub async fn forget(&self) {
        *self.last.lock().await = None;
    }
}

/// The most things of a kind that are remembered.
const MOST: usize = 100;

/// What is [shared](Shared) of things of a kind, each by itself.
#[derive(Debug)]
pub(crate) struct SharedOf<K, T> {
    fresh_for: Duration,
    each: Mutex<HashMap<K, Arc<Shared<T>>>>,
}

impl<K: Eq + Hash + Clone, T: Clone> SharedOf<K, T> {
    pub(crate) fn fresh_for(fresh_for: Duration) -> Self {
        Self { fresh_for, each: Mutex::default() }
    }

    /// What was read of it last, or is read now.
    pub(crate) async fn get<E>(
        &self,
        key: &K,
        now: Timestamp,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.of(key).await.get(now, read).await
    }

    /// The same of what says itself how long it is fresh.
    pub(crate) async fn get_while<E>(
        &self,
        key: &K,
        now: Timestamp,
        fresh_for: impl Fn(&T) -> Duration,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.of(key).await.get_while(now, fresh_for, read).await
    }

    async fn of(&self, key: &K) -> Arc<Shared<T>> {
        let mut each = self.each.lock().await;
        if each.len() >= MOST && !each.contains_key(key) {
            each.clear();
        }
        each.entry(key.clone()).or_insert_with(|| Arc::new(Shared::fresh_for(self.fresh_for))).clone()
    }

    /// Forgets what was read of it, as it has changed.
    pub(crate) async fn forget(&self, key: &K) {
        self.each.lock().await.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use jiff::ToSpan as _;

    use super::*;

    #[tokio::test]
    async fn twenty_who_look_cost_as_much_as_one() {
        let (shared, reads) = (Shared::fresh_for(Duration::from_secs(10)), AtomicU32::new(0));
        let start = Timestamp::from_second(1_795_000_000).unwrap();
        let read = async || Ok::<_, ()>(reads.fetch_add(1, Ordering::Relaxed) + 1);
        let looks = join_all((0..20).map(|_| shared.get(start, read()))).await;
        assert!(looks.iter().all(|look| *look == Ok(1)), "{looks:?}");
        assert_eq!(shared.get(start + 9.seconds(), read()).await, Ok(1));
        assert_eq!(shared.get(start + 10.seconds(), read()).await, Ok(2));
        assert_eq!(shared.get(start + 20.seconds(), async { Err(()) }).await, Err(()));
        assert_eq!(shared.get(start + 20.seconds(), read()).await, Ok(3));
        shared.forget().await;
        assert_eq!(shared.get(start + 20.seconds(), read()).await, Ok(4));
    }

    #[tokio::test]
    async fn each_of_many_is_shared_by_itself_and_no_more_are_remembered_than_so_many() {
        let (shared, reads) = (SharedOf::fresh_for(Duration::from_secs(10)), AtomicU32::new(0));
        let start = Timestamp::from_second(1_795_000_000).unwrap();
        let read = async || Ok::<_, ()>(reads.fetch_add(1, Ordering::Relaxed) + 1);
        assert_eq!(shared.get(&0, start, read()).await, Ok(1));
        assert_eq!(shared.get(&1, start, read()).await, Ok(2));
        assert_eq!(shared.get(&0, start, read()).await, Ok(1));
        shared.forget(&0).await;
        assert_eq!(shared.get(&0, start, read()).await, Ok(3));
        for key in 2..1_000 {
            shared.get(&key, start, read()).await.unwrap();
        }
        assert!(shared.each.lock().await.len() <= MOST);
    }
}
