use std::{collections::BTreeSet, fmt, num::NonZeroU32, str::FromStr as _};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use strum::{Display, EnumString};

use super::{Fact, FactKind, Target};
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Keeps {
    /// Each of them, in order.
    #[default]
    Every,
    /// Of each entry, profile and run the newest alone.
    Latest,
}

/// How much an endpoint is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Bodies {
    /// Of whom, what and when: whoever may know more asks for it.
    #[default]
    Thin,
    /// And how the entry, or the customer, stands when it is sent.
    Full,
}

/// Another system that is told of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub name: EndpointName,
    /// Rises by one with every write. 0 for one that was never written.
    #[serde(default)]
    pub version: u64,
    /// Of what it is told. Kinds that a newer release knows are passed over: this one makes no such facts.
    #[serde(deserialize_with = "known_kinds")]
    pub asks_for: BTreeSet<FactKind>,
    /// What it gets of facts that are overtaken.
    #[serde(default)]
    pub keeps: Keeps,
    /// Where its word goes.
    pub target: Target,
    /// How much it is told.
    #[serde(default)]
    pub bodies: Bodies,
    /// The most calls to it at once.
    pub lanes: NonZeroU32,
    /// Since when it is none any more. The row goes when nothing waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
    /// Who added it.
    pub by: Actor,
    /// When it was added: it isn't told of what was so before.
    pub added_at: Timestamp,
}

impl Endpoint {
    /// An endpoint that is to be told of these facts from `now` on: of each of them, with thin bodies, in four lanes.
    #[must_use]
    pub fn new(
        name: EndpointName,
        target: Target,
        asks_for: impl IntoIterator<Item = FactKind>,
        by: Actor,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            version: 0,
            asks_for: asks_for.into_iter().collect(),
            keeps: Keeps::default(),
            target,
            bodies: Bodies::default(),
            lanes: NonZeroU32::MIN.saturating_add(3),
            removed_at: None,
            by,
            added_at: now,
        }
    }

    /// Whether it is to be told of a fact.
    #[must_use]
    pub fn wants(&self, fact: &Fact) -> bool {
        self.removed_at.is_none() && self.asks_for.contains(&fact.id.kind) && fact.written_at >= self.added_at
    }

    /// Its lanes in each of so many invocations that may run at once. Their sum is never more than its lanes: none, where there
    /// are fewer lanes than invocations. Nor are they more than half of the calls that an invocation makes at once, as the other
    /// half is for others.
    #[must_use]
    pub fn lanes_of_each(&self, invocations: NonZeroU32, in_flight: u32) -> u32 {
        (self.lanes.get() / invocations).min((in_flight / 2).max(1))
    }
}

fn known_kinds<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<FactKind>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    Ok(words.iter().filter_map(|word| FactKind::from_str(word).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after a roll-back: one row that can't be read would hold up the facts of all the others.
    #[test]
    fn what_a_newer_release_wrote_is_read_as_far_as_it_is_known() {
        let row = serde_json::json!({
            "name": "crm", "asks_for": ["sent", "invoiced"], "target": { "kind": "carrier-pigeon", "loft": "north" }, "lanes": 4,
            "by": "ops", "added_at": "2026-11-03T10:00:00Z",
        });
        let endpoint: Endpoint = serde_json::from_value(row).unwrap();
        assert_eq!(endpoint.asks_for, BTreeSet::from([FactKind::Sent]));
        assert_eq!((endpoint.target.clone(), endpoint.target.kind()), (Target::Unknown, "unknown"));
    }

    #[test]
    fn an_endpoint_has_no_more_of_an_invocation_than_half() {
        let now = Timestamp::UNIX_EPOCH;
        let target = Target::EventBridge { bus: "pulse".to_owned() };
        let endpoint = Endpoint::new(EndpointName::parse("crm").unwrap(), target, [], "ops".into(), now);
        let of_each = |lanes: u32, invocations: u32| {
            let endpoint = Endpoint { lanes: NonZeroU32::new(lanes).unwrap(), ..endpoint.clone() };
            endpoint.lanes_of_each(NonZeroU32::new(invocations).unwrap(), 16)
        };
        assert_eq!([of_each(4, 2), of_each(5, 2), of_each(1, 2), of_each(32, 2)], [2, 2, 0, 8]);
    }

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
