use jiff::Timestamp;
use serde::Serialize;

use super::{CampaignFacts, Decision, Facts, Resolution, Rules, StageName};
use crate::{
    customer::Customer,
    entry::{Entry, Progress, SkipReason},
    ports::MailLookup,
};

/// What would be done for an entry if a fresh message of it came now. It is what the
/// stages [decide](Rules::decide).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "would", rename_all = "kebab-case")]
pub enum Preview {
    /// It would be scored, and then mailed.
    Score {
        /// Why the mail would then be skipped, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        and_skip: Option<SkipReason>,
    },
    /// Its campaign's partner would be called, and then it would be mailed.
    Call {
        /// Why the mail would then be skipped, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        and_skip: Option<SkipReason>,
    },
    /// It would be mailed. If its mail is in doubt, that is by the same key, of which the provider takes no second.
    Mail,
    /// Its score is too old: it would be scored again.
    ScoreAgain {
        /// Of when the score is.
        as_of: Timestamp,
    },
    /// The provider would be asked whether it has the mail. If it has, the entry is sent.
    AskFirst {
        /// What would be done if it hasn't.
        or_else: Box<Preview>,
    },
    /// It would be put off: it is within quiet hours.
    PutOff {
        /// Until when.
        until: Timestamp,
    },
    /// There would be no mail.
    Skip {
        /// The reason, in the ledger's word.
        reason: SkipReason,
    },
    /// Whether the provider has its mail can't be found out: it would be indeterminate, for someone to settle.
    #[serde(rename = "lose-track")]
    Indeterminate,
    /// Nothing: a worker has it.
    InHand {
        /// Until when at most.
        lease_until: Timestamp,
    },
    /// Nothing: it is sent.
    Sent {
        /// When it was.
        at: Timestamp,
    },
    /// Nothing: there is no mail in this run.
    Skipped {
        /// The reason, in the ledger's word.
        reason: SkipReason,
    },
    /// Nothing: the provider accepted the mail, and didn't send it. Another takes an entry of its own.
    Dropped {
        /// When it was dropped.
        at: Timestamp,
    },
    /// Nothing: it is indeterminate already, or unconfirmed.
    #[serde(rename = "unknown")]
    Unsettled,
    /// Nothing: its campaign is over.
    Over,
    /// Nothing now: its campaign holds it.
    Held,
}

impl Preview {
    /// What would be done at `now`. `is_suppressed` says whether the customer's address is.
    #[must_use]
    pub fn of(rules: &Rules, customer: &Customer, entry: &Entry, is_suppressed: bool, now: Timestamp) -> Self {
        match entry.progress() {
            Progress::Done { at, .. } => Self::Sent { at: *at },
            Progress::Skipped { reason, .. } => Self::Skipped { reason: *reason },
            Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => Self::Unsettled,
            Progress::Failed { at, .. } if entry.is_closed_by_feedback() => Self::Dropped { at: *at },
            Progress::Abandoned { .. } | Progress::Cancelled { .. } => Self::Over,
            Progress::Failed { .. } if entry.id().run.is_campaign() => Self::Over,
            Progress::Waiting | Progress::Claimed { .. } | Progress::Failed { .. } => {
                let campaign = entry.id().run.is_campaign().then(CampaignFacts::default);
                let facts = Facts { is_suppressed: Some(is_suppressed), campaign, ..Facts::default() };
                Self::decided(rules, (customer, entry), &facts, now)
            }
        }
    }

    fn decided(rules: &Rules, (customer, entry): (&Customer, &Entry), facts: &Facts, now: Timestamp) -> Self {
        match rules.decide(entry.at(), customer, entry, facts, now) {
            Decision::InHand { lease_until } => Self::InHand { lease_until },
            Decision::LookUp => {
                let unsent = Facts { look_up: Some(MailLookup::SafeToSend), ..facts.clone() };
                Self::AskFirst { or_else: Box::new(Self::decided(rules, (customer, entry), &unsent, now)) }
            }
            Decision::Resolve(resolution) => Self::resolved(&resolution, now),
            // The entry's own stage has it, with everything known that is asked for: it is called.
            Decision::Call
            | Decision::Nothing
            | Decision::HandOn(_)
            | Decision::GivenUp(_)
            | Decision::CheckCampaign
            | Decision::CheckSuppression => {
                let and_skip = (facts.is_suppressed == Some(true)).then_some(SkipReason::Suppressed);
                match entry.at() {
                    StageName::Score => Self::Score { and_skip },
                    StageName::Call => Self::Call { and_skip },
                    StageName::Email => Self::Mail,
                    // No entry is ever there.
                    StageName::Deliver => Self::Unsettled,
                }
            }
        }
    }

    fn resolved(resolution: &Resolution, now: Timestamp) -> Self {
        match resolution {
            Resolution::Accepted { .. } => Self::Sent { at: now },
            Resolution::Indeterminate(_) => Self::Indeterminate,
            Resolution::Skip(reason) => Self::Skip { reason: *reason },
            Resolution::Defer { until } => Self::PutOff { until: *until },
            // Of entries nobody decides that.
            Resolution::GiveUp(_) => Self::Unsettled,
            Resolution::ScoreAgain { as_of } => Self::ScoreAgain { as_of: *as_of },
            Resolution::Hold => Self::Held,
            Resolution::CloseWithCampaign(_) => Self::Over,
        }
    }

    /// Why there would be no mail, if so, whatever the provider answers that is asked first.
    #[must_use]
    pub fn skips(&self) -> Option<SkipReason> {
        match self {
            Self::Skip { reason } => Some(*reason),
            Self::Score { and_skip } | Self::Call { and_skip } => *and_skip,
            Self::AskFirst { or_else } => or_else.skips(),
            _ => None,
        }
    }

    /// Whether nothing would be done.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(
            self,
            Self::InHand { .. }
                | Self::Sent { .. }
                | Self::Skipped { .. }
                | Self::Dropped { .. }
                | Self::Unsettled
                | Self::Over
                | Self::Held
        )
    }
}
