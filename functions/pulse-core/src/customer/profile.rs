use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Contact, CustomerId, Locale, Money, PersonName, Zone};
use crate::{parse::ParseError, slot::Slot};

/// Whether someone is a customer still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A customer: has a schedule and an open entry.
    Active,
    /// Has left: no schedule, no open entry.
    Closed,
}

/// A customer's profile, as the stages read it anew each time they work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Who this is.
    pub id: CustomerId,
    /// The name that the mail greets.
    pub name: PersonName,
    /// Where the mail goes.
    pub contact: Contact,
    /// What they have.
    pub product: Product,
    /// What they owe, in their own currency.
    pub balance: Money,
    /// How dates and numbers are written for them.
    pub locale: Locale,
    /// Where they live, as far as clocks are concerned.
    pub zone: Zone,
    /// When they signed up.
    pub signed_up_at: Timestamp,
    /// When in the month they are due.
    pub slot: Slot,
    /// Whether they are a customer still.
    pub standing: Standing,
    /// Whether they asked for no more mail.
    pub opted_out: bool,
}

/// What the customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// A loan.
    Loan,
    /// A credit card.
    Card,
}

impl Product {
    /// Reads `loan` or `card`.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "loan" => Ok(Self::Loan),
            "card" => Ok(Self::Card),
            _ => Err(ParseError::new("product", "is neither 'loan' nor 'card'")),
        }
    }

    /// The word that [`Product::parse`] reads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loan => "loan",
            Self::Card => "card",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
