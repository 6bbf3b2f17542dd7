use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// That a campaign's partner has done what it was asked for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// When it said so.
    pub at: Timestamp,
    /// What it calls what it did, if it said that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
}

/// What a partner calls something that it did for a customer, such as an invoice's number: 1 to 100 characters on one line.
/// It may tell of a person: `Debug` never shows it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// As many as an invoice number or a short name has, and a line of a letter shows.
    pub const LONGEST: usize = 100;

    /// Reads a reference, trimming the white space around it.
    ///
    /// # Errors
    /// When nothing is left, it is too long, or it has what no line of text has.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::LONGEST {
            return Err(ParseError::new("reference", format!("must have 1 to {} characters", Self::LONGEST)));
        }
        let is_stray = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if text.contains(is_stray) {
            return Err(ParseError::new("reference", "has a control character or the end of a line"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference, for the customer's eyes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference(..)")
    }
}

impl TryFrom<String> for Reference {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

#[cfg(test)]
mod tests;
