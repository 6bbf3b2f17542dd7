//! What the scoring provider says of a customer.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// A score with its band and the moment it was true. `Debug` shows the moment only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The score, 0 to 1000.
    pub value: ScoreValue,
    /// The provider's name for the range the score is in.
    pub band: Band,
    /// The moment the score was true, by the provider's word.
    pub as_of: Timestamp,
}

impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Score(.. as of {})", self.as_of)
    }
}

/// A number from 0 to 1000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ScoreValue(u16);

impl ScoreValue {
    /// Takes a number from 0 to 1000.
    ///
    /// # Errors
    /// When the number is larger.
    pub fn parse(value: u32) -> Result<Self, ParseError> {
        match u16::try_from(value) {
            Ok(value) if value <= 1000 => Ok(Self(value)),
            _ => Err(ParseError::new("score", "is not between 0 and 1000")),
        }
    }

    /// The number, for the customer's eyes only.
    #[must_use]
    pub fn expose(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for ScoreValue {
    type Error = ParseError;

    fn try_from(value: u32) -> Result<Self, Self::Error> {
        Self::parse(value)
    }
}

impl From<ScoreValue> for u32 {
    fn from(value: ScoreValue) -> Self {
        value.0.into()
    }
}

/// A provider's name for a range of scores: 1 to 32 printable characters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Band(String);

impl Band {
    /// Reads a band.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let length = text.chars().count();
        if !(1..=32).contains(&length) || text.chars().any(char::is_control) {
            return Err(ParseError::new("band", "must have 1 to 32 printable characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The band, for the customer's eyes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Band {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Band> for String {
    fn from(band: Band) -> Self {
        band.0
    }
}
