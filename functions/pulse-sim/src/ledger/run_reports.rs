use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Standing},
    entry::Position,
    ports::{LedgerError, LedgerReports as _, OpenKey, ReadUnits, RunCounts, RunReports},
    run::RunId,
};

use super::{MemoryLedger, reports::SHARDS};

#[async_trait]
impl RunReports for MemoryLedger {
    async fn run_counts(&self, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError> {
        let mut counts = RunCounts { roster: self.roster().await?, ..RunCounts::default() };
        let mut accounts = self.accounts();
        let (mut open, mut closed) = (0, 0);
        for entry in accounts.entries().filter(|entry| !entry.id().run.is_campaign()) {
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
        let customers = accounts.customers().count();
        for rows in [open, closed, customers] {
            accounts.used.index_query(SHARDS, rows);
        }
        Ok(counts)
    }

    async fn closed_customers(&self, _: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let closed = accounts.customers().filter(|customer| customer.standing == Standing::Closed);
        let ids: Vec<_> = closed.map(|customer| customer.id.clone()).collect();
        accounts.used.index_query(SHARDS, ids.len());
        Ok(ids)
    }

    async fn closed_in_run(&self, _: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError> {
        let mut accounts = self.accounts();
        let closed = accounts.entries().filter(|entry| !entry.is_open() && entry.id().run == run);
        let ids: Vec<_> = closed.map(|entry| entry.id().customer.clone()).collect();
        accounts.used.index_query(SHARDS, ids.len());
        Ok(ids)
    }

    fn read_units(&self) -> ReadUnits {
        ReadUnits::of_halves(self.used().half_reads)
    }
}
