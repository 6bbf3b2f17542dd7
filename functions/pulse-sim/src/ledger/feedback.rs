//! How many mails came to what.

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    feedback::{FeedbackCounts, hour_of},
    ports::{FeedbackLog, LedgerError},
    run::RunId,
};

use super::{
    MemoryLedger,
    units::{IndexRows, Write},
};

#[async_trait]
impl FeedbackLog for MemoryLedger {
    async fn count_feedback(&self, run: RunId, at: Timestamp, counts: &FeedbackCounts) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let sum = accounts.feedback.entry((run.month(), hour_of(at))).or_default();
        for (count, more) in counts {
            sum[count] += more;
        }
        Ok(())
    }

    async fn remember_token(&self, token: &str, body: &str, until: Timestamp) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let (known, _) = accounts.tokens.entry(token.to_owned()).or_insert_with(|| (body.to_owned(), until));
        Ok(known == body)
    }

    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError> {
        let mut accounts = self.accounts();
        let hours = accounts.feedback.range((run.month(), hour_of(from))..=(run.month(), Timestamp::MAX));
        let hours: Vec<_> = hours.map(|((_, hour), counts)| (*hour, *counts)).collect();
        accounts.used.query(hours.len());
        Ok(hours)
    }
}
