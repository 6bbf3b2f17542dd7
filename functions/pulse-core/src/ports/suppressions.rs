use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::LedgerError;
use crate::{
    customer::EmailAddress,
    failure::Cause,
    feedback::FeedbackSource,
    suppression::{Suppression, SuppressionReason},
};

/// Suppressed addresses, as far as that can be told without knowing one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuppressionsFound {
    /// How many hold, by the worst reason of each.
    pub by_reason: BTreeMap<SuppressionReason, u64>,
    /// How many were released, and suppressed for nothing since.
    pub released: u64,
    /// The newest of all.
    pub newest: Vec<SuppressionFound>,
}

/// One that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionFound {
    /// The digest under which it is kept. The address can't be told from it.
    pub digest: String,
    /// What is kept.
    pub suppression: Suppression,
}

/// Suppressed addresses as a list. Rows that releases before this one wrote are not on it, until they are written again.
#[async_trait]
pub trait SuppressionList: Send + Sync {
    /// The digest under which what is kept of an address is written.
    async fn digest_of(&self, address: &EmailAddress) -> Result<String, LedgerError>;

    /// Counts them as of `now`, and gives the newest of each kind: at most `limit` in all.
    async fn suppressions(&self, now: Timestamp, limit: usize) -> Result<SuppressionsFound, LedgerError>;
}

/// What came of releasing an address at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderRelease {
    /// The provider held it, and doesn't any more.
    Released,
    /// The provider didn't hold it.
    NotHeld,
}

/// A provider's own list of addresses that it drops mails to after accepting them.
#[async_trait]
pub trait ProviderSuppressions: Send + Sync {
    /// Whose list it is.
    fn source(&self) -> FeedbackSource;

    /// Takes an address off the list. One that isn't on it is no error.
    ///
    /// # Errors
    /// With why it couldn't be done, without the address.
    async fn release(&self, address: &EmailAddress) -> Result<ProviderRelease, Cause>;
}
