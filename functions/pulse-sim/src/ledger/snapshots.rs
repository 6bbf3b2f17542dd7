use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    ports::{LedgerError, Snapshots},
    snapshot::{CLOCKS_DIFFER, Point, SNAPSHOT_EVERY, Snapshot},
};

use super::MemoryLedger;

/// For how long a point is kept, and a wish.
const POINT_KEPT: Duration = Duration::from_hours(8 * 24);

impl MemoryLedger {
    /// What `look` sees in the last snapshot, as whoever watches sees it: it isn't counted as a read.
    pub(crate) fn peek_snapshot<T>(&self, look: impl FnOnce(&Snapshot) -> Option<T>) -> Option<T> {
        self.accounts().snapshot.as_ref().and_then(look)
    }
}

#[async_trait]
impl Snapshots for MemoryLedger {
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.soon(1);
        Ok(accounts.snapshot.clone())
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.large_write(SNAPSHOT_KB);
        let order = |snapshot: &Snapshot| (snapshot.at, snapshot.run.as_ref().map(|run| run.counted_at));
        let (at, counted_at) = order(snapshot);
        let ahead = at.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
        let stays = |(last, counted)| last <= ahead && (last > at || counted > counted_at);
        if accounts.snapshot.as_ref().map(order).is_some_and(stays) {
            return Ok(false);
        }
        accounts.snapshot = Some(snapshot.clone());
        accounts.used.large_write(1);
        accounts.points.insert(slot_of(at), snapshot.point());
        let old = at.saturating_sub(POINT_KEPT).unwrap_or(Timestamp::MIN);
        while accounts.points.first_key_value().is_some_and(|(slot, _)| *slot < old) {
            accounts.points.pop_first();
        }
        Ok(true)
    }

    async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError> {
        let mut accounts = self.accounts();
        let points = accounts.points.range(slot_of(from)..).map(|(_, point)| point).filter(|point| point.at >= from);
        let points: Vec<_> = points.cloned().collect();
        accounts.used.soon(points.len().div_ceil(POINTS_PER_UNIT).max(1) as u64);
        Ok(points)
    }

    async fn want_snapshot(&self, at: Timestamp) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.large_write(1);
        accounts.snapshot_wanted_at = Some(at);
        Ok(())
    }

    async fn snapshot_wanted_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.soon(1);
        Ok(accounts.snapshot_wanted_at)
    }
}

/// Kilobytes of a snapshot's row, and points on one 4 KB read unit.
const SNAPSHOT_KB: u64 = 3;
const POINTS_PER_UNIT: usize = 14;

fn slot_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60 * SNAPSHOT_EVERY)).unwrap_or(at)
}
