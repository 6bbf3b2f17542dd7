use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Standing},
    entry::{Entry, Position},
    ports::{COUNTED_PARTS, LedgerError, OpenKey, ReadUnits, RunCounts, RunReports},
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
        let mut counts = RunCounts::default();
        for customer in accounts.customers().filter(|customer| parts.contains(&part_of(&customer.id))) {
            match customer.standing {
                Standing::Active => counts.roster.active += 1,
                Standing::Closed => counts.roster.closed += 1,
            }
        }
        let (mut open, mut closed) = (0, 0);
        let of_parts = |entry: &&Entry| !entry.id().run.is_campaign() && parts.contains(&part_of(&entry.id().customer));
        for entry in accounts.entries().filter(of_parts) {
            let is_of_run = entry.id().run == run;
            match entry.position() {
                Position::Open { stage, awaited, since } => {
                    open += 1;
                    if is_of_run {
                        *counts.open.entry(OpenKey { stage, awaited, is_due: since <= now }).or_default() += 1;
                    }
                }
                Position::Closed(key) if is_of_run => {
                    closed += 1;
                    *counts.closed.entry(key).or_default() += 1;
                }
                Position::Closed(_) => {}
            }
        }
        let customers = (counts.roster.active + counts.roster.closed) as usize;
        let shards = SHARDS * (parts.end - parts.start) / COUNTED_PARTS;
        for (index, rows) in [(Index::Open, open), (Index::Tally, closed), (Index::Tally, customers)] {
            accounts.used.index_query(index, shards, rows);
        }
        Ok(counts)
    }

    async fn closed_customers(&self, _: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let closed = accounts.customers().filter(|customer| customer.standing == Standing::Closed);
        let ids: Vec<_> = closed.map(|customer| customer.id.clone()).collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    async fn closed_in_run(&self, _: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let closed = accounts.entries().filter(|entry| !entry.is_open() && entry.id().run == run);
        let ids: Vec<_> = closed.map(|entry| entry.id().customer.clone()).collect();
        accounts.used.index_query(Index::Tally, SHARDS, ids.len());
        Ok(ids)
    }

    fn read_units(&self) -> ReadUnits {
        ReadUnits::of_halves(self.used().half_reads)
    }
}
