use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// A person's name as they write it, of 1 to 200 characters. Never shown by `Debug`.
///
/// Any script and any punctuation is a name; control characters, which could start a header line,
/// are not. Escaping is the renderer's business.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name, trimming the white space around it.
    ///
    /// # Errors
    /// When nothing is left, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 200 {
            return Err(ParseError::new("name", "must have 1 to 200 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(ParseError::new("name", "has a control character"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name, for the customer's eyes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(..)")
    }
}

impl TryFrom<String> for PersonName {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}
