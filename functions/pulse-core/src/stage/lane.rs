use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// An invocation's lanes to its stage's provider. A lane is a message's from before its row is read, so that nothing is decided by what
/// was read long before, until its call has ended: what came of that is written while another message has the lane.
#[derive(Debug, Clone)]
pub(super) struct Lanes(Arc<Semaphore>);

impl Lanes {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// The next lane that is free, in the order in which they are asked for.
    pub(super) async fn take(&self) -> Lane {
        // Nobody closes it.
        Lane(Arc::new(Mutex::new(Arc::clone(&self.0).acquire_owned().await.ok())))
    }
}

/// A lane that a message has. It is free for another once the call has ended, or this is gone.
#[derive(Clone, Default)]
pub struct Lane(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Lane {
    /// Lets another message have it.
    pub(super) fn free(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}
