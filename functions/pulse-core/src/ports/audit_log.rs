use async_trait::async_trait;

use super::LedgerError;
use crate::audit::{AuditCheckpoint, AuditName};

/// Where audits stand, so that one which ended early goes on. Reads are strongly consistent.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Where the audit of this name stands, or stood when it ended.
    async fn checkpoint(&self, name: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError>;

    /// Writes a checkpoint over the one of the version before, or where there is none if it is the first. Says whether it
    /// did: false when another is there, and nothing is written then.
    async fn save_checkpoint(&self, name: AuditName, checkpoint: &AuditCheckpoint) -> Result<bool, LedgerError>;
}
