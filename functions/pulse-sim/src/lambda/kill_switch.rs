//! The end of an invocation from within.

use std::{
    convert::Infallible,
    future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Waker,
};

use futures::task::AtomicWaker;

/// Ends one invocation as if its process were killed. Clones share one switch.
///
/// Whoever stands between the code and the world (a layer of faults around its ports) can let it
/// strike at any await. An invocation that has ended doesn't mind.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(Arc<MailLookup>);

#[derive(Debug, Default)]
struct MailLookup {
    sealed: AtomicBool,
    invocation: AtomicWaker,
}

impl KillSwitch {
    /// Strikes at this await, which never ends: the invocation is [`Died`](super::InvokeError::Died) by
    /// the time that its code would go on, and all that the code holds is dropped.
    pub async fn strike(&self) -> Infallible {
        self.seal();
        future::pending().await
    }

    /// Strikes from outside of the invocation, at whichever await it is.
    pub fn seal(&self) {
        self.0.sealed.store(true, Relaxed);
        self.0.invocation.wake();
    }

    /// Whether it has struck.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.0.sealed.load(Relaxed)
    }

    pub(super) fn watch(&self, invocation: &Waker) {
        self.0.invocation.register(invocation);
    }
}
