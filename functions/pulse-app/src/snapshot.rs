use jiff::Timestamp;
use pulse_core::{
    bill::Prices,
    feedback::ReputationPolicy,
    ports::{LedgerError, ReadUnits},
    snapshot::{CountBudget, Point, Snapshot, SnapshotRound},
};
use serde::Serialize;

use crate::{App, ReadError};

/// Where everything stands, counted for the one who asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountedNow {
    /// As everyone would see it.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Whether everyone sees it now. Who may only look can't keep it.
    pub kept: bool,
    /// What counting took.
    pub read_units: ReadUnits,
    /// What that costs, in dollars.
    pub dollars: f64,
}

impl App {
    /// Where everything stood a few minutes ago, as tick has counted it: half a read unit, however many customers there are.
    /// None, if tick hasn't run yet since this release was deployed.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        self.ports.snapshots.snapshot().await
    }

    /// What plots are drawn of, every five minutes since `from`, of eight days at most.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError> {
        self.ports.snapshots.points(from).await
    }

    /// Asks tick for a new snapshot of all but the run's entries, which is there within two minutes. Those are counted by
    /// [`count_now`](Self::count_now), or when the budget allows it.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub async fn want_snapshot(&self) -> Result<(), LedgerError> {
        self.ports.snapshots.want_snapshot(self.clock().now()).await
    }

    /// Counts everything now, and keeps it for everyone if the ledger lets this one write. What it costs grows with the number of
    /// customers: some 29,250 read units for 600,000.
    ///
    /// # Errors
    /// When something of it can't be read.
    pub async fn count_now(&self) -> Result<CountedNow, ReadError> {
        let endpoints = self.unwell_endpoints().await?;
        let round = SnapshotRound {
            stages: &*self.ports.stages,
            controls: &*self.ports.controls,
            outcomes: &*self.ports.outcomes,
            ledger: &*self.ports.ledger,
            open: &*self.ports.open,
            reports: &*self.ports.reports,
            feedback: &*self.ports.feedback,
            campaigns: &*self.ports.campaigns,
            reputation: ReputationPolicy::default(),
            gauges: &*self.ports.gauges,
            snapshots: &*self.ports.snapshots,
            clock: self.clock(),
            budget: CountBudget::default(),
            endpoints: &endpoints,
        };
        let taken = round.count_now().await?;
        let read_units = taken.snapshot.run.as_ref().map_or_else(ReadUnits::default, |run| run.read_units);
        let dollars = Prices::default().of_reads(read_units);
        Ok(CountedNow { snapshot: taken.snapshot, kept: taken.kept, read_units, dollars })
    }
}
