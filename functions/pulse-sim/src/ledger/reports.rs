use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Standing},
    entry::{Addressee, EntryId, Position, StageName},
    ports::{Activity, Awaited, LedgerError, LedgerListing, LedgerReports, OpenEntries, RosterCount, Tally, TallyKey},
    run::RunId,
};

use super::{MemoryLedger, units::Index};

/// The most notes that are told of a customer.
const NOTES: usize = 100;

/// Partitions that an index has on `DynamoDB`.
pub(super) const SHARDS: u64 = 8;

#[async_trait]
impl LedgerReports for MemoryLedger {
    async fn tally(&self, now: Timestamp) -> Result<Tally, LedgerError> {
        let mut tally = BTreeMap::new();
        for entry in self.accounts().entries().filter(|entry| !entry.id().run.is_campaign()) {
            *tally.entry((entry.id().run, entry.tally_key(now))).or_default() += 1;
        }
        Ok(Tally(tally))
    }

    async fn roster(&self) -> Result<RosterCount, LedgerError> {
        Ok(self.accounts().roster())
    }

    async fn activities(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        let accounts = self.accounts();
        let notes = accounts.notes.get(customer).into_iter().flat_map(|notes| notes.values().rev());
        Ok(notes.take(NOTES).cloned().collect())
    }
}

#[async_trait]
impl OpenEntries for MemoryLedger {
    async fn overdue(
        &self,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let mut accounts = self.accounts();
        let found: Vec<_> = accounts.overdue(stage, awaited, before).take(limit).collect();
        accounts.used.index_query(Index::Open, SHARDS, found.len());
        Ok(found)
    }
}

#[async_trait]
impl LedgerListing for MemoryLedger {
    fn parts(&self) -> u64 {
        1
    }

    async fn active_customers(&self, _: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let ids: Vec<_> = accounts.customers_of(Standing::Active).cloned().collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    async fn active_page(
        &self,
        _: u64,
        prefix: &str,
        after: Option<&CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let ids: Vec<_> = accounts.active_after(prefix, after).take(limit).cloned().collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    async fn open_entries(&self, _: u64) -> Result<Vec<EntryId>, LedgerError> {
        let mut accounts = self.accounts();
        let open: Vec<_> = accounts.open().collect();
        accounts.used.index_query(Index::Open, SHARDS, open.len());
        Ok(open)
    }

    async fn closed_entries(
        &self,
        run: RunId,
        key: TallyKey,
        after: Option<&Addressee>,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let mut accounts = self.accounts();
        let comes_after = |id: &EntryId| after.is_none_or(|after| id.addressee() > *after);
        if key == TallyKey::Indeterminate {
            let all = accounts.indeterminate.iter().filter(|(of, id)| *of == run && comes_after(id));
            let ids: Vec<_> = all.take(limit).map(|(_, id)| id.clone()).collect();
            accounts.used.index_query(Index::Tally, SHARDS, ids.len());
            return Ok(ids);
        }
        let closed = accounts.entries_in(run).filter(|(_, entry)| entry.position() == Position::Closed(key));
        let ids = closed.map(|(customer, entry)| EntryId { customer: customer.clone(), run, item: entry.item() });
        let mut ids: Vec<_> = ids.filter(comes_after).collect();
        ids.sort();
        ids.truncate(limit);
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }
}
