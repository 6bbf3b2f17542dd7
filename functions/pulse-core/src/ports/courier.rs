use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{delivery::Endpoint, failure::Cause, trace::TraceHeader};

/// Word of a fact, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What a receiver tells it from another by, the same however often it is sent: the fact's id.
    pub id: String,
    /// What happened, as in `mail.sent`.
    pub event_type: &'static str,
    /// Since when it is so.
    pub as_of: Timestamp,
    /// When it was written down.
    pub written_at: Timestamp,
    /// JSON.
    pub body: String,
    /// What the call is traced by.
    pub trace: Option<TraceHeader>,
}

/// Why an endpoint didn't take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CourierError {
    /// It asks never to be called again.
    #[error("{cause}")]
    Gone {
        /// What happened.
        cause: Cause,
    },
    /// It won't ever take this.
    #[error("{cause}")]
    Rejected {
        /// What happened.
        cause: Cause,
    },
    /// It may take it another time, no sooner than `after` if it said so. It may have taken it this time too.
    #[error("{cause}")]
    Retry {
        /// The endpoint's Retry-After.
        after: Option<Duration>,
        /// What happened.
        cause: Cause,
    },
}

/// Brings word to endpoints.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Brings it once. That it was taken is known by its answer alone.
    async fn bring(&self, word: &Word, to: &Endpoint) -> Result<(), CourierError>;
}
