//! Where audits stand.

use async_trait::async_trait;
use pulse_core::{
    audit::{AuditCheckpoint, AuditName},
    ports::{AuditLog, LedgerError},
};

use super::{DynamoDbLedger, keys::Key, rows};

#[async_trait]
impl AuditLog for DynamoDbLedger {
    async fn checkpoint(&self, name: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError> {
        let row = self.row(Key::audit(name)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn save_checkpoint(&self, name: AuditName, checkpoint: &AuditCheckpoint) -> Result<bool, LedgerError> {
        self.put_version(checkpoint.version, rows::checkpoint(name, checkpoint)?).await
    }
}
