use std::time::Duration;

use async_trait::async_trait;

use crate::{customer::Product, entry::EntryId, failure::Cause, score::Score, trace::TraceHeader};

/// What the scoring provider is asked. It learns no name and no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRequest {
    /// Customer and run, and item where there is one; the same for every attempt.
    pub entry: EntryId,
    /// What the customer has.
    pub product: Product,
    /// What the call is traced by.
    pub trace: Option<TraceHeader>,
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// Try again, no sooner than `after` if the provider said so.
    #[error("{cause}")]
    Retry {
        /// The provider's Retry-After.
        after: Option<Duration>,
        /// What happened.
        cause: Cause,
    },
    /// Trying again won't help.
    #[error("{cause}")]
    Fail {
        /// What happened.
        cause: Cause,
    },
}

/// The scoring provider.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// Asks for a customer's score. Ends within the adapter's own timeout.
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError>;
}
