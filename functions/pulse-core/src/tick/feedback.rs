use serde::Serialize;

use super::DoubtSweep;
use crate::feedback::{Reputation, ReputationBreaker};

/// Minutes between two looks at mails in doubt. Each costs some two hundred queries.
pub const DOUBTS_EVERY: i64 = 15;

/// Minutes between two looks at how recipients take the mails. Each reads the hours of a week.
pub const REPUTATION_EVERY: i64 = 5;

/// What a tick does about feedback: not each one, as there is little to find.
#[derive(Clone, Copy)]
pub struct FeedbackRound<'a> {
    /// Ends doubts.
    pub doubts: DoubtSweep<'a>,
    /// Holds the email stage.
    pub reputation: ReputationBreaker<'a>,
}

/// What it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FeedbackRounds {
    /// Doubts that were ended.
    pub doubts_ended: usize,
    /// How recipients take the mails, if that was looked at.
    pub reputation: Option<Reputation>,
}

impl FeedbackRound<'_> {
    /// Does what is due in this minute. What can't be done now is done the next time.
    pub async fn run(&self) -> FeedbackRounds {
        let minute = self.doubts.clock.now().as_second().div_euclid(60);
        let mut rounds = FeedbackRounds::default();
        if minute.rem_euclid(DOUBTS_EVERY) == 0 {
            match self.doubts.run().await {
                Ok(ended) => rounds.doubts_ended = ended,
                Err(error) => tracing::warn!(%error, "mails in doubt aren't looked at"),
            }
        }
        if minute.rem_euclid(REPUTATION_EVERY) == 0 {
            match self.reputation.run().await {
                Ok(reputation) => rounds.reputation = Some(reputation),
                Err(error) => tracing::warn!(%error, "how recipients take the mails isn't looked at"),
            }
        }
        rounds
    }
}
