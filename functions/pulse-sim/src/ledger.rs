//! The ledger in memory.

mod accounts;
mod audits;
mod campaigns;
mod capacity;
mod deliveries;
mod feedback;
mod index_lag;
mod operators;
mod orders;
mod profiles;
mod reports;
mod run_reports;
mod snapshots;
mod stages;
mod units;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    bill::{CapacityHours, TableCapacity},
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Change, Entry, EntryId, PackedEntry},
    ports::{Activity, Ledger, LedgerError},
    run::RunId,
    suppression::{Suppression, SuppressionReason},
};

use accounts::Accounts;
pub(crate) use capacity::{Capacity, Touch};
use index_lag::IndexLag;
pub use units::LedgerUse;
use units::{IndexRows, Write};

use crate::{clock::VirtualClock, random::Stream};

/// What becomes of an entry that is written down and read again. On a table that functions of several releases
/// write to, some of it may be lost or changed.
pub type RowForm = fn(&Entry) -> Entry;

/// A ledger that lasts as long as the process.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    accounts: Mutex<Accounts>,
    form: Option<RowForm>,
    capacity: Mutex<Option<Capacity>>,
}

impl MemoryLedger {
    /// A ledger whose entries are written down in a form, if one is given.
    #[must_use]
    pub fn with_form(form: Option<RowForm>) -> Self {
        Self { form, ..Self::default() }
    }

    /// Lets campaigns' indexes lag behind by so much at most. To be called before the first campaign.
    #[must_use]
    pub fn with_lagging_index(self, clock: Arc<VirtualClock>, random: Stream, longest: Duration) -> Self {
        self.accounts().index_lag = Some(IndexLag { clock, random, longest });
        self
    }

    fn written(&self, entry: &Entry) -> Option<Entry> {
        self.form.map(|form| form(entry))
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has its table's capacity provisioned from `now` on.
    pub(crate) fn provision(&self, capacity: &TableCapacity, now: Timestamp) {
        *self.capacity() = Some(Capacity::new(capacity, now, self.used()));
    }

    /// Whether a call is let through that comes at `now`: each is, where nothing was provisioned.
    pub(crate) fn admits(&self, touch: Touch, now: Timestamp) -> bool {
        self.capacity().as_mut().is_none_or(|capacity| capacity.admits(touch, now, self.used()))
    }

    /// Whether a count of a run's entries is let through at `now`.
    pub(crate) fn admits_count(&self, parts: &Range<u64>, run: RunId, now: Timestamp) -> bool {
        let mut capacity = self.capacity();
        let Some(capacity) = capacity.as_mut() else { return true };
        let accounts = self.accounts();
        let (counts, open) = accounts.count(parts, run, now);
        let units = |rows: u64| LedgerUse::of_index_query(0, usize::try_from(rows).unwrap_or(usize::MAX)) as f64 / 2.0;
        let tally = units(counts.closed.values().sum()) + units(counts.roster.active + counts.roster.closed);
        capacity.admits_count([units(open), tally], now, accounts.used)
    }

    /// What was charged for provisioned capacity by `now`, and how many calls it didn't let through.
    pub(crate) fn provisioned(&self, now: Timestamp) -> Option<(CapacityHours, u64)> {
        let mut capacity = self.capacity();
        let capacity = capacity.as_mut()?;
        Some((capacity.hours(now, self.used()), capacity.throttled()))
    }

    fn capacity(&self) -> MutexGuard<'_, Option<Capacity>> {
        self.capacity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the same calls cost on `DynamoDB`, so far.
    #[must_use]
    pub fn used(&self) -> LedgerUse {
        self.accounts().used
    }

    /// An entry, as whoever watches sees it: it isn't counted as a read.
    pub(crate) fn peek_entry(&self, id: &EntryId) -> Option<Entry> {
        self.accounts().entry(id)
    }

    /// A profile, in the same way.
    pub(crate) fn peek_customer(&self, id: &CustomerId) -> Option<Customer> {
        self.accounts().customer(id)
    }

    /// What is kept of an address, in the same way.
    pub(crate) fn peek_suppression(&self, address: &EmailAddress) -> Option<Suppression> {
        self.accounts().suppressed.get(&address.digest()).cloned()
    }

    /// Calls `look` with every entry, in no particular order that isn't always the same.
    pub fn for_each_entry(&self, mut look: impl FnMut(&Entry)) {
        self.accounts().entries().for_each(|entry| look(&entry));
    }

    /// Calls `look` with every entry of a run, as it is packed: that is quicker.
    pub(crate) fn for_each_packed(&self, run: RunId, look: impl FnMut(&PackedEntry)) {
        self.accounts().entries_in(run).map(|(_, entry)| entry).for_each(look);
    }

    /// Calls `look` with every delivery.
    pub fn for_each_delivery(&self, look: impl FnMut(&Delivery)) {
        self.accounts().deliveries.values().flat_map(BTreeMap::values).for_each(look);
    }

    /// Calls `look` with every profile.
    pub fn for_each_customer(&self, mut look: impl FnMut(&Customer)) {
        self.accounts().customers().for_each(|customer| look(&customer));
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.customer(id))
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        let write = if word.is_empty() { Write::Alone } else { Write::Transaction };
        let mut accounts = self.accounts();
        let is_of_this = accounts.version_of(&customer.id) == customer.mark.version;
        if is_of_this {
            let mut customer = customer.clone();
            customer.mark.version += 1;
            accounts.put_customer(&customer, write);
            for delivery in word {
                accounts.put_delivery(delivery, write);
            }
        } else {
            accounts.used.refused(write);
        }
        Ok(is_of_this)
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.entry(id))
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        let mut accounts = self.accounts();
        let entries: Vec<_> = accounts.entries_of(customer).filter(|entry| !entry.id().run.is_campaign()).collect();
        accounts.used.query(entries.len());
        Ok(entries)
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        Ok(self.accounts().put_new(self.written(entry).as_ref().unwrap_or(entry), Write::Alone))
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        let write = if change.deliveries().is_empty() { Write::Alone } else { Write::Transaction };
        let id = change.after().id();
        if accounts.version_of_entry(id) != Some(change.expected_version()) {
            accounts.used.refused(write);
            return Err(LedgerError::Conflict(id.into()));
        }
        accounts.put(self.written(change.after()).as_ref().unwrap_or(change.after()), write);
        for delivery in change.deliveries() {
            accounts.put_delivery(delivery, write);
        }
        Ok(())
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        let mut accounts = self.accounts();
        // By the digest of the key of today, and by the one without a key of early releases.
        accounts.used.read(1);
        accounts.used.read(1);
        // Most houses suppress few: then no digest need be made.
        let known = if accounts.suppressed.is_empty() { None } else { accounts.suppressed.get(&address.digest()) };
        Ok(known.cloned())
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let digest = address.digest();
        let known = accounts.suppressed.get(&digest);
        let (version, before) = known.map_or((0, None), |known| (known.version, listed(known)));
        if version != suppression.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        let after = listed(suppression);
        let index_rows = if before == after { 0 } else { u64::from(before.is_some()) + u64::from(after.is_some()) };
        accounts.used.write(Write::Alone, IndexRows::tally(index_rows));
        let mut suppression = suppression.clone();
        suppression.version += 1;
        accounts.suppressed.insert(digest, suppression);
        Ok(true)
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        let notes = accounts.notes.entry(activity.customer.clone()).or_default();
        notes.insert((activity.at, activity.what.clone()), activity.clone());
        Ok(())
    }
}

/// As what an address is in the index: for its worst reason or as released, and since when.
fn listed(suppression: &Suppression) -> Option<(Option<SuppressionReason>, Timestamp)> {
    Some((suppression.worst().map(|(reason, _)| reason), suppression.changed_at()?))
}
