use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    bill::Prices,
    customer::{Contact, Customer, CustomerId, EmailAddress},
    ports::{LedgerError, ReadUnits, RosterCount},
};
use serde::Serialize;

use crate::{App, suppressions::SHOWN};

/// Profiles that are read at once.
const AT_ONCE: usize = 64;

/// Customers that are named at most. So many with one address is no search any more.
const NAMED: usize = 100;

/// Profiles that are read in a second, about: a read takes some ten milliseconds.
const A_SECOND: u64 = 5_000;

/// Who has an address: found by reading everyone's profile, as no index has addresses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddressSearch {
    /// Who has it, the first by their ids.
    pub customers: Vec<CustomerId>,
    /// Whether there are more than are named.
    pub more: bool,
    /// How many profiles were read.
    pub profiles: u64,
    /// Profiles that can't be read back: they may have it.
    pub unreadable: u64,
    /// What reading the profiles took, to be held against the estimate.
    pub read_units: ReadUnits,
}

/// What a search for an address would take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SearchCost {
    /// Read units: one for each profile, and the lists of them.
    pub read_units: u64,
    /// What that costs at public prices, in dollars.
    pub dollars: f64,
    /// Seconds, about.
    pub seconds: u64,
}

impl SearchCost {
    /// For a roster of so many.
    #[must_use]
    pub fn of(roster: RosterCount) -> Self {
        let profiles = roster.active + roster.closed;
        // Of the lists, thirty rows take half a unit.
        let read_units = profiles + profiles.div_ceil(60);
        Self {
            read_units,
            dollars: read_units as f64 * Prices::default().reads / 1e6,
            seconds: profiles.div_ceil(A_SECOND).max(1),
        }
    }
}

/// What is looked for.
#[derive(Clone, PartialEq, Eq)]
pub enum SoughtAddress {
    /// A whole address, which is never repeated to anyone.
    Address(EmailAddress),
    /// The beginning of the digest that one is suppressed under.
    Digest(String),
}

impl SoughtAddress {
    /// Reads an address, or a digest as the list of suppressions shows it. None, if it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            return EmailAddress::parse(text).ok().map(Self::Address);
        }
        let (key, code) = text.split_once('-').unwrap_or(("", text));
        let is_digit = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
        let is_digest = text.len() >= SHOWN && code.chars().all(is_digit) && key.chars().all(|c| c.is_ascii_digit());
        is_digest.then(|| Self::Digest(text.to_owned()))
    }
}

impl App {
    /// Who has an address, written as given or otherwise than it by case alone. Reads every profile, a part of the roster
    /// after another, and keeps none: it takes as long as [`SearchCost`] says.
    ///
    /// # Errors
    /// When the ledger can't be used. Nothing was changed.
    pub async fn search_address(&self, sought: &SoughtAddress) -> Result<AddressSearch, LedgerError> {
        let reports = &*self.ports.reports;
        let before = reports.read_units();
        let mut found = AddressSearch {
            customers: Vec::new(),
            more: false,
            profiles: 0,
            unreadable: 0,
            read_units: ReadUnits::default(),
        };
        for part in 0..reports.parts() {
            let (active, closed) = futures::try_join!(reports.active_customers(part), reports.closed_customers(part))?;
            let read = async |id: CustomerId| match self.ports.ledger.customer(&id).await {
                Ok(Some(customer)) => Ok((1, 0, self.is_at(&customer, sought).await?.then_some(id))),
                Ok(None) => Ok((0, 0, None)),
                Err(LedgerError::Unreadable(_)) => Ok((1, 1, None)),
                Err(error) => Err(error),
            };
            let mut profiles = stream::iter(active.into_iter().chain(closed)).map(read).buffer_unordered(AT_ONCE);
            while let Some((profiles, unreadable, customer)) = profiles.try_next().await? {
                found.profiles += profiles;
                found.unreadable += unreadable;
                found.customers.extend(customer);
            }
        }
        found.customers.sort();
        found.more = found.customers.len() > NAMED;
        found.customers.truncate(NAMED);
        found.read_units = reports.read_units() - before;
        Ok(found)
    }

    async fn is_at(&self, customer: &Customer, sought: &SoughtAddress) -> Result<bool, LedgerError> {
        let Contact::Email(address) = &customer.contact else { return Ok(false) };
        match sought {
            SoughtAddress::Address(sought) => Ok(address.expose().eq_ignore_ascii_case(sought.expose())),
            // Rows of early releases are under a digest that was made without a key.
            SoughtAddress::Digest(sought) => Ok(address.digest().starts_with(sought)
                || self.ports.suppressions.digest_of(address).await?.starts_with(sought)),
        }
    }
}
