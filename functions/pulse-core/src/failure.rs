//! Causes: why a piece of work couldn't be done.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something failed, in a sentence for an operator: at most 300 characters, no personal data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Cause(String);

impl Cause {
    /// A cause in words. What is longer than 300 characters is cut.
    pub fn new(text: impl Into<String>) -> Self {
        let text: String = text.into();
        match text.char_indices().nth(300) {
            Some((end, _)) => Self(text[..end].to_owned()),
            None => Self(text),
        }
    }

    /// The words as part of a longer sentence, without the full stop at their end.
    #[must_use]
    pub fn clause(&self) -> &str {
        self.0.trim_end_matches('.')
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{LedgerError, PayloadError};

    #[test]
    fn a_cause_within_a_sentence_brings_no_full_stop_of_its_own() {
        let cause = || Cause::new("DynamoDB answered 500.");
        assert_eq!((cause().clause(), cause().as_str()), ("DynamoDB answered 500", "DynamoDB answered 500."));
        let unavailable = LedgerError::Unavailable(cause()).to_string();
        assert_eq!(unavailable, "the ledger can't be used right now: DynamoDB answered 500");
        let unreadable = PayloadError::Unreadable(Cause::new("email: is no text.")).to_string();
        assert_eq!(unreadable, "it can't be read: email: is no text");
    }
}
