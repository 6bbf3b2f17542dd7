use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// A customer's id: 1 to 48 letters, digits, `-` or `_`.
///
/// It becomes a schedule's name (at most 64 characters, `EventBridge` Scheduler API Reference,
/// `CreateSchedule`), an email tag and part of a message key, so it keeps to what all of them take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// Reads a customer id.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a character that an id can't have.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > 48 {
            return Err(ParseError::new("customer id", "must have 1 to 48 characters"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !text.chars().all(allowed) {
            return Err(ParseError::new("customer id", "may have only letters, digits, '-' and '_'"));
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CustomerId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.0.as_ref().to_owned()
    }
}
