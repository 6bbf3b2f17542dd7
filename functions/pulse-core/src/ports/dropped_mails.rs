use async_trait::async_trait;
use jiff::Timestamp;

use crate::{entry::EntryId, failure::Cause, feedback::FeedbackSource, ports::SendError};

/// A mail that the provider accepted, and didn't send after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedMail {
    /// Whose mail it was.
    pub entry: EntryId,
    /// When it was dropped, by the provider's clock.
    pub at: Timestamp,
    /// Why, in a sentence that names the provider and its code.
    pub cause: Cause,
}

/// How far a provider's list of dropped mails was read, in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedCursor(pub String);

/// A part of a provider's list, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedPage {
    /// The mails that are Pulse's.
    pub mails: Vec<DroppedMail>,
    /// From where to read on, now or later. `None` while nothing was ever dropped.
    pub next: Option<DroppedCursor>,
    /// Whether there is nothing more to read now.
    pub is_last: bool,
}

/// What an email provider tells of mails that it accepted and then didn't send.
#[async_trait]
pub trait DroppedMails: Send + Sync {
    /// Who tells.
    fn source(&self) -> FeedbackSource;

    /// The mails that were dropped after those that `after` stands for, or all that the provider still knows of.
    ///
    /// # Errors
    /// [`SendError::Retry`] when the provider can't be asked right now.
    async fn dropped(&self, after: Option<&DroppedCursor>) -> Result<DroppedPage, SendError>;
}
