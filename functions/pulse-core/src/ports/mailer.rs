use std::time::Duration;

use async_trait::async_trait;

use crate::{
    customer::{EmailAddress, PersonName},
    entry::EntryId,
    failure::Cause,
    feedback::FeedbackSource,
    ports::Rendered,
    trace::TraceHeader,
    unsubscribe::UnsubscribeLink,
};

/// A mail, ready to go. The sender is the adapter's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Customer and run, and item where there is one: the idempotency key, where the provider takes one.
    pub entry: EntryId,
    /// To which address.
    pub to: EmailAddress,
    /// To whom.
    pub name: PersonName,
    /// Subject and bodies.
    pub content: Rendered,
    /// Where the customer unsubscribes with one click, for the headers of RFC 8058, if the deployment hears of it.
    pub unsubscribe: Option<UnsubscribeLink>,
    /// What the call is traced by.
    pub trace: Option<TraceHeader>,
}

/// The provider has the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The provider's own id of the mail.
    pub provider_id: String,
}

/// Why a mail isn't known to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not accepted; try again, no sooner than `after` if the provider said so.
    #[error("{cause}")]
    Retry {
        /// The provider's Retry-After.
        after: Option<Duration>,
        /// What happened.
        cause: Cause,
    },
    /// Not accepted, and trying again won't help.
    #[error("{cause}")]
    Fail {
        /// What happened.
        cause: Cause,
    },
    /// Not accepted: the provider refuses this address for good.
    #[error("{cause}")]
    AddressRefused {
        /// What happened.
        cause: Cause,
    },
    /// The provider may have accepted it: the answer was lost.
    #[error("{cause}")]
    Lost {
        /// What happened.
        cause: Cause,
    },
}

/// What a provider knows of a mail that was handed to it earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailLookup {
    /// It has it.
    Accepted(Accepted),
    /// It hasn't, and would not accept the same entry twice: sending is safe while it knows the key.
    SafeToSend,
    /// It can't tell.
    CannotTell(Cause),
}

/// What a provider remembers of the mails that it was handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// It takes no idempotency key and can't be asked for a mail.
    None {
        /// Why, and where else to look: a sentence of the provider's adapter.
        advice: &'static str,
    },
    /// It takes no second mail of an idempotency key that it knows, so that a mail in doubt may be sent again. It can be
    /// asked for a mail by its key too.
    ByKey {
        /// How long it is trusted to know one.
        known_for: Duration,
    },
}

/// The email provider.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Who tells afterwards what became of its mails.
    fn source(&self) -> FeedbackSource;

    /// What it remembers, which decides what may be done about a mail that is in doubt.
    fn recall(&self) -> Recall;

    /// Hands a mail over. A duplicate of an entry that the provider has already counts as accepted.
    /// Ends within the adapter's own timeout.
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError>;

    /// Asks what became of an entry's mail. Providers limit how often, so that it is asked only where a mail is in doubt
    /// and isn't to be sent again.
    ///
    /// # Errors
    /// [`SendError::Retry`] when the provider can't be asked right now.
    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError>;
}
