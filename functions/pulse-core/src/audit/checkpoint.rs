use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use super::{Audit, AuditDepth, AuditProgress, AuditReport, AuditStart};
use crate::customer::CustomerId;

/// An audit that was ended this long ago is not gone on with: by then it says little of the roster.
const STALE: SignedDuration = SignedDuration::from_hours(24);

/// Whoever is at an audit writes its checkpoint more often than this: until then it is theirs.
const ALIVE: SignedDuration = SignedDuration::from_mins(10);

/// Which audit a checkpoint is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AuditName {
    /// The one that runs by the clock.
    Daily,
    /// An operator's.
    ByHand,
}

/// How far an audit is. What is before the cursor is done; what is after may have been looked at, and is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditCursor {
    /// Entries are held against the roster.
    Entries {
        /// In this part of the ledger.
        part: u64,
        /// The customer that was looked at last.
        after: Option<CustomerId>,
    },
    /// Schedules are held against the roster.
    Schedules {
        /// The least name that wasn't looked at.
        from: String,
    },
    /// All is done.
    Done,
}

/// Where an audit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCheckpoint {
    /// How often it was written. The first is 1.
    pub version: u64,
    /// When the audit was begun.
    pub began_at: Timestamp,
    /// When whoever works on it took it up, which tells workers apart.
    pub taken_at: Timestamp,
    /// When it was written.
    pub saved_at: Timestamp,
    /// When an audit of this name was finished last.
    pub finished_at: Option<Timestamp>,
    /// Whose schedule is read in whole.
    pub depth: AuditDepth,
    /// Whether what is found is repaired.
    pub repair: bool,
    /// Whether whoever worked on it has ended, so that it may be taken up at once.
    #[serde(default)]
    pub is_at_rest: bool,
    /// How far it is.
    pub cursor: AuditCursor,
    /// What was found before the cursor.
    pub report: AuditReport,
    /// Customers whose schedule was looked for before the cursor.
    pub schedules: u64,
}

impl AuditCheckpoint {
    /// The audit's first, over the one of the audit before.
    pub(super) fn first(audit: &Audit<'_>, before: Option<&Self>, now: Timestamp) -> Self {
        Self {
            version: before.map_or(0, |before| before.version),
            began_at: now,
            taken_at: now,
            saved_at: now,
            finished_at: before.and_then(|before| before.finished_at),
            depth: audit.depth,
            repair: audit.repair,
            is_at_rest: false,
            cursor: AuditCursor::Entries { part: 0, after: None },
            report: AuditReport::default(),
            schedules: 0,
        }
    }

    /// Whether an audit goes on from here.
    pub(super) fn is_resumed_by(&self, audit: &Audit<'_>, start: AuditStart, now: Timestamp) -> bool {
        let is_of_a_kind =
            self.repair == audit.repair && std::mem::discriminant(&self.depth) == std::mem::discriminant(&audit.depth);
        let age = now.duration_since(self.saved_at);
        self.cursor != AuditCursor::Done
            && age < STALE
            && match start {
                AuditStart::Resume => age >= ALIVE || self.is_at_rest,
                AuditStart::ResumeOrBegin => is_of_a_kind,
                AuditStart::Begin => false,
            }
    }

    pub(super) fn progress(&self) -> AuditProgress {
        AuditProgress { entries: self.report.customers, schedules: self.schedules }
    }
}
