//! Where audits stand.

use async_trait::async_trait;
use pulse_core::{
    audit::{AuditCheckpoint, AuditName},
    ports::{AuditLog, LedgerError},
};

use super::{
    MemoryLedger,
    units::{IndexRows, Write},
};

#[async_trait]
impl AuditLog for MemoryLedger {
    async fn checkpoint(&self, name: AuditName) -> Result<Option<AuditCheckpoint>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.audits.get(&name).cloned())
    }

    async fn save_checkpoint(&self, name: AuditName, checkpoint: &AuditCheckpoint) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let known = accounts.audits.get(&name).map_or(0, |there| there.version);
        if known + 1 != checkpoint.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        accounts.used.write(Write::Alone, IndexRows::NONE);
        accounts.audits.insert(name, checkpoint.clone());
        Ok(true)
    }
}
