//! Connections that one invocation doesn't hand on to the next.
//!
//! Lambda freezes a function once it has answered, and thaws it for its next invocation (AWS Lambda Developer Guide,
//! "Understanding the Lambda execution environment lifecycle"). Meanwhile the other side, or what lies on the way, closes
//! or forgets idle connections, and the function doesn't hear of it. What is then written to such a connection is of
//! unknown fate.
//!
//! A pool's idle time alone is no help: it goes by the monotonic clock, of which it isn't documented whether it runs on in
//! a freeze. It did in freezes of up to three minutes that were measured (aws/aws-lambda-web-adapter#830), and others
//! found it standing still (ConductorOne/baton-sdk#1007, hashicorp/vault-lambda-extension#150). So each invocation begins
//! with no connection at all, whatever the clocks say, and the idle time holds within an invocation, where they run.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What a provider's connections are told by that a new invocation has begun.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<AtomicU64>);

impl Connections {
    /// None that was opened before is used again.
    pub fn renew(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn invocation(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A client with its pool of connections, made anew in each invocation.
pub struct Pooled<C> {
    connections: Connections,
    make: Box<dyn Fn() -> Option<C> + Send + Sync>,
    current: Mutex<Current<C>>,
}

struct Current<C> {
    client: C,
    /// In which invocation it was used last. One that nobody has used has no connections yet.
    used_in: Option<u64>,
}

impl<C: Clone> Pooled<C> {
    /// `first` in the first invocation that has any use for it, and what `make` makes in each later one.
    pub fn new(first: C, make: impl Fn() -> Option<C> + Send + Sync + 'static) -> Self {
        Self {
            connections: Connections::default(),
            make: Box::new(make),
            current: Mutex::new(Current { client: first, used_in: None }),
        }
    }

    /// What the client is told by that a new invocation has begun.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// The client of this invocation. Where none can be made any more, the one before has to do.
    #[must_use]
    pub fn client(&self) -> C {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let invocation = self.connections.invocation();
        if current.used_in.is_some_and(|then| then != invocation)
            && let Some(client) = (self.make)()
        {
            current.client = client;
        }
        current.used_in = Some(invocation);
        current.client.clone()
    }
}

impl<C> fmt::Debug for Pooled<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").field("connections", &self.connections).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_once_for_each_invocation_that_uses_it_and_the_first_is_used() {
        let made = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&made);
        let pooled = Pooled::new(0, move || Some(count.fetch_add(1, Ordering::Relaxed) + 1));
        // As the functions do it, an invocation begins with a renewal.
        pooled.connections().renew();
        assert_eq!([pooled.client(), pooled.client()], [0, 0]);
        pooled.connections().renew();
        assert_eq!([pooled.client(), pooled.client()], [1, 1]);
        pooled.connections().renew();
        pooled.connections().renew();
        assert_eq!([pooled.client(), pooled.client()], [2, 2]);
        assert_eq!(made.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn where_no_client_can_be_made_the_one_before_does() {
        let pooled = Pooled::new(7, || None);
        for _ in 0..2 {
            pooled.connections().renew();
            assert_eq!(pooled.client(), 7);
        }
    }
}
