use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fact, FactKind};
use crate::{control::Actor, parse::ParseError};

/// The longest name.
const LONGEST: usize = 32;

/// Another system's name, as in `crm`: 1 to 32 lower-case letters, digits and hyphens, the first of them a letter.
///
/// It becomes a part of keys, of metrics' dimensions and of a message's group, so it keeps to what all of them take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointName(String);

impl EndpointName {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text isn't one.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let fits = text.len() <= LONGEST && text.starts_with(|first: char| first.is_ascii_lowercase());
        if fits && text.chars().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let problem =
            format!("must have 1 to {LONGEST} lower-case letters, digits and hyphens, and begin with a letter");
        Err(ParseError::new("endpoint's name", problem))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EndpointName {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

impl From<EndpointName> for String {
    fn from(name: EndpointName) -> Self {
        name.0
    }
}

/// What an endpoint gets of facts that are overtaken before it gets them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// Each of them, in order.
    #[default]
    Every,
    /// Of each entry, profile and run the newest alone.
    Latest,
}

/// Another system that is told of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub name: EndpointName,
    /// Rises by one with every write. 0 for one that was never written.
    #[serde(default)]
    pub version: u64,
    /// Of what it is told.
    pub asks_for: BTreeSet<FactKind>,
    /// What it gets of facts that are overtaken.
    #[serde(default)]
    pub keeps: Keeps,
    /// Who added it.
    pub by: Actor,
    /// When it was added: it isn't told of what was so before.
    pub added_at: Timestamp,
}

impl Endpoint {
    /// Whether it is to be told of a fact.
    #[must_use]
    pub fn wants(&self, fact: &Fact) -> bool {
        self.asks_for.contains(&fact.id.kind) && fact.written_at >= self.added_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_what_keys_metrics_and_groups_take() {
        for name in ["crm", "crm-2", &"c".repeat(32)] {
            assert_eq!(EndpointName::parse(name).map(String::from).as_deref(), Ok(name));
        }
        for text in ["", "CRM", "2crm", "-crm", "crm#1", "crm 1", "crm/1", "crḿ", &"c".repeat(33)] {
            assert!(EndpointName::parse(text).is_err(), "{text}");
        }
    }
}
