//! The ledger in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress, Standing},
    entry::{Change, Entry, EntryId, StageName, State},
    failure::Cause,
    ports::{Activity, Ledger, LedgerError, LedgerReports, RosterCount, Tally, TallyKey},
    run::RunId,
};

/// The most notes that are told of a customer.
const NOTES: usize = 100;

/// A ledger that lasts as long as the process.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    customers: BTreeMap<CustomerId, Customer>,
    entries: BTreeMap<CustomerId, BTreeMap<RunId, Entry>>,
    /// Digests of addresses.
    suppressed: BTreeSet<String>,
    /// By moment and words, so that the same note made twice is one.
    notes: BTreeMap<CustomerId, BTreeMap<(Timestamp, String), Activity>>,
}

impl MemoryLedger {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.entries.get(&id.customer)?.get(&id.run)
    }

    fn put(&mut self, entry: &Entry) {
        let EntryId { customer, run } = entry.id().clone();
        self.entries.entry(customer).or_default().insert(run, entry.clone());
    }

    fn put_new(&mut self, entry: &Entry) -> bool {
        let is_new = self.entry(entry.id()).is_none();
        if is_new {
            self.put(entry);
        }
        is_new
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        Ok(self.rows().customers.get(id).cloned())
    }

    async fn save_customer(&self, customer: &Customer) -> Result<(), LedgerError> {
        self.rows().customers.insert(customer.id.clone(), customer.clone());
        Ok(())
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        Ok(self.rows().entry(id).cloned())
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        let rows = self.rows();
        let runs = rows.entries.get(customer).into_iter().flat_map(|runs| runs.values().rev());
        Ok(runs.cloned().collect())
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        Ok(self.rows().put_new(entry))
    }

    async fn apply(&self, change: &Change) -> Result<(), LedgerError> {
        let mut rows = self.rows();
        let id = change.after().id();
        if rows.entry(id).map(Entry::version) != Some(change.expected_version()) {
            return Err(LedgerError::Conflict(id.clone()));
        }
        rows.put(change.after());
        if let Some(next) = change.next() {
            rows.put_new(next);
        }
        Ok(())
    }

    async fn is_suppressed(&self, address: &EmailAddress) -> Result<bool, LedgerError> {
        Ok(self.rows().suppressed.contains(&address.digest()))
    }

    async fn suppress(&self, address: &EmailAddress, _why: &Cause) -> Result<(), LedgerError> {
        self.rows().suppressed.insert(address.digest());
        Ok(())
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        let mut rows = self.rows();
        let notes = rows.notes.entry(activity.customer.clone()).or_default();
        notes.insert((activity.at, activity.what.clone()), activity.clone());
        Ok(())
    }
}

#[async_trait]
impl LedgerReports for MemoryLedger {
    async fn tally(&self, now: Timestamp) -> Result<Tally, LedgerError> {
        let mut tally = BTreeMap::new();
        for entry in self.rows().entries.values().flat_map(BTreeMap::values) {
            *tally.entry((entry.id().run, key_of(entry, now))).or_default() += 1;
        }
        Ok(Tally(tally))
    }

    async fn roster(&self) -> Result<RosterCount, LedgerError> {
        let mut roster = RosterCount::default();
        for customer in self.rows().customers.values() {
            match customer.standing {
                Standing::Active => roster.active += 1,
                Standing::Closed => roster.closed += 1,
            }
        }
        Ok(roster)
    }

    async fn activities(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        let rows = self.rows();
        let notes = rows.notes.get(customer).into_iter().flat_map(|notes| notes.values().rev());
        Ok(notes.take(NOTES).cloned().collect())
    }
}

fn key_of(entry: &Entry, now: Timestamp) -> TallyKey {
    match entry.state() {
        State::Sent { .. } => TallyKey::Sent,
        State::Skipped { reason, .. } => TallyKey::Skipped(*reason),
        State::Failed { stage, .. } => TallyKey::Failed(*stage),
        State::Unknown { .. } => TallyKey::Unknown,
        open => match open.waits_for() {
            Some(StageName::Email) => TallyKey::ToEmail,
            _ if entry.due() > now => TallyKey::NotDue,
            _ => TallyKey::ToScore,
        },
    }
}
