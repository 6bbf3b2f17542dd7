use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::Owner;
use crate::{customer::CustomerId, entry::EntryId, parse::ParseError, run::RunId};

/// What happened, of which other systems may want to hear.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FactKind {
    /// The email provider accepted the mail.
    Sent,
    /// There is no mail in this run, for a reason that the entry has.
    Skipped,
    /// A stage gave the entry up, or the provider didn't send what it had accepted.
    Failed,
    /// Whether the provider has accepted the mail isn't known.
    Indeterminate,
    /// The receiving server took the mail.
    Delivered,
    /// The mail came back.
    Bounced,
    /// The recipient called it spam.
    Complained,
    /// The customer asked for no more mail.
    Unsubscribed,
    /// The customer was forgotten.
    Forgotten,
    /// A run began.
    RunStarted,
    /// A phase of a run is over.
    PhaseFinished,
    /// A run is over.
    RunFinished,
}

impl FactKind {
    /// All of them.
    pub const ALL: &'static [Self] = Self::VARIANTS;
}

/// What a fact is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A customer's entry in a run.
    Entry(EntryId),
    /// A customer's profile.
    Customer(CustomerId),
    /// A run.
    Run(RunId),
}

impl Subject {
    /// Whose it is: facts of one owner reach an endpoint one after another.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Entry(id) => Owner::Customer(id.customer.clone()),
            Self::Customer(id) => Owner::Customer(id.clone()),
            Self::Run(run) => Owner::Run(*run),
        }
    }
}

/// What a fact is told by, forever. Each version of a subject makes at most one fact of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FactId {
    /// What it is of.
    pub subject: Subject,
    /// The subject's version that made it.
    pub version: u64,
    /// What happened.
    pub kind: FactKind,
}

/// What stands in an id for the run of a fact that is of a customer alone, or for the customer of one that is of a run.
const NONE: &str = "";

/// `CUSTOMER/RUN/VERSION/KIND`, or `CUSTOMER/RUN/ITEM/VERSION/KIND` of an entry that is about an item: between characters that no
/// part has, and without the full stop, which parts what is signed (Standard Webhooks specification, "Webhook metadata").
impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, version, kind } = self;
        match subject {
            Subject::Entry(entry) => write!(f, "{entry}/{version}/{kind}"),
            Subject::Customer(customer) => write!(f, "{customer}/{NONE}/{version}/{kind}"),
            Subject::Run(run) => write!(f, "{NONE}/{run}/{version}/{kind}"),
        }
    }
}

impl FromStr for FactId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("fact id", "is not as in c-1/2026-11/7/sent");
        let parts: Vec<_> = text.split('/').collect();
        let (customer, run, item, version, kind) = match parts[..] {
            [customer, run, version, kind] => (customer, run, None, version, kind),
            [customer, run, item, version, kind] => (customer, run, Some(item), version, kind),
            _ => return Err(bad()),
        };
        let subject = match (customer, run, item) {
            (NONE, run, None) => Subject::Run(RunId::parse(run)?),
            (customer, NONE, None) => Subject::Customer(CustomerId::parse(customer)?),
            (customer, run, item) => Subject::Entry(EntryId::parse(customer, run, item).ok_or_else(bad)?),
        };
        let version = version.parse().map_err(|_| bad())?;
        let id = Self { subject, version, kind: kind.parse().map_err(|_| bad())? };
        // Nothing is to have two ids, as with a version of "07".
        if id.to_string() == text { Ok(id) } else { Err(bad()) }
    }
}

impl TryFrom<String> for FactId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<FactId> for String {
    fn from(id: FactId) -> Self {
        id.to_string()
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is told by.
    pub id: FactId,
    /// Since when it is so: by the provider's clock, where a provider told of it.
    pub as_of: Timestamp,
    /// When it was written down.
    pub written_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn subject() -> impl Strategy<Value = Subject> {
        let customer = || "[A-Za-z0-9_-]{1,48}".prop_map(|id| CustomerId::parse(&id).unwrap());
        let run = || ("20[0-9]{2}-(0[1-9]|1[0-2])(-r[2-9])?").prop_map(|run| RunId::parse(&run).unwrap());
        prop_oneof![
            (customer(), run()).prop_map(|(customer, run)| Subject::Entry(EntryId::of(customer, run))),
            (customer(), "[A-Za-z0-9_-]{1,24}").prop_map(|(customer, item)| {
                Subject::Entry(EntryId::parse(customer.as_str(), "invoices", Some(&item)).unwrap())
            }),
            customer().prop_map(Subject::Customer),
            run().prop_map(Subject::Run),
        ]
    }

    proptest! {
        #[test]
        fn an_id_is_read_back_and_has_no_full_stop(
            subject in subject(),
            version: u64,
            kind in prop::sample::select(FactKind::ALL),
        ) {
            let id = FactId { subject, version, kind };
            let text = id.to_string();
            prop_assert!(!text.contains('.'), "{text}");
            prop_assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "c-1/2026-11/INV/7/sent",
            "c-1/spring//7/sent",
            "/spring/INV/7/sent",
            "c-1//INV/7/sent",
            "c-1/a/b/c/7/sent",
        ] {
            assert!(text.parse::<FactId>().is_err(), "{text}");
        }
        for text in ["", "c-1/2026-11/7", "c-1/2026-11/07/sent", "//7/sent", "c-1/2026-11/7/eaten", "c-1/Soon/7/sent"] {
            assert!(text.parse::<FactId>().is_err(), "{text}");
        }
    }
}
