use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Addressee, ItemId};
use crate::{customer::CustomerId, run::RunId};

/// An entry's id, customer x run, and x item where a campaign is about several things of a customer's: the idempotency key of
/// everything that Pulse does. Entries of months have no item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId {
    /// Whose entry.
    pub customer: CustomerId,
    /// In which run.
    pub run: RunId,
    /// About which of the customer's items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
}

impl EntryId {
    /// The id of an entry that is about no item.
    #[must_use]
    pub fn of(customer: CustomerId, run: RunId) -> Self {
        Self { customer, run, item: None }
    }

    /// The id of an entry for a customer or one of their items.
    #[must_use]
    pub fn for_addressee(Addressee { customer, item }: Addressee, run: RunId) -> Self {
        Self { customer, run, item }
    }

    /// Whom it is for.
    #[must_use]
    pub fn addressee(&self) -> Addressee {
        Addressee { customer: self.customer.clone(), item: self.item }
    }

    /// The run, and the item if there is one, as they stand in a sentence about the customer: `invoices, item INV-1`.
    #[must_use]
    pub fn within(&self) -> RunAndItem {
        RunAndItem { run: self.run, item: self.item }
    }

    /// The id in the letters that a provider's idempotency key may have, at most 98 of them (Marketing Cloud takes 100 for a
    /// messageKey). A customer's id may have the letter that stands before the run; neither it nor a run has the one that stands
    /// before the item.
    #[must_use]
    pub fn message_key(&self) -> String {
        match &self.item {
            None => format!("{}_{}", self.customer, self.run),
            Some(item) => format!("{}_{}.{item}", self.customer, self.run),
        }
    }

    /// Reads a message key back. `None` for one that isn't Pulse's.
    #[must_use]
    pub fn of_message_key(key: &str) -> Option<Self> {
        let (key, item) = match key.split_once('.') {
            None => (key, None),
            Some((key, item)) => (key, Some(item)),
        };
        let (customer, run) = key.rsplit_once('_')?;
        Self::parse(customer, run, item)
    }

    /// The entry of these ids, if they are some. Runs of months have no items.
    #[must_use]
    pub fn parse(customer: &str, run: &str, item: Option<&str>) -> Option<Self> {
        let (customer, run) = (CustomerId::parse(customer).ok()?, RunId::parse(run).ok()?);
        let item = item.map(ItemId::parse).transpose().ok()?;
        (item.is_none() || run.is_campaign()).then_some(Self { customer, run, item })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { customer, run, item } = self;
        match item {
            None => write!(f, "{customer}/{run}"),
            Some(item) => write!(f, "{customer}/{run}/{item}"),
        }
    }
}

/// A run, and an item if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAndItem {
    /// The run.
    pub run: RunId,
    /// The item.
    pub item: Option<ItemId>,
}

impl fmt::Display for RunAndItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            None => self.run.fmt(f),
            Some(item) => write!(f, "{}, item {item}", self.run),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = EntryId> {
        let item = proptest::option::of("[A-Za-z0-9_-]{1,24}");
        ("[A-Za-z0-9_-]{1,48}", "([a-z][a-z0-9-]{0,23})|(20[0-9]{2}-(0[1-9]|1[0-2])(-r[2-9])?)", item)
            .prop_filter_map("months have no items", |(customer, run, item)| {
                EntryId::parse(&customer, &run, item.as_deref())
            })
    }

    /// Of few letters, so that two come that could be taken for each other.
    fn short_id() -> impl Strategy<Value = EntryId> {
        let item = proptest::option::of("[a_-]{1,2}");
        ("[a_-]{1,3}", "a[a-]{0,2}", item)
            .prop_filter_map("no id", |(customer, run, item)| EntryId::parse(&customer, &run, item.as_deref()))
    }

    proptest! {
        #[test]
        fn a_message_key_is_short_and_read_back(id in id()) {
            let key = id.message_key();
            prop_assert!(key.len() <= 100, "{key}");
            prop_assert_eq!(EntryId::of_message_key(&key), Some(id));
        }

        #[test]
        fn no_two_ids_have_one_key(one in short_id(), other in short_id()) {
            prop_assert_eq!(one == other, one.message_key() == other.message_key());
            prop_assert_eq!(one == other, one.to_string() == other.to_string());
        }
    }

    #[test]
    fn an_item_stands_apart_from_run_and_customer() {
        let id = |item| EntryId::parse("c_1", "invoices", item).unwrap();
        assert_eq!(id(Some("INV_1")).message_key(), "c_1_invoices.INV_1");
        assert_eq!((id(None).to_string(), id(Some("A")).to_string()), ("c_1/invoices".into(), "c_1/invoices/A".into()));
        assert_eq!(
            (id(None).within().to_string(), id(Some("A")).within().to_string()),
            ("invoices".into(), "invoices, item A".into())
        );
        for key in ["c-1", "c-1_invoices.", "c-1_invoices.A.B", "c-1_2026-11.A", "c-1_Soon", "_invoices"] {
            assert_eq!(EntryId::of_message_key(key), None, "{key}");
        }
        assert_eq!(serde_json::to_string(&id(None)).unwrap(), r#"{"customer":"c_1","run":"invoices"}"#);
        for item in [None, Some("A")] {
            let text = serde_json::to_string(&id(item)).unwrap();
            assert_eq!(serde_json::from_str::<EntryId>(&text).unwrap(), id(item));
        }
    }
}
