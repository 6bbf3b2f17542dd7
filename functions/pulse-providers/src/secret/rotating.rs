use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use pulse_core::ports::Clock;
use tokio::sync::Mutex;

use super::SecretError;

/// A provider that refuses everybody makes every call ask for the secret anew. Secrets Manager charges for each, and
/// Parameter Store gives 40 a second to an account (AWS General Reference, "AWS Systems Manager endpoints and quotas").
const SELDOM: Duration = Duration::from_mins(1);

type Read<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, SecretError>> + Send + Sync>;

/// A secret that may be rotated while a function lives. Who is refused with it asks for it again.
pub struct Secret<T> {
    held: Mutex<Held<T>>,
    source: Option<Source<T>>,
}

struct Held<T> {
    value: T,
    read_at: Timestamp,
}

struct Source<T> {
    read: Read<T>,
    clock: Arc<dyn Clock>,
}

impl<T> Secret<T> {
    /// What `read` reads, now and whenever it is refused.
    ///
    /// # Errors
    /// When it can't be read now.
    pub async fn read<F>(
        read: impl Fn() -> F + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SecretError>
    where
        F: Future<Output = Result<T, SecretError>> + Send + 'static,
    {
        let held = Mutex::new(Held { value: read().await?, read_at: clock.now() });
        Ok(Self { held, source: Some(Source { read: Box::new(move || read().boxed()), clock }) })
    }
}

impl<T: Clone + PartialEq> Secret<T> {
    /// The value that is known. It waits for one that is being read.
    pub(crate) async fn current(&self) -> T {
        self.held.lock().await.value.clone()
    }

    /// The value to try instead of one that was refused; nothing, if there is no other. It is read again at most once a
    /// minute, by one for all who are refused at once.
    pub(crate) async fn instead_of(&self, refused: &T) -> Option<T> {
        let source = self.source.as_ref()?;
        let mut held = self.held.lock().await;
        if held.value == *refused {
            let now = source.clock.now();
            if now.duration_since(held.read_at).unsigned_abs() < SELDOM {
                return None;
            }
            let read = (source.read)().await;
            held.read_at = now;
            match read {
                Ok(value) => held.value = value,
                Err(error) => tracing::error!(%error, "a secret that was refused can't be read again"),
            }
        }
        (held.value != *refused).then(|| held.value.clone())
    }
}

/// A value that stays.
impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self { held: Mutex::new(Held { value, read_at: Timestamp::UNIX_EPOCH }), source: None }
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
