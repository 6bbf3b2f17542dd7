use async_trait::async_trait;

use crate::{failure::Cause, keys::KeyRing};

/// Where the deployment's keys come from, for whoever needs them now and then.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Reads them.
    ///
    /// # Errors
    /// With why they can't be read, and what that takes.
    async fn keys(&self) -> Result<KeyRing, Cause>;
}
