//! What becomes of entries, counted as it is written.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Change, Entry, EntryId, StageName},
    ports::{Activity, Ledger, LedgerError},
    suppression::Suppression,
};

/// The ledger's word for who waits to be mailed.
const SCORED: &str = StageName::Email.spec().waiting;

/// The steps that are told, by the states that they lead to. A claim isn't one.
const TOLD: [(&str, &str); 5] =
    [(SCORED, "Scored"), ("sent", "Sent"), ("skipped", "Skipped"), ("failed", "Failed"), ("unknown", "Unknown")];

/// Counts steps of entries.
#[derive(Debug, Default)]
pub struct Transitions(Mutex<BTreeMap<&'static str, u64>>);

impl Transitions {
    /// Counts a step to the state of this name.
    pub fn count(&self, state: &str) {
        if let Some((_, metric)) = TOLD.iter().find(|(name, _)| *name == state) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(metric).or_default() += 1;
        }
    }

    /// What was counted since the last time, by the metric's name.
    #[must_use]
    pub fn take(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A ledger whose written changes are counted.
pub struct CountedLedger<L> {
    /// The ledger.
    pub ledger: L,
    /// What counts.
    pub moved: Arc<Transitions>,
}

#[async_trait]
impl<L: Ledger> Ledger for CountedLedger<L> {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.ledger.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.ledger.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.ledger.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.ledger.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.ledger.open(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.ledger.write_change(change).await?;
        // What waits for its mail though nobody scores it has the same word.
        if change.after().state() != SCORED || change.after().score().is_some() {
            self.moved.count(change.after().state());
        }
        Ok(())
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.ledger.note(activity).await
    }
}
