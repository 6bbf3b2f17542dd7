use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

use super::{Audit, AuditDepth, AuditProgress, AuditReport, AuditStart};
use crate::customer::CustomerId;

/// An audit that was ended this long ago is not gone on with: by then it says little of the roster.
const STALE: SignedDuration = SignedDuration::from_hours(24);

/// Whoever is at an audit writes its checkpoint more often than this: until then it is theirs.
const ALIVE: SignedDuration = SignedDuration::from_mins(10);

/// Without a finished audit for this long, somebody is told. One is begun each day.
pub const AUDIT_OVERDUE_AFTER: SignedDuration = SignedDuration::from_hours(26);

/// Whoever runs by the clock takes an audit up every quarter of an hour: one that stands still for this long is taken up by nobody,
/// or ends each time before its first checkpoint.
const STANDS_STILL_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// One of ten million customers takes an hour, in several invocations some two: what takes this long gets nowhere.
const LONGEST: SignedDuration = SignedDuration::from_hours(3);

/// What is amiss with audits by the clock, as their checkpoint tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum AuditTrouble {
    /// There never was one.
    NeverBegun,
    /// One was begun, and isn't gone on with, or doesn't end.
    StandsStill,
    /// The last passed customers over.
    NotAll,
    /// None was finished for more than a day.
    Overdue,
}

impl AuditTrouble {
    /// All that there are.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// What is amiss at `now`, the worst first; nothing, if audits are well.
    #[must_use]
    pub fn of(checkpoint: Option<&AuditCheckpoint>, now: Timestamp) -> Option<Self> {
        let Some(there) = checkpoint else { return Some(Self::NeverBegun) };
        let is_done = there.cursor == AuditCursor::Done;
        let is_older = |then: Timestamp, than| now.duration_since(then) > than;
        if is_older(there.finished_at.unwrap_or(there.began_at), AUDIT_OVERDUE_AFTER) {
            Some(Self::Overdue)
        } else if !is_done && (is_older(there.saved_at, STANDS_STILL_AFTER) || is_older(there.began_at, LONGEST)) {
            Some(Self::StandsStill)
        } else {
            (is_done && there.report.failed > 0).then_some(Self::NotAll)
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn hours_ago(hours: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours)
    }

    fn checkpoint(began: i64, saved: i64, finished: Option<i64>) -> AuditCheckpoint {
        AuditCheckpoint {
            version: 1,
            began_at: hours_ago(began),
            taken_at: hours_ago(began),
            saved_at: hours_ago(saved),
            finished_at: finished.map(hours_ago),
            depth: AuditDepth::Presence,
            repair: true,
            is_at_rest: true,
            cursor: AuditCursor::Entries { part: 0, after: None },
            report: AuditReport::default(),
            schedules: 0,
        }
    }

    #[test]
    fn what_is_amiss_with_audits_is_told_by_their_checkpoint() {
        let of = |checkpoint: &AuditCheckpoint| AuditTrouble::of(Some(checkpoint), now());
        assert_eq!(AuditTrouble::of(None, now()), Some(AuditTrouble::NeverBegun));
        assert_eq!(of(&checkpoint(1, 1, Some(25))), None, "it is being worked on");
        assert_eq!(of(&checkpoint(3, 2, Some(25))), Some(AuditTrouble::StandsStill));
        assert_eq!(of(&checkpoint(4, 0, Some(25))), Some(AuditTrouble::StandsStill), "it doesn't end");
        assert_eq!(of(&checkpoint(2, 0, Some(27))), Some(AuditTrouble::Overdue));
        assert_eq!(of(&checkpoint(27, 27, None)), Some(AuditTrouble::Overdue), "the first never ended");
        let done = AuditCheckpoint { cursor: AuditCursor::Done, ..checkpoint(20, 20, Some(20)) };
        assert_eq!(of(&done), None);
        let report = AuditReport { failed: 1, ..AuditReport::default() };
        assert_eq!(of(&AuditCheckpoint { report, ..done }), Some(AuditTrouble::NotAll));
    }
}
