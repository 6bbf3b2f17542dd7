use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{failure::Cause, parse::ParseError};

/// A cause has no more characters.
const LONGEST: usize = 300;

/// Which causes are meant: those with a text in them, capitals or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CauseFilter(String);

impl CauseFilter {
    /// Reads a part of a cause's words.
    ///
    /// # Errors
    /// When there are no words, or an address may be among them: no cause has one, and an order keeps the words.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text.trim() {
            "" => Err(ParseError::new("cause", "is empty: leave it out to mean all of them")),
            text if text.contains(['@', '\n']) || text.chars().count() > LONGEST => {
                Err(ParseError::new("cause", "is to be a part of a cause's words, which are short and hold no '@'"))
            }
            text => Ok(Self(text.to_lowercase())),
        }
    }

    /// Whether this cause is meant.
    #[must_use]
    pub fn matches(&self, cause: &Cause) -> bool {
        cause.as_str().to_lowercase().contains(&self.0)
    }
}

impl fmt::Display for CauseFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CauseFilter {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

impl From<CauseFilter> for String {
    fn from(filter: CauseFilter) -> Self {
        filter.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_causes_words_means_it_whatever_the_capitals() {
        let cause = Cause::new("The scoring API answered 503: Überlastet.");
        for meant in ["503", "SCORING api", " überlastet "] {
            assert!(CauseFilter::parse(meant).unwrap().matches(&cause), "{meant}");
        }
        assert!(!CauseFilter::parse("504").unwrap().matches(&cause));
        for bad in [" ", "ada@example.com"] {
            assert!(CauseFilter::parse(bad).is_err(), "{bad}");
        }
    }
}
