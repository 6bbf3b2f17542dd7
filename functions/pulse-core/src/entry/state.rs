use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{failure::Cause, score::Score};

/// One of the two stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Ask the scoring provider.
    Score,
    /// Send the mail.
    Email,
}

impl StageName {
    /// The word for it, as in `pulse-score-queue`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a customer gets no mail in a run, although nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The customer has left.
    Closed,
    /// The customer asked for no more mail.
    OptedOut,
    /// What the roster gives as an address is none.
    BadAddress,
    /// The address bounced, complained or was refused before.
    Suppressed,
    /// The email provider refused the address for good.
    AddressRefused,
}

impl SkipReason {
    /// The word for it, as on the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::OptedOut => "opted-out",
            Self::BadAddress => "bad-address",
            Self::Suppressed => "suppressed",
            Self::AddressRefused => "address-refused",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an entry stands, with what is known there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Waits for its due moment, or for its turn to be scored.
    Scheduled,
    /// A worker is asking the scoring provider.
    Scoring {
        /// Until when nobody else may.
        lease_until: Timestamp,
    },
    /// Has a score, waits for its turn to be mailed.
    Scored {
        /// The score.
        score: Score,
    },
    /// A worker is sending the mail.
    Sending {
        /// The score in the mail.
        score: Score,
        /// Until when nobody else may.
        lease_until: Timestamp,
    },
    /// The email provider accepted the mail.
    Sent {
        /// The score in the mail.
        score: Score,
        /// The provider's own id of the mail.
        provider_id: String,
        /// When it was accepted.
        at: Timestamp,
    },
    /// No mail in this run, rightly.
    Skipped {
        /// Why.
        reason: SkipReason,
        /// When that was decided.
        at: Timestamp,
    },
    /// A stage gave up; the message is in that stage's dead-letter queue.
    Failed {
        /// Which stage.
        stage: StageName,
        /// Why.
        cause: Cause,
        /// When.
        at: Timestamp,
        /// The score, if the entry had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<Score>,
    },
    /// A mail was handed to the provider, and whether it was accepted isn't known.
    Unknown {
        /// The score in the mail.
        score: Score,
        /// Why it isn't known.
        cause: Cause,
        /// Since when.
        at: Timestamp,
    },
}

impl State {
    /// The state's name, as on the ledger.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Scoring { .. } => "scoring",
            Self::Scored { .. } => "scored",
            Self::Sending { .. } => "sending",
            Self::Sent { .. } => "sent",
            Self::Skipped { .. } => "skipped",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The stage that has to move the entry on, or `None` when the entry is closed.
    #[must_use]
    pub fn waits_for(&self) -> Option<StageName> {
        match self {
            Self::Scheduled | Self::Scoring { .. } => Some(StageName::Score),
            Self::Scored { .. } | Self::Sending { .. } => Some(StageName::Email),
            Self::Sent { .. } | Self::Skipped { .. } | Self::Failed { .. } | Self::Unknown { .. } => None,
        }
    }

    /// The score, where the entry has one.
    #[must_use]
    pub fn score(&self) -> Option<&Score> {
        match self {
            Self::Scored { score }
            | Self::Sending { score, .. }
            | Self::Sent { score, .. }
            | Self::Unknown { score, .. } => Some(score),
            Self::Failed { score, .. } => score.as_ref(),
            Self::Scheduled | Self::Scoring { .. } | Self::Skipped { .. } => None,
        }
    }
}
