use async_trait::async_trait;
use jiff::Timestamp;

use crate::{feedback::FeedbackCounts, ports::LedgerError, run::RunId};

/// How many mails of a run came to what, hour by hour, for a year. Repeats of a month count with it.
#[async_trait]
pub trait FeedbackLog: Send + Sync {
    /// Adds to the hour that `at` is in.
    async fn count_feedback(&self, run: RunId, at: Timestamp, counts: &FeedbackCounts) -> Result<(), LedgerError>;

    /// The hours of a run from the one that `from` is in, the oldest first. Those of which nothing was told are left out.
    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError>;
}
