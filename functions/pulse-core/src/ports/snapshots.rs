use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::snapshot::{Point, Snapshot};

/// Where snapshots are kept. Reads may be some seconds old.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The last one, if there is one that this release can read.
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError>;

    /// Keeps one in the place of the last, and its point beside the others.
    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError>;

    /// The points since then, the oldest first.
    async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError>;
}
