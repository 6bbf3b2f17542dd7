//! The roster against the schedules against the ledger: who would be passed over, and why.
//!
//! Ten million customers don't fit into one invocation, nor into its memory. So an audit is a walk over pieces, in the
//! order of their keys: entries against the roster, a [part](LedgerListing::parts) at a time as two sorted streams, and
//! then schedules against the roster, by prefixes of their names side by side. Where it is stands in a
//! [checkpoint](AuditCheckpoint), which moves only over pieces that are done: whoever goes on there, after an end that was
//! asked for or one that wasn't, finds all that one audit in a piece would have found.

mod checkpoint;
mod checkpoint_writer;
mod entries;
mod look;
mod report;
mod schedules;
mod shards;

use std::{future::Future, pin::pin};

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::checkpoint_writer::CheckpointWriter;
pub use self::{
    checkpoint::{AUDIT_OVERDUE_AFTER, AuditCheckpoint, AuditCursor, AuditName, AuditTrouble},
    report::{AuditReport, Finding, Problem},
};
use crate::{
    pacing::PacedSchedules,
    ports::{AuditLog, Ledger, LedgerError, LedgerListing, ScheduleError, Schedules, SchedulesError, Sleeper},
};

/// Calls for one schedule in a second. In most Regions `EventBridge` Scheduler takes 250 `GetSchedule`, and as many
/// `CreateSchedule`, of an account ("Quotas"); enrolling goes on beside.
const LOOKS_PER_SECOND: u32 = 200;

/// Whose schedule is read in whole. Whether there is a live one at all is asked for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditDepth {
    /// Nobody's beyond those about whom something is wrong.
    Presence,
    /// One part of the roster in so many: over that many audits, everyone's.
    Slice {
        /// Which, from 0.
        number: u64,
        /// Of how many.
        of: u64,
    },
    /// Everyone's.
    Everyone,
}

/// What an audit is to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditStart {
    /// With one of its kind that was ended early, or else from the beginning.
    ResumeOrBegin,
    /// With one that was ended early or, where there never was an audit, with the first. Otherwise not at all.
    Resume,
    /// From the beginning.
    Begin,
}

/// What the audit's function is asked for: an audit, unless it is to go on. The events of its clock have other fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AuditRequest {
    /// Whether it is only to go on with an audit that was ended early, and to see that there are audits at all.
    pub resume: bool,
}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditEnd {
    /// Everyone was looked at.
    Finished(AuditReport),
    /// It was asked to end. The next one goes on; this is what was found so far.
    Stopped(AuditReport),
    /// There was none to go on with.
    NoneUnfinished,
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditProgress {
    /// Customers whose entry was looked for.
    pub entries: u64,
    /// Customers whose schedule was looked for.
    pub schedules: u64,
}

/// Why an audit ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The ledger couldn't be listed, or the checkpoint not be kept.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The schedules couldn't be listed.
    #[error(transparent)]
    Schedules(#[from] SchedulesError),
    /// Nobody's schedule may be read or repaired.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// None was finished for too long.
    #[error(
        "no {name} audit was finished since {finished_at:.0}: audit by hand, and see whether the rule is enabled that begins them"
    )]
    Overdue {
        /// By its name: an audit of the same name goes on where it was.
        name: AuditName,
        /// When the last was finished.
        finished_at: Timestamp,
    },
    /// Some couldn't be looked at, or not be repaired.
    #[error(
        "{0} customers couldn't be looked at or repaired: the log names them and says why; audit by hand once that is mended"
    )]
    NotAll(u64),
    /// Another audit goes on where this one was.
    #[error("another {0} audit was started meanwhile, and goes on with this one's work: wait for it")]
    TakenOver(AuditName),
}

/// The use case.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The ledger as lists.
    pub listing: &'a dyn LedgerListing,
    /// The scheduler, which the audit asks at a pace of its own.
    pub schedules: &'a dyn Schedules,
    /// Where its checkpoint is kept.
    pub log: &'a dyn AuditLog,
    /// Tells the moment of what is decided and written, and waits where quotas ask for it.
    pub sleeper: &'a dyn Sleeper,
    /// Whose checkpoint it goes on from.
    pub name: AuditName,
    /// Whose schedule is read in whole.
    pub depth: AuditDepth,
    /// Whether what is found is repaired.
    pub repair: bool,
}

/// A walk that is under way.
struct Walk<'a> {
    audit: Audit<'a>,
    /// As the checkpoint says: an audit that goes on is the one that was begun.
    depth: AuditDepth,
    checkpoints: &'a CheckpointWriter<'a>,
    /// Hears how far it is.
    watch: &'a (dyn Fn(AuditProgress) + Send + Sync),
    schedules: PacedSchedules<'a>,
}

impl Audit<'_> {
    /// Looks at everyone, until `stop`. Lists may be some seconds old, so whoever seems to lack something is looked at
    /// again, and only what holds then is a finding. `watch` hears how far it is.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed, nobody's schedule may be read, or another audit took this one over. What was repaired stays,
    /// and the next audit goes on at the checkpoint.
    pub async fn run(
        &self,
        start: AuditStart,
        stop: impl Future<Output = ()> + Send,
        watch: &(dyn Fn(AuditProgress) + Send + Sync),
    ) -> Result<AuditEnd, AuditError> {
        let Some(checkpoints) = CheckpointWriter::open(self, start).await? else { return Ok(AuditEnd::NoneUnfinished) };
        let walk = Walk {
            audit: *self,
            depth: checkpoints.read(|checkpoint| checkpoint.depth),
            checkpoints: &checkpoints,
            watch,
            schedules: PacedSchedules::new(self.schedules, self.sleeper).per_second(LOOKS_PER_SECOND),
        };
        if let Either::Left((walked, _)) = select(pin!(walk.run()), pin!(stop)).await {
            walked?;
        }
        checkpoints.rest().await?;
        let (cursor, report) = checkpoints.read(|checkpoint| (checkpoint.cursor.clone(), checkpoint.report.clone()));
        Ok(if cursor == AuditCursor::Done { AuditEnd::Finished(report) } else { AuditEnd::Stopped(report) })
    }

    /// Whether an audit of this name was finished lately, or where none ever was, begun lately. Where none was ever begun,
    /// that isn't told.
    ///
    /// # Errors
    /// When the last was finished longer ago, or the ledger can't be asked.
    pub async fn was_finished_within(&self, time: SignedDuration) -> Result<(), AuditError> {
        let there = self.log.checkpoint(self.name).await?;
        match there.map(|there| there.finished_at.unwrap_or(there.began_at)) {
            Some(finished_at) if self.sleeper.now().duration_since(finished_at) > time => {
                Err(AuditError::Overdue { name: self.name, finished_at })
            }
            _ => Ok(()),
        }
    }
}

impl Walk<'_> {
    async fn run(&self) -> Result<(), AuditError> {
        loop {
            self.tell();
            match self.checkpoints.read(|checkpoint| checkpoint.cursor.clone()) {
                AuditCursor::Entries { part, after } if part < self.audit.listing.parts() => {
                    self.entries_of(part, after).await?;
                }
                AuditCursor::Entries { .. } => self.checkpoints.advance(AuditCursor::Schedules { from: String::new() }),
                AuditCursor::Schedules { from } => self.schedules_from(&from).await?,
                AuditCursor::Done => return Ok(()),
            }
        }
    }

    fn tell(&self) {
        (self.watch)(self.checkpoints.read(AuditCheckpoint::progress));
    }
}
