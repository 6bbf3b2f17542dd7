use jiff::Timestamp;

use super::{Decision, EmailRules, Facts, StageName, decision::before_the_mail};
use crate::{customer::Customer, entry::Entry};

/// What the stages' decisions are made by, as the deployed functions are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When a mail may go out, and what is done about one in doubt.
    pub email: EmailRules,
}

impl Rules {
    /// What `stage` does for an entry when a message of it comes at `now`. The stages' runners decide by the same
    /// functions.
    #[must_use]
    pub fn decide(
        &self,
        stage: StageName,
        customer: &Customer,
        entry: &Entry,
        facts: &Facts,
        now: Timestamp,
    ) -> Decision {
        match stage {
            StageName::Score | StageName::Call => before_the_mail(stage, customer, entry, facts, now),
            StageName::Email => self.email.decide(customer, entry, facts, now),
            // It moves no entries.
            StageName::Deliver => Decision::Nothing,
        }
    }
}
