use jiff::Timestamp;

use crate::{
    failure::Cause,
    feedback::{Feedback, FeedbackSource},
};

/// What came in, as it came in: signatures are of the raw bytes. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The body, byte for byte.
    pub body: String,
    /// The headers that the intake keeps, by their names in lower case. Those that a request hadn't are not among them.
    pub headers: std::collections::BTreeMap<String, String>,
    /// When it came in, by the queue's clock: what a signature's moment is held against.
    pub received_at: Timestamp,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// Why a payload tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Its signature is missing, wrong or too old: it isn't the provider's. It may go.
    #[error("it isn't signed as the provider signs: {}", .0.clause())]
    Forged(Cause),
    /// It can't be understood, which a later release may. It stays.
    #[error("it can't be read: {}", .0.clause())]
    Unreadable(Cause),
}

/// Reads what one provider sends. The words in which it tells of mails become [`Feedback`]; what it sends beside that,
/// and what is about mails of others, is no error and gives nothing.
pub trait FeedbackParser: Send + Sync {
    /// Whose payloads it reads.
    fn source(&self) -> FeedbackSource;

    /// Checks the signature, on the raw bytes, and reads all events of a payload.
    ///
    /// # Errors
    /// When the payload is forged, or can't be read. A payload is read in whole or not at all.
    fn parse(&self, payload: &Payload) -> Result<Vec<Feedback>, PayloadError>;
}
