use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Seal, seal::hex_digits};
use crate::{
    customer::{Customer, CustomerId, Product, Standing},
    entry::Addressee,
    ports::{Ledger, LedgerError},
    score::Score,
};

/// In which steps an audience is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceSizes {
    /// Entries of one part of it, at most.
    pub part: usize,
    /// Customers of the roster that one part looks at, at most: where few are meant, a part is short.
    pub looked_at: usize,
    /// Customers of the roster that are listed at a time.
    pub page: usize,
}

impl Default for AudienceSizes {
    /// With ids of the longest, 48 letters and 24 of an item's, a part is 160 KB, and a `DynamoDB` item takes 400 (Amazon `DynamoDB` Developer Guide,
    /// "Service, account, and table quotas").
    fn default() -> Self {
        Self { part: 2_000, looked_at: 8_000, page: 500 }
    }
}

/// Whom a campaign is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Audience {
    /// Those whose ids were given: of customers, or of customers and one of their items, each once. Its parts are on the ledger
    /// before the campaign is.
    Given {
        /// In so many parts.
        parts: u32,
        /// How many they are, each of which is an entry. A customer of several items is as many.
        #[serde(rename = "customers")]
        entries: u64,
        /// How many of them are about an item.
        #[serde(default, skip_serializing_if = "is_none")]
        items: u64,
        /// A digest of whose ids they are, as a [seal](Seal) has it.
        #[serde(with = "hex_digits")]
        digest: u128,
    },
    /// Those of the roster whom a question finds when the campaign is planned.
    Asked {
        /// The question.
        question: Question,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference whether to skip a field")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Audience {
    /// Those whose ids were given, in parts of this size.
    #[must_use]
    pub fn given(addressees: &BTreeSet<Addressee>, size: usize) -> Self {
        let Seal { count, digest } = Seal::of(addressees);
        let parts = u32::try_from(addressees.len().div_ceil(size)).unwrap_or(u32::MAX);
        let items = addressees.iter().filter(|addressee| addressee.item.is_some()).count() as u64;
        Self::Given { parts, entries: count, items, digest }
    }

    /// By what its part of this number is found.
    #[must_use]
    pub fn part(&self, number: u32) -> PartId {
        let digest = match self {
            Self::Given { digest, .. } => Some(*digest),
            Self::Asked { .. } => None,
        };
        PartId { digest, number }
    }

    /// Whether it may have a part of this number.
    pub(super) fn has(&self, number: u32) -> bool {
        match self {
            Self::Given { parts, .. } => number < *parts,
            Self::Asked { .. } => true,
        }
    }

    /// Whether these may be all of it.
    pub(super) fn is_sealed_by(&self, seal: Seal) -> bool {
        match self {
            Self::Given { entries, digest, .. } => seal == Seal { count: *entries, digest: *digest },
            Self::Asked { .. } => true,
        }
    }
}

/// By what a part of a campaign's audience is found. Parts of ids that were given go by a digest of all of these, so that a start
/// that fails leaves none to another start of the same name with other ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    digest: Option<u128>,
    number: u32,
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digest {
            Some(digest) => write!(f, "{digest:032x}#{:06}", self.number),
            None => write!(f, "ASKED#{:06}", self.number),
        }
    }
}

/// Who of the roster is meant. What isn't asked for is anyone's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// With this product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Whose last score was in this band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<String>,
    /// In this region, by its two letters (ISO 3166-1), as their locale tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Question {
    /// Whether a customer of this last score is meant.
    fn is_about(&self, customer: &Customer, last: Option<&Score>) -> bool {
        let has = |wanted: &Option<String>, has: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| has.is_some_and(|has| has.eq_ignore_ascii_case(wanted)))
        };
        customer.standing == Standing::Active
            && self.product.is_none_or(|product| customer.product == product)
            && has(&self.band, last.map(|score| score.band.expose()))
            && has(&self.region, customer.locale.region())
    }

    /// Whether a customer is meant, as they stand now.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn finds(&self, ledger: &dyn Ledger, id: &CustomerId) -> Result<bool, LedgerError> {
        let Some(customer) = ledger.customer(id).await? else { return Ok(false) };
        let entries = if self.band.is_some() { ledger.entries(id).await? } else { Vec::new() };
        let last = entries.iter().find_map(|entry| entry.score().or(entry.previous()));
        Ok(self.is_about(&customer, last))
    }
}

/// A part of a campaign's audience, as it was found or given. Parts have nobody in common, or no item of a customer's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudiencePart {
    /// Those whom an entry is for.
    #[serde(rename = "customers")]
    pub addressees: Vec<Addressee>,
    /// Where the roster is gone on with after it, of those that a question finds; none after the last part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RosterPlace>,
    /// When it was written: its row is kept for 400 days from then.
    pub at: Timestamp,
}

/// A place in the roster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterPlace {
    /// The part of the ledger's listing.
    pub part: u64,
    /// The customer before it, if it isn't the part's beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<CustomerId>,
}
