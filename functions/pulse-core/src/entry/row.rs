//! An entry as it is written down. The words are those of the first release, whose functions read and write
//! the same table while a deployment or a roll-back lasts: a stage that waits or is claimed has a word of its
//! own (`scheduled`, `scoring`, `scored`, `sending`), and what that release doesn't know is left out as long
//! as it is as that release takes it to be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Called, Entry, EntryId, FailureStreak, Plan, Progress, Queueing, SkipReason, feedback::EntryFeedback};
use crate::{failure::Cause, score::Score, stage_spec::StageName};

/// The fields of an entry's row.
#[derive(Serialize, Deserialize)]
pub(super) struct EntryRow {
    id: EntryId,
    version: u64,
    scheduled_at: Timestamp,
    due: Timestamp,
    #[serde(default, skip_serializing_if = "Plan::is_monthly")]
    plan: Plan,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<Score>,
    /// What its campaign's partner has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called: Option<Called>,
    /// Since when the partner may have, or be about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<SkipReason>,
    /// The stage at which an entry was closed, unless that was its last. Rows of the first release name it only
    /// where the stage gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<StageName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// Since when a closed entry is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default)]
    claims: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Score>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<FailureStreak>,
    #[serde(default, skip_serializing_if = "Queueing::is_pending")]
    queueing: Queueing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeated_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_doubt_since: Option<Timestamp>,
    /// Whether nobody is to settle an indeterminate entry any more: it stays an `unknown` one for releases before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
    #[serde(default, skip_serializing_if = "EntryFeedback::is_empty")]
    feedback: EntryFeedback,
    /// Whether the score is a blank in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    /// The same, as a mail went out whose entry was to be scored again: the first release can't read one without a score.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unscored: bool,
}

/// The words for what no stage has to move any more.
const SENT: &str = "sent";
const SKIPPED: &str = "skipped";
const FAILED: &str = "failed";
const INDETERMINATE: &str = "indeterminate";

/// What the first release calls an indeterminate entry. It is still written, as that release can't read
/// the other word.
const UNKNOWN: &str = "unknown";

const UNCONFIRMED: &str = "unconfirmed";

/// Words for entries of campaigns alone, which the first release never reads.
const ABANDONED: &str = "abandoned";
const CANCELLED: &str = "cancelled";

/// A row that is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidRow {
    #[error("the state {0:?} is none that this release knows")]
    State(String),
    #[error("the state {state} lacks {field}")]
    Lacks { state: String, field: &'static str },
}

impl Progress {
    /// The ledger's word for it, of an entry that is at `stage`.
    #[must_use]
    pub fn name(&self, stage: StageName) -> &'static str {
        match self {
            Self::Waiting => stage.spec().waiting,
            Self::Claimed { .. } => stage.spec().claimed,
            Self::Done { .. } => SENT,
            Self::Skipped { .. } => SKIPPED,
            Self::Failed { .. } => FAILED,
            Self::Indeterminate { .. } => UNKNOWN,
            Self::Unconfirmed { .. } => UNCONFIRMED,
            Self::Abandoned { .. } => ABANDONED,
            Self::Cancelled { .. } => CANCELLED,
        }
    }
}

impl From<Entry> for EntryRow {
    fn from(entry: Entry) -> Self {
        let state = entry.progress.name(entry.at).to_owned();
        let unscored = !entry.erased && entry.score.is_none() && matches!(entry.progress, Progress::Done { .. });
        let blank = unscored || entry.erased && !matches!(entry.progress, Progress::Skipped { .. });
        let has_ended_early = !entry.is_open() && !matches!(entry.progress, Progress::Done { .. });
        let mut row = Self {
            id: entry.id,
            version: entry.version,
            scheduled_at: entry.scheduled_at,
            due: entry.due,
            plan: entry.plan,
            state,
            score: entry.score.or_else(|| if blank { Entry::blank_score() } else { None }),
            called: entry.called,
            asked_at: entry.asked_at,
            lease_until: None,
            provider_id: None,
            reason: None,
            stage: has_ended_early.then_some(entry.at),
            cause: None,
            at: None,
            claims: entry.claims,
            previous: entry.previous,
            trouble: entry.failure_streak,
            queueing: entry.queueing,
            repeated_at: entry.repeated_at,
            in_doubt_since: entry.in_doubt_since,
            unconfirmed: false,
            feedback: entry.feedback,
            erased: entry.erased,
            unscored,
        };
        match entry.progress {
            Progress::Waiting => {}
            Progress::Claimed { lease_until } => row.lease_until = Some(lease_until),
            Progress::Done { provider_id, at } => (row.provider_id, row.at) = (Some(provider_id), Some(at)),
            Progress::Skipped { reason, at } => (row.reason, row.at) = (Some(reason), Some(at)),
            Progress::Failed { cause, at }
            | Progress::Indeterminate { cause, at }
            | Progress::Abandoned { cause, at } => {
                (row.cause, row.at) = (Some(cause), Some(at));
            }
            Progress::Cancelled { at } => row.at = Some(at),
            Progress::Unconfirmed { cause, at } => {
                UNKNOWN.clone_into(&mut row.state);
                (row.cause, row.at, row.unconfirmed) = (Some(cause), Some(at), true);
            }
        }
        row
    }
}

impl EntryRow {
    /// Where the entry stands, by the row's word.
    fn place(&self) -> Result<(StageName, Progress), InvalidRow> {
        let at = || self.at.ok_or_else(|| self.lacks("at"));
        let cause = || self.cause.clone().ok_or_else(|| self.lacks("cause"));
        let or_last = || self.stage.unwrap_or(self.plan.last());
        Ok(match self.state.as_str() {
            SENT => {
                let provider_id = self.provider_id.clone().ok_or_else(|| self.lacks("provider_id"))?;
                (or_last(), Progress::Done { provider_id, at: at()? })
            }
            SKIPPED => {
                let reason = self.reason.ok_or_else(|| self.lacks("reason"))?;
                (self.stage.unwrap_or(self.plan.first()), Progress::Skipped { reason, at: at()? })
            }
            FAILED => {
                let stage = self.stage.ok_or_else(|| self.lacks("stage"))?;
                (stage, Progress::Failed { cause: cause()?, at: at()? })
            }
            UNKNOWN if self.unconfirmed => (or_last(), Progress::Unconfirmed { cause: cause()?, at: at()? }),
            INDETERMINATE | UNKNOWN => (or_last(), Progress::Indeterminate { cause: cause()?, at: at()? }),
            ABANDONED => (or_last(), Progress::Abandoned { cause: cause()?, at: at()? }),
            CANCELLED => (or_last(), Progress::Cancelled { at: at()? }),
            open => return self.open_place(open),
        })
    }

    fn open_place(&self, word: &str) -> Result<(StageName, Progress), InvalidRow> {
        if let Some(stage) = self.plan.steps().find(|step| step.spec().waiting == word) {
            return Ok((stage, Progress::Waiting));
        }
        let claimed = self.plan.steps().find(|step| step.spec().claimed == word);
        let stage = claimed.ok_or_else(|| InvalidRow::State(word.to_owned()))?;
        let lease_until = self.lease_until.ok_or_else(|| self.lacks("lease_until"))?;
        Ok((stage, Progress::Claimed { lease_until }))
    }

    fn lacks(&self, field: &'static str) -> InvalidRow {
        InvalidRow::Lacks { state: self.state.clone(), field }
    }
}

impl TryFrom<EntryRow> for Entry {
    type Error = InvalidRow;

    fn try_from(row: EntryRow) -> Result<Self, Self::Error> {
        let (at, progress) = row.place()?;
        Ok(Self {
            id: row.id,
            version: row.version,
            scheduled_at: row.scheduled_at,
            due: row.due,
            plan: row.plan,
            at,
            progress,
            score: row.score.filter(|_| !row.erased && !row.unscored),
            called: row.called,
            asked_at: row.asked_at,
            claims: row.claims,
            previous: row.previous,
            failure_streak: row.trouble,
            queueing: row.queueing,
            repeated_at: row.repeated_at,
            in_doubt_since: row.in_doubt_since,
            feedback: row.feedback,
            erased: row.erased,
        })
    }
}

#[cfg(test)]
mod tests;
