//! What a tick's snapshot takes of the ledger, at a distance. It may fail, and takes no virtual time.

use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    ports::{Activity, LedgerError, LedgerReports, ReadUnits, RosterCount, RunCounts, RunReports, Snapshots, Tally},
    run::RunId,
    snapshot::{Point, Snapshot},
};

use super::distant::{DistantLedger, throttled};
use crate::ledger::Touch;

#[async_trait]
impl LedgerReports for DistantLedger {
    async fn tally(&self, now: Timestamp) -> Result<Tally, LedgerError> {
        self.heard(Touch::Indexes, self.ledger.tally(now)).await
    }

    async fn roster(&self) -> Result<RosterCount, LedgerError> {
        self.heard(Touch::Tally, self.ledger.roster()).await
    }

    async fn activities(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.activities(customer)).await
    }
}

#[async_trait]
impl RunReports for DistantLedger {
    async fn run_counts_in(&self, parts: Range<u64>, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError> {
        if !self.ledger.admits_count(&parts, run, self.way.time.now()) {
            return Err(throttled());
        }
        self.heard(Touch::Indexes, self.ledger.run_counts_in(parts, run, now)).await
    }

    async fn closed_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError> {
        self.heard(Touch::Tally, self.ledger.closed_customers(part)).await
    }

    async fn closed_in_run(&self, part: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError> {
        self.heard(Touch::Tally, self.ledger.closed_in_run(part, run)).await
    }

    fn read_units(&self) -> ReadUnits {
        self.ledger.read_units()
    }
}

#[async_trait]
impl Snapshots for DistantLedger {
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.snapshot()).await
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<bool, LedgerError> {
        self.heard(Touch::Write, self.ledger.save_snapshot(snapshot)).await
    }

    async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.points(from)).await
    }

    async fn want_snapshot(&self, at: Timestamp) -> Result<(), LedgerError> {
        self.heard(Touch::Write, self.ledger.want_snapshot(at)).await
    }

    async fn snapshot_wanted_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.snapshot_wanted_at()).await
    }
}
