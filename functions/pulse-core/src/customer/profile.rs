use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Consent, Contact, CustomerId, Locale, Money, PersonName, Tombstone, Zone};
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
    #[serde(flatten)]
    pub consent: Consent,
    /// How the profile was written down.
    #[serde(flatten)]
    pub mark: ProfileMark,
}

/// What stands on a profile beside the customer's facts. A row of the first release has none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileMark {
    /// How often it was written: what [`Ledger::save_customer`](crate::ports::Ledger::save_customer) goes by.
    #[serde(default)]
    pub version: u64,
    /// The moment of which the facts are, as the source says that told them: a file of an earlier one changes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Since when mail goes where it goes, by the clock of who wrote that down: no mail of before is taken for one to this
    /// address. Rows of earlier releases don't say, and each write of this one that finds none begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_since: Option<Timestamp>,
    /// Whether the schedule and the open entry were made as this profile has them, or ended if it is closed. Enrolling
    /// the same again needn't look at them then; whether they are there still is the audit's business.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// That the customer was forgotten: all else is blank then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Tombstone>,
    /// What partners told last, by their names: a roster that is older than a fact of theirs leaves that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partners: BTreeMap<PartnerName, PartnerMark>,
}

/// The name of a partner: 1 to 32 small letters, digits and hyphens. It stands in the partner's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartnerName(String);

/// The last changes of one partner that were taken, by what they told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerMark {
    /// Where mail goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Told>,
    /// Where they live, as far as clocks are concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Told>,
    /// Whether they are a customer still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Told>,
    /// Whether they want no mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Told>,
    /// What the last word on that was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opts_out: bool,
}

/// Which of a partner's changes told a fact, and since when it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The number of the change.
    pub sequence: u64,
    /// Since when it is so, by the partner's clock.
    pub at: Timestamp,
}

impl PartnerName {
    /// Reads a partner's name.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new("partner", "must have 1 to 32 small letters, digits and hyphens"))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PartnerName {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<PartnerName> for String {
    fn from(name: PartnerName) -> Self {
        name.0
    }
}

impl PartnerMark {
    /// Whether the partner told nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ProfileMark {
    /// Since when the fact is so that partners told last, if one did.
    pub(crate) fn told_at(&self, fact: fn(&PartnerMark) -> Option<Told>) -> Option<Timestamp> {
        self.partners.values().filter_map(fact).map(|told| told.at).max()
    }
}

impl Customer {
    /// Whether both say the same of the customer, however that is known and written down.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let bare =
            |customer: &Self| Self { consent: Consent::default(), mark: ProfileMark::default(), ..customer.clone() };
        self.consent.opted_out() == other.consent.opted_out() && bare(self) == bare(other)
    }
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
