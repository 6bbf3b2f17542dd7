use serde::Serialize;

/// What the ledger and the provider say at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Customers on the roster.
    pub customers: u64,
    /// Entries that were due.
    pub due: u64,
    /// Of those, sent.
    pub sent: u64,
    /// Skipped, with a reason.
    pub skipped: u64,
    /// Given up by a stage.
    pub failed: u64,
    /// Of unknown fate.
    pub unknown: u64,
    /// Still open.
    pub open: u64,
    /// Customers without exactly one entry that waits for its slot, or is on its way.
    pub without_one_open: u64,
    /// Mails that the provider accepted.
    pub accepted: u64,
    /// Entries with more than one of them.
    pub twice: u64,
    /// Entries that are sent on the ledger, and of which the provider has no mail, or the other way round.
    pub at_odds: u64,
    /// Messages in dead-letter queues.
    pub dead_letters: u64,
    /// The most calls that the scoring provider saw at once, and how many lanes there are.
    pub score_peak: (u32, u32),
    /// The same for the email provider.
    pub email_peak: (u32, u32),
}

impl Proof {
    /// What isn't as it must be, in sentences.
    #[must_use]
    pub fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        let mut object = |count: u64, what: &str| {
            if count > 0 {
                objections.push(format!("{count} {what}."));
            }
        };
        object(self.open, "entries were due and are still open at the end");
        object(self.failed, "entries failed");
        object(self.unknown, "mails are of unknown fate");
        object(self.twice, "entries have more than one mail");
        object(self.at_odds, "entries are one thing on the ledger and another at the provider");
        object(self.without_one_open, "customers don't have exactly one open entry");
        object(self.dead_letters, "messages are in dead-letter queues");
        let accounted = self.sent + self.skipped + self.failed + self.unknown + self.open;
        object(self.due.abs_diff(accounted), "entries are not accounted for");
        for (name, (peak, lanes)) in [("scoring", self.score_peak), ("email", self.email_peak)] {
            if peak > lanes {
                objections.push(format!("The {name} provider saw {peak} calls at once on {lanes} lanes."));
            }
        }
        objections
    }
}
