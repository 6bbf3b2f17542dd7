use std::{future::Future, time::Duration};

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
        let mut last = self.last.lock().await;
        let is_fresh = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < self.fresh_for);
        if let Some((at, value)) = &*last
            && (is_fresh(*at) || *at > now)
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
}
