use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Standing},
    entry::Position,
    ports::{COUNTED_PARTS, LedgerError, ReadUnits, RunCounts, RunReports},
    run::RunId,
    stable_hash::stable_hash,
};

use super::{MemoryLedger, reports::SHARDS, units::Index};

/// In which of the parts a customer is counted.
pub(super) fn part_of(customer: &CustomerId) -> u64 {
    stable_hash("shard", customer.as_str()) % COUNTED_PARTS
}

#[async_trait]
impl RunReports for MemoryLedger {
    async fn run_counts_in(&self, parts: Range<u64>, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError> {
        let mut accounts = self.accounts();
        let (counts, open) = accounts.count(&parts, run, now);
        let closed = counts.closed.values().sum();
        let customers = counts.roster.active + counts.roster.closed;
        let shards = SHARDS * (parts.end - parts.start) / COUNTED_PARTS;
        for (index, rows) in [(Index::Open, open), (Index::Tally, closed), (Index::Tally, customers)] {
            accounts.used.index_query(index, shards, usize::try_from(rows).unwrap_or(usize::MAX));
        }
        Ok(counts)
    }

    async fn closed_customers(&self, _: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let ids: Vec<_> = accounts.customers_of(Standing::Closed).cloned().collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    async fn closed_in_run(&self, _: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let closed = accounts.entries_in(run).filter(|(_, entry)| matches!(entry.position(), Position::Closed(_)));
        let ids: Vec<_> = closed.map(|(customer, _)| customer.clone()).collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    fn read_units(&self) -> ReadUnits {
        ReadUnits::of_halves(self.used().half_reads)
    }
}
