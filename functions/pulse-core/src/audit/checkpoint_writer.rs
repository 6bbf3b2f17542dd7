//! The checkpoint of an audit that is under way.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{Audit, AuditCheckpoint, AuditCursor, AuditError, AuditReport, AuditStart};
use crate::ports::LedgerError;

/// The checkpoint is written this often: what is done after it is done again, should the audit be killed.
const SAVED_EVERY: Duration = Duration::from_secs(5);

pub(super) struct CheckpointWriter<'a> {
    audit: Audit<'a>,
    /// Not where whoever audits may only read.
    is_kept: bool,
    checkpoint: Mutex<AuditCheckpoint>,
}

impl<'a> CheckpointWriter<'a> {
    /// Takes an audit up: from now on it is this one's, and whoever was at it ends when they write next.
    pub(super) async fn open(audit: &Audit<'a>, start: AuditStart) -> Result<Option<Self>, AuditError> {
        let now = audit.sleeper.now();
        let there = audit.log.checkpoint(audit.name).await?;
        let checkpoint = match there {
            Some(there) if there.is_resumed_by(audit, start, now) => there,
            Some(_) if start == AuditStart::Resume => return Ok(None),
            there => AuditCheckpoint::first(audit, there.as_ref(), now),
        };
        let next = AuditCheckpoint {
            version: checkpoint.version + 1,
            taken_at: now,
            saved_at: now,
            is_at_rest: false,
            ..checkpoint
        };
        let is_kept = match audit.log.save_checkpoint(audit.name, &next).await {
            Err(LedgerError::Broken(cause)) if !audit.repair => {
                tracing::warn!(%cause, "no checkpoint is kept: an audit that is interrupted begins anew");
                false
            }
            Ok(false) => return Err(AuditError::TakenOver(audit.name)),
            saved => saved?,
        };
        Ok(Some(Self { audit: *audit, is_kept, checkpoint: Mutex::new(next) }))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&AuditCheckpoint) -> T) -> T {
        read(&self.lock())
    }

    pub(super) fn advance(&self, cursor: AuditCursor) {
        self.done(AuditReport::default(), 0, cursor);
    }

    /// Moves over pieces that are done, in which this was found, of so many customers' schedules.
    pub(super) fn done(&self, report: AuditReport, schedules: u64, cursor: AuditCursor) {
        let mut checkpoint = self.lock();
        checkpoint.report.merge(report);
        checkpoint.schedules += schedules;
        if cursor == AuditCursor::Done {
            checkpoint.finished_at = Some(self.audit.sleeper.now());
        }
        checkpoint.cursor = cursor;
    }

    pub(super) async fn save_if_due(&self) -> Result<(), AuditError> {
        let saved_at = self.read(|checkpoint| checkpoint.saved_at);
        let age = Duration::try_from(self.audit.sleeper.now().duration_since(saved_at)).unwrap_or_default();
        if age < SAVED_EVERY { Ok(()) } else { self.save().await }
    }

    /// Writes it for the last time: whoever goes on need not wait.
    pub(super) async fn rest(&self) -> Result<(), AuditError> {
        self.lock().is_at_rest = true;
        self.save().await
    }

    /// One that can't be written now is written the next time: it only costs whoever has to go on from the one before.
    pub(super) async fn save(&self) -> Result<(), AuditError> {
        if !self.is_kept {
            return Ok(());
        }
        match self.try_to_save().await {
            Err(AuditError::Ledger(LedgerError::Unavailable(cause))) => {
                tracing::warn!(%cause, "the audit's checkpoint couldn't be kept");
                Ok(())
            }
            saved => saved,
        }
    }

    async fn try_to_save(&self) -> Result<(), AuditError> {
        let Audit { log, name, .. } = self.audit;
        if self.write(self.audit.sleeper.now()).await? {
            return Ok(());
        }
        // It may be this one's own, whose answer was lost.
        let taken_at = self.read(|checkpoint| checkpoint.taken_at);
        let there = log.checkpoint(name).await?.filter(|there| there.taken_at == taken_at);
        let Some(there) = there else { return Err(AuditError::TakenOver(name)) };
        self.lock().version = there.version;
        if self.write(self.audit.sleeper.now()).await? { Ok(()) } else { Err(AuditError::TakenOver(name)) }
    }

    async fn write(&self, now: Timestamp) -> Result<bool, AuditError> {
        let next = self.read(|there| AuditCheckpoint { version: there.version + 1, saved_at: now, ..there.clone() });
        let is_written = self.audit.log.save_checkpoint(self.audit.name, &next).await?;
        if is_written {
            let mut checkpoint = self.lock();
            (checkpoint.version, checkpoint.saved_at) = (next.version, now);
        }
        Ok(is_written)
    }

    fn lock(&self) -> MutexGuard<'_, AuditCheckpoint> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
