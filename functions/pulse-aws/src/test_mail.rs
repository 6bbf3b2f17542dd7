//! What the email function is asked for besides batches: one mail, to see how mails arrive.

use pulse_core::{customer::EmailAddress, failure::Cause, ports::TestedLetter};
use serde::{Deserialize, Serialize};

/// A test mail is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestMailOrder {
    /// By whom.
    pub test_mail_to: EmailAddress,
    /// Of a campaign that is to be; without it, the month's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<TestedLetter>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestMailAnswer {
    /// The provider took it.
    Accepted {
        /// By this id.
        provider_id: String,
    },
    /// It wasn't sent, or it isn't known whether it was.
    Failed {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
}
