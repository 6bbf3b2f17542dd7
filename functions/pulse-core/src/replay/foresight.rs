use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    customer::{Customer, Zone},
    entry::{Entry, SkipReason, StageName, State},
    score::Score,
    stage::{EmailPolicy, KEYS_REMEMBERED, mailable},
};

/// What would be done for an entry if a fresh message of it came now. The stages decide the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "would", rename_all = "kebab-case")]
pub enum Foresight {
    /// It would be scored, and then mailed.
    Score {
        /// Why the mail would then be skipped, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        and_skip: Option<SkipReason>,
    },
    /// It would be mailed.
    Mail,
    /// Its score is too old: it would be scored again.
    ScoreAgain {
        /// Of when the score is.
        as_of: Timestamp,
    },
    /// The provider would be asked whether it has the mail. If it has, the entry is sent.
    AskFirst {
        /// What would be done if it hasn't.
        or_else: Box<Foresight>,
    },
    /// It would be put off: it is within quiet hours.
    PutOff {
        /// Until when.
        until: Timestamp,
    },
    /// There would be no mail.
    Skip {
        /// Why.
        reason: SkipReason,
    },
    /// Its fate would be unknown: the provider may have forgotten the mail.
    LoseTrack,
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
        /// Why.
        reason: SkipReason,
    },
    /// Nothing: nobody knows whether it was sent.
    Unknown,
}

impl Foresight {
    /// Foresees what would be done at `now`. `is_suppressed` says whether the customer's address is.
    #[must_use]
    pub fn of(customer: &Customer, entry: &Entry, is_suppressed: bool, policy: EmailPolicy, now: Timestamp) -> Self {
        let mail = |score: &Score, may_rescore| {
            let unmailable = mailable(customer).err().or(is_suppressed.then_some(SkipReason::Suppressed));
            if let Some(reason) = unmailable {
                return Self::Skip { reason };
            }
            if let Some(until) = policy.quiet_until(customer, now) {
                return Self::PutOff { until };
            }
            if may_rescore && policy.is_stale(score, now) {
                return Self::ScoreAgain { as_of: score.as_of };
            }
            Self::Mail
        };
        let ask = |or_else| match entry.in_doubt_since() {
            Some(since) if is_too_long_ago(since, now) => Self::AskFirst { or_else: Box::new(Self::LoseTrack) },
            _ => Self::AskFirst { or_else: Box::new(or_else) },
        };
        match entry.state() {
            State::Scoring { lease_until } | State::Sending { lease_until, .. } if *lease_until > now => {
                Self::InHand { lease_until: *lease_until }
            }
            State::Scheduled | State::Scoring { .. } | State::Failed { stage: StageName::Score, .. } => {
                match mailable(customer) {
                    Err(reason) => Self::Skip { reason },
                    Ok(_) => Self::Score { and_skip: is_suppressed.then_some(SkipReason::Suppressed) },
                }
            }
            State::Scored { score } if entry.in_doubt_since().is_none() => mail(score, true),
            State::Scored { score } | State::Failed { score: Some(score), .. } => ask(mail(score, true)),
            State::Sending { score, .. } => ask(mail(score, false)),
            // A mail is given up only with its score on the ledger.
            State::Failed { score: None, .. } => Self::LoseTrack,
            State::Sent { at, .. } => Self::Sent { at: *at },
            State::Skipped { reason, .. } => Self::Skipped { reason: *reason },
            State::Unknown { .. } => Self::Unknown,
        }
    }

    /// Whether a message would change anything.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::InHand { .. } | Self::Sent { .. } | Self::Skipped { .. } | Self::Unknown)
    }

    /// It in words that follow "the entry", with times in `zone`.
    #[must_use]
    pub fn words(&self, zone: &Zone) -> String {
        let at = |moment: &Timestamp| crate::why::local(*moment, zone);
        match self {
            Self::Score { and_skip: None } => "would be scored, and then mailed".into(),
            Self::Score { and_skip: Some(reason) } => {
                format!("would be scored, and its mail then be skipped: {reason}")
            }
            Self::Mail => "would be mailed".into(),
            Self::ScoreAgain { as_of } => {
                format!("would be scored again before it is mailed, as its score is of {}", at(as_of))
            }
            Self::AskFirst { or_else } => format!(
                "would be asked for at the provider first, and is sent if the provider has it; if not, it {}",
                or_else.words(zone)
            ),
            Self::PutOff { until } => format!("would be put off until {}, as hours are quiet until then", at(until)),
            Self::Skip { reason } => format!("would be skipped: {reason}"),
            Self::LoseTrack => "would be of unknown fate, for someone to settle".into(),
            Self::InHand { lease_until } => {
                format!("is in a worker's hands, until {} at most: nothing", at(lease_until))
            }
            Self::Sent { at: sent } => format!("is sent already, {}: nothing", at(sent)),
            Self::Skipped { reason } => format!("is skipped ({reason}): nothing"),
            Self::Unknown => "is of unknown fate: nothing".into(),
        }
    }
}

fn is_too_long_ago(since: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|since| since > KEYS_REMEMBERED)
}
