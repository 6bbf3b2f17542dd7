use crate::{failure::Cause, parse::ParseError};

/// Which causes are meant: those with a text in them, capitals or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseFilter(String);

impl CauseFilter {
    /// Reads a part of a cause's words.
    ///
    /// # Errors
    /// When there are no words.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text.trim() {
            "" => Err(ParseError::new("cause", "is empty: leave it out to mean all of them")),
            text => Ok(Self(text.to_lowercase())),
        }
    }

    /// Whether this cause is meant.
    #[must_use]
    pub fn matches(&self, cause: &Cause) -> bool {
        cause.as_str().to_lowercase().contains(&self.0)
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
        assert!(CauseFilter::parse(" ").is_err());
    }
}
