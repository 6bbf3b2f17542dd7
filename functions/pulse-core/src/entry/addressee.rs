use std::fmt;

use serde::{Deserialize, Serialize};

use super::ItemId;
use crate::{customer::CustomerId, parse::ParseError};

/// Whom an entry of a run is for: a customer, and which of their items, where the run is about several of theirs.
///
/// As text, it is `c-1` or `c-1,INV-1`. The comma sorts before whatever an id may have, so that texts sort as these do: a
/// customer, then their items, then the next customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Addressee {
    /// To whom.
    pub customer: CustomerId,
    /// About what.
    pub item: Option<ItemId>,
}

/// A customer, about nothing of theirs alone.
impl From<CustomerId> for Addressee {
    fn from(customer: CustomerId) -> Self {
        Self { customer, item: None }
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            None => self.customer.fmt(f),
            Some(item) => write!(f, "{},{item}", self.customer),
        }
    }
}

impl TryFrom<String> for Addressee {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        let (customer, item) = match text.split_once(',') {
            None => (&*text, None),
            Some((customer, item)) => (customer, Some(ItemId::parse(item)?)),
        };
        Ok(Self { customer: CustomerId::parse(customer)?, item })
    }
}

impl From<Addressee> for String {
    fn from(addressee: Addressee) -> Self {
        addressee.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addressee() -> impl Strategy<Value = Addressee> {
        let item = proptest::option::of("[A-Ca-c0-1_-]{1,3}".prop_map(|id| ItemId::parse(&id).unwrap()));
        ("[A-Ca-c0-1_-]{1,3}", item)
            .prop_map(|(id, item)| Addressee { customer: CustomerId::parse(&id).unwrap(), item })
    }

    proptest! {
        #[test]
        fn texts_are_read_back_and_sort_as_what_they_are_of(one in addressee(), other in addressee()) {
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
            let text = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<Addressee>(&text).unwrap(), one);
        }
    }

    #[test]
    fn what_an_earlier_release_wrote_is_a_customer() {
        let read = |text: &str| Addressee::try_from(text.to_owned());
        assert_eq!(read("c-1"), Ok(Addressee::from(CustomerId::parse("c-1").unwrap())));
        for bad in ["", ",A", "c-1,", "c-1,A,B", "c 1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
