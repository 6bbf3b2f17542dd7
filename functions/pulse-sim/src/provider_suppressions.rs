//! A provider's own list of suppressed addresses, in memory.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    customer::EmailAddress,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{ProviderRelease, ProviderSuppressions},
};

/// SES's list, as far as it matters here: who is on it.
#[derive(Debug, Default)]
pub struct MemoryProviderSuppressions {
    digests: Mutex<BTreeSet<String>>,
}

impl MemoryProviderSuppressions {
    /// Has the provider put an address on its list.
    pub fn hold(&self, address: &EmailAddress) {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).insert(address.digest());
    }
}

#[async_trait]
impl ProviderSuppressions for MemoryProviderSuppressions {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    async fn release(&self, address: &EmailAddress) -> Result<ProviderRelease, Cause> {
        let was_held = self.digests.lock().unwrap_or_else(PoisonError::into_inner).remove(&address.digest());
        Ok(if was_held { ProviderRelease::Released } else { ProviderRelease::NotHeld })
    }
}
