use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::snapshot::{Point, Snapshot};

/// Where snapshots are kept. Reads may be some seconds old.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The last one, if there is one that this release can read.
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError>;

    /// Keeps one in the place of the last, and its point in the place of another of the same five minutes. Says whether it did:
    /// not, if one is there that was taken later, or of which the run was counted later, unless a clock that is ahead took
    /// it ([`CLOCKS_DIFFER`](crate::snapshot::CLOCKS_DIFFER)).
    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<bool, LedgerError>;

    /// The points since then, the oldest first, of eight days at most.
    async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError>;

    /// Asks tick for a new snapshot, with the run's entries counted, within a minute.
    async fn want_snapshot(&self, at: Timestamp) -> Result<(), LedgerError>;

    /// When someone last asked, if that was lately.
    async fn snapshot_wanted_at(&self) -> Result<Option<Timestamp>, LedgerError>;
}
