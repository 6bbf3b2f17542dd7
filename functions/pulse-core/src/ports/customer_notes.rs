use async_trait::async_trait;

use super::{Activity, LedgerError};
use crate::customer::CustomerId;

/// All that was noted of a customer, for whoever hands it out or takes it away.
#[async_trait]
pub trait CustomerNotes: Send + Sync {
    /// All notes, the newest first, however many there are.
    async fn all_notes(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError>;

    /// Deletes them, and says how many there were. If it ends early, those that are left stay; do it again.
    async fn erase_notes(&self, customer: &CustomerId) -> Result<u64, LedgerError>;
}
