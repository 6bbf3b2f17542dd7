use async_trait::async_trait;
use jiff::Timestamp;

use crate::{feedback::FeedbackCounts, ports::LedgerError, run::RunId};

/// How many mails of a run came to what, hour by hour, for a year, with repeats of a month among it; and which tokens came
/// with feedback whose signature doesn't cover its body.
#[async_trait]
pub trait FeedbackLog: Send + Sync {
    /// Adds to the hour that `at` is in.
    async fn count_feedback(&self, run: RunId, at: Timestamp, counts: &FeedbackCounts) -> Result<(), LedgerError>;

    /// Remembers until `until` that a token came with this body, both as digests. False if it came with another before.
    async fn remember_token(&self, token: &str, body: &str, until: Timestamp) -> Result<bool, LedgerError>;

    /// The hours of a run from the one that `from` is in, the oldest first. Those of which nothing was told are left out.
    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError>;
}
