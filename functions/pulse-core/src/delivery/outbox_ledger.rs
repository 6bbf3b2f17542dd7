use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Delivery, EndpointBook, Fact, FactId, FactKind, Outbox, Subject};
use crate::{
    customer::{Customer, CustomerId, EmailAddress},
    entry::{Change, Entry, EntryId},
    message::WorkMessage,
    ports::{Activity, Clock, Ledger, LedgerError, StageQueue},
    suppression::Suppression,
};

/// Facts that a profile makes.
const OF_PROFILES: [FactKind; 2] = [FactKind::Unsubscribed, FactKind::Forgotten];

/// A ledger that writes word of what happens together with it, for whoever asks: so that no use case has to think of it, and
/// none can forget it.
pub struct OutboxLedger {
    /// The ledger that it is written to.
    pub ledger: Arc<dyn Ledger>,
    /// Who asks.
    pub book: Arc<EndpointBook>,
    /// Where word is queued once it is written. What isn't queued, the sweep finds.
    pub queue: Arc<dyn StageQueue>,
    /// Tells the moment at which a profile's facts are written down.
    pub clock: Arc<dyn Clock>,
}

impl OutboxLedger {
    /// Word of what a profile makes known that is to be written over the one it was read as. That one is read once more, and
    /// only where somebody asks: if another is there by now, nothing is written anyway.
    async fn word_of(&self, after: &Customer) -> Result<Vec<Delivery>, LedgerError> {
        let Some(endpoints) = self.book.asking(&OF_PROFILES).await? else { return Ok(Vec::new()) };
        let before = self.ledger.customer(&after.id).await?;
        let facts = facts(before.as_ref(), after, self.clock.now());
        Ok(Outbox { endpoints: &endpoints }.deliveries(&facts))
    }

    /// What is written stands, whether it can be queued or not.
    async fn queue(&self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            if let Err(error) = self.queue.send(&WorkMessage::for_delivery(delivery.id())).await {
                tracing::warn!(delivery = %delivery.id(), %error, "not queued: the sweep finds it");
            }
        }
    }
}

/// What is so of a profile as it is to be, and wasn't of the one before.
fn facts(before: Option<&Customer>, after: &Customer, now: Timestamp) -> Vec<Fact> {
    let was_forgotten = before.is_some_and(Customer::is_forgotten);
    let was_out = before.is_some_and(|before| before.consent.opted_out());
    let forgotten = after.mark.forgotten.as_ref().filter(|_| !was_forgotten);
    // Whoever is forgotten gets no mail either: that is told by the one fact.
    let is_out = after.consent.opted_out() && !was_out && !after.is_forgotten();
    let said_at = after.consent.record().and_then(|record| record.as_of);
    let told = [
        is_out.then(|| (FactKind::Unsubscribed, said_at.unwrap_or(now))),
        forgotten.map(|tombstone| (FactKind::Forgotten, tombstone.at)),
    ];
    let fact = |(kind, as_of)| {
        let id = FactId { subject: Subject::Customer(after.id.clone()), version: after.mark.version + 1, kind };
        Fact { id, as_of, written_at: now }
    };
    told.into_iter().flatten().map(fact).collect()
}

#[async_trait]
impl Ledger for OutboxLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.ledger.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        let mut all = self.word_of(customer).await?;
        all.extend_from_slice(word);
        let is_saved = self.ledger.save_with_word(customer, &all).await?;
        if is_saved {
            self.queue(&all).await;
        }
        Ok(is_saved)
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
        if change.facts().is_empty() {
            return self.ledger.write_change(change).await;
        }
        let endpoints = self.book.endpoints().await?;
        if endpoints.is_empty() {
            return self.ledger.write_change(change).await;
        }
        let change = change.clone().with_word(Outbox { endpoints: &endpoints });
        self.ledger.write_change(&change).await?;
        self.queue(change.deliveries()).await;
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
