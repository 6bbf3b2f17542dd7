use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    entry::{EntryId, Reference},
    failure::Cause,
    trace::TraceHeader,
};

/// What a campaign's partner is asked. It learns no name, no address and no score: it knows the customer by the id, and what it is
/// to do by the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRequest {
    /// Customer and run, and item where there is one; the same for every attempt.
    pub entry: EntryId,
    /// When the campaign asked for it; the same for every attempt, as one key with another request is an error to many APIs.
    pub asked_at: Timestamp,
    /// What the call is traced by.
    pub trace: Option<TraceHeader>,
}

/// What a partner answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartnerAnswer {
    /// It is done.
    Done {
        /// What the partner calls it, if it said so.
        reference: Option<Reference>,
    },
    /// It is under way, and isn't ready yet.
    NotReady {
        /// After how long it is to be asked again, if the partner said so.
        after: Option<Duration>,
    },
}

/// Why it isn't known to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartnerError {
    /// Try again with the same key, no sooner than `after` if the partner said so.
    #[error("{cause}")]
    Retry {
        /// The partner's Retry-After.
        after: Option<Duration>,
        /// What happened.
        cause: Cause,
    },
    /// It refuses this one: trying again won't help.
    #[error("{cause}")]
    Fail {
        /// What happened.
        cause: Cause,
    },
}

/// Who is called for each entry of a campaign whose plan has that step. It does nothing twice of a key.
#[async_trait]
pub trait Partner: Send + Sync {
    /// Asks for what the campaign is about. Ends within the adapter's own timeout.
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError>;
}
