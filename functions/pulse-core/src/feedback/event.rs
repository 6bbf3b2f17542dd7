use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{
    customer::{CustomerId, EmailAddress},
    entry::EntryId,
    failure::Cause,
};

/// Who tells of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedbackSource {
    /// Amazon SES, by way of SNS.
    Ses,
    /// Salesforce Marketing Cloud's Event Notification Service.
    MarketingCloud,
    /// Mailgun's webhooks.
    Mailgun,
}

impl FeedbackSource {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it: in the intake's addresses, in metrics and on the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ses => "ses",
            Self::MarketingCloud => "marketing-cloud",
            Self::Mailgun => "mailgun",
        }
    }

    /// The source of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|source| source.as_str() == word)
    }
}

impl fmt::Display for FeedbackSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a provider told of a mail. `Debug` shows no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Who tells it.
    pub source: FeedbackSource,
    /// What tells this message from others of the source: for logs, and as the proof of an opt-out.
    pub id: String,
    /// Of which mail, and of whom.
    pub about: About,
    /// What is told.
    pub kind: FeedbackKind,
    /// When it happened, by the provider's clock.
    pub at: Timestamp,
}

/// Of what a provider tells, as far as it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The mail's entry.
    pub entry: Option<EntryId>,
    /// The provider's own id of the mail.
    pub provider_id: Option<String>,
    /// The address that it went to.
    pub address: Option<EmailAddress>,
    /// The customer, where no entry is named.
    pub customer: Option<CustomerId>,
}

/// What providers tell, in words that all of them share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedbackKind {
    /// The provider took the mail, and will try to deliver it.
    Accepted,
    /// The receiving server took it.
    Delivered,
    /// The receiving server didn't take it yet; the provider tries again.
    Delayed,
    /// The receiving server refused it for good, or for as long as the provider tried.
    Bounced(Bounce),
    /// The recipient calls it spam.
    Complained,
    /// The provider accepted the mail, and didn't send it after all.
    Rejected {
        /// Why, in a sentence without personal data.
        cause: Cause,
        /// Whether it is for the address, which it will refuse again.
        invalid_address: bool,
    },
    /// The recipient asked the provider for no more mail.
    Unsubscribed,
}

/// What a bounce says of the address, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BounceKind {
    /// Nothing: the receiving server distrusts the sender or the mail's content.
    Reputation,
    /// The mailbox can't take mail for now: it is full, or its server is down.
    Soft,
    /// There is no such mailbox.
    Hard,
}

/// A mail that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// What it says of the address.
    pub kind: BounceKind,
    /// The enhanced status code (RFC 3463), such as `5.1.1`, if the provider gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
