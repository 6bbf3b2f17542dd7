use jiff::Timestamp;
use pulse_core::{
    ports::LedgerError,
    snapshot::{Point, Snapshot},
};

use crate::App;

impl App {
    /// Where everything stood a few minutes ago, as tick has counted it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    #[expect(clippy::unused_async, reason = "tick counts nothing yet")]
    pub async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        Ok(None)
    }

    /// What plots are drawn of.
    ///
    /// # Errors
    /// When the ledger can't be read.
    #[expect(clippy::unused_async, reason = "tick counts nothing yet")]
    pub async fn points(&self, _: Timestamp) -> Result<Vec<Point>, LedgerError> {
        Ok(Vec::new())
    }
}
