//! What operators alone do with the ledger.

use std::cmp::Reverse;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    ports::{Activity, CustomerNotes, LedgerError, SuppressionFound, SuppressionList, SuppressionsFound},
};

use super::{
    MemoryLedger,
    units::{IndexRows, Write},
};

#[async_trait]
impl CustomerNotes for MemoryLedger {
    async fn all_notes(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        let accounts = self.accounts();
        let notes = accounts.notes.get(customer).into_iter().flat_map(|notes| notes.values().rev());
        Ok(notes.cloned().collect())
    }

    async fn erase_notes(&self, customer: &CustomerId) -> Result<u64, LedgerError> {
        let mut accounts = self.accounts();
        let notes = accounts.notes.remove(customer).unwrap_or_default().len() as u64;
        (0..notes).for_each(|_| accounts.used.write(Write::Alone, IndexRows::NONE));
        Ok(notes)
    }
}

#[async_trait]
impl SuppressionList for MemoryLedger {
    async fn digest_of(&self, address: &EmailAddress) -> Result<String, LedgerError> {
        Ok(address.digest())
    }

    async fn suppressions(&self, now: Timestamp, limit: usize) -> Result<SuppressionsFound, LedgerError> {
        let accounts = self.accounts();
        let mut found = SuppressionsFound::default();
        for (digest, suppression) in &accounts.suppressed {
            match (suppression.worst(), suppression.in_force(now).first()) {
                (_, Some(held)) => *found.by_reason.entry(held.reason).or_default() += 1,
                (None, None) if suppression.release().is_some() => found.released += 1,
                (..) => continue,
            }
            found.newest.push(SuppressionFound { digest: digest.clone(), suppression: suppression.clone() });
        }
        found.newest.sort_by_key(|found| Reverse(found.suppression.changed_at()));
        found.newest.truncate(limit);
        Ok(found)
    }
}
