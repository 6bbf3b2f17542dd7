use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use jiff::Timestamp;
use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock as _;

/// Secrets Manager charges for each read, and whoever sends what is forged would have it read.
const SELDOM: Duration = Duration::from_mins(1);

type Read<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T>> + Send>> + Send + Sync>;

/// What a secret holds, read again when that may help: a key that was exchanged since is believed without a deployment.
pub struct Anew<T> {
    held: Mutex<(Arc<T>, Timestamp)>,
    read: Read<T>,
}

impl<T> Anew<T> {
    /// What is held now, and how to read it again.
    pub fn new<F>(value: T, read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        Self { held: Mutex::new((Arc::new(value), SystemClock.now())), read: Box::new(move || Box::pin(read())) }
    }

    /// What is held.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.held.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// What is read anew; nothing, if it was read within the last minute, or can't be.
    pub async fn anew(&self) -> Option<Arc<T>> {
        let now = SystemClock.now();
        {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if Duration::try_from(now.duration_since(held.1)).is_ok_and(|age| age < SELDOM) {
                return None;
            }
            held.1 = now;
        }
        match (self.read)().await {
            Ok(value) => {
                let value = Arc::new(value);
                self.held.lock().unwrap_or_else(PoisonError::into_inner).0 = Arc::clone(&value);
                Some(value)
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a secret can't be read again");
                None
            }
        }
    }
}
