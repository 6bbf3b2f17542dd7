use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Contact, CustomerId, Locale, Money, PersonName, Product, Zone};
use crate::slot::Slot;

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
