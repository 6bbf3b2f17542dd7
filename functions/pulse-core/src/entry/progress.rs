use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Cause;

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
    /// The customer had as many mails lately as the campaign's frequency cap allows.
    FrequencyCap,
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
            Self::FrequencyCap => "frequency-cap",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the stage that an entry is at has got with it, and what is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its due moment, or for its turn.
    Waiting,
    /// A worker has it.
    Claimed {
        /// Until when nobody else may.
        lease_until: Timestamp,
    },
    /// The plan's last step is done: the email provider accepted the mail.
    Done {
        /// The provider's own id of the mail.
        provider_id: String,
        /// When it was accepted.
        at: Timestamp,
    },
    /// No mail in this run, rightly.
    Skipped {
        /// The reason, in the ledger's word.
        reason: SkipReason,
        /// When that was decided.
        at: Timestamp,
    },
    /// The stage gave up; the message is in its dead-letter queue.
    Failed {
        /// The cause, in words for an operator.
        cause: Cause,
        /// The moment at which it was written down.
        at: Timestamp,
    },
    /// The provider was called, and whether it did what it was asked can't be found out.
    Indeterminate {
        /// Why it isn't known.
        cause: Cause,
        /// The moment from which on a provider's word is waited for.
        at: Timestamp,
    },
    /// Nobody has told for a day whether the provider did what it was asked, nor is waited for any more. It isn't asked
    /// again, and what it tells later still counts.
    Unconfirmed {
        /// Why it wasn't known at first.
        cause: Cause,
        /// Since when it isn't.
        at: Timestamp,
    },
    /// Its campaign waited for it no longer: it was over before a stage got to it.
    Abandoned {
        /// How far it had got.
        cause: Cause,
        /// The moment at which it was written down.
        at: Timestamp,
    },
    /// Its campaign was cancelled before a stage got to it.
    Cancelled {
        /// The moment at which it was written down.
        at: Timestamp,
    },
}
