use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Called, EntryId, Plan, Progress, feedback::EntryFeedback, row::EntryRow};
use crate::{
    failure::Cause,
    score::Score,
    stage_spec::{Effect, StageName},
};

/// One row of the ledger. Fields are private: an entry changes only by the transitions that
/// the module `transition` lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "EntryRow", into = "EntryRow")]
pub struct Entry {
    pub(super) id: EntryId,
    pub(super) version: u64,
    pub(super) scheduled_at: Timestamp,
    pub(super) due: Timestamp,
    pub(super) plan: Plan,
    pub(super) at: StageName,
    pub(super) progress: Progress,
    pub(super) score: Option<Score>,
    /// That its campaign's partner did what it was asked.
    pub(super) called: Option<Called>,
    /// Since when its campaign's partner may have done that, or have it under way, whatever was answered.
    pub(super) asked_at: Option<Timestamp>,
    /// Claims made so far, of all stages.
    pub(super) claims: u32,
    pub(super) previous: Option<Score>,
    pub(super) failure_streak: Option<FailureStreak>,
    pub(super) queueing: Queueing,
    /// When its stage's message was last given up for lost, and another sent.
    pub(super) repeated_at: Option<Timestamp>,
    pub(super) in_doubt_since: Option<Timestamp>,
    pub(super) feedback: EntryFeedback,
    /// Whether what is personal was taken from it, as its customer was forgotten.
    pub(super) erased: bool,
}

/// How an open entry's message comes to be in its stage's queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Queueing {
    /// A schedule sends it at the due moment, or the stage before has sent it.
    #[default]
    #[serde(rename = "expected")]
    Pending,
    /// That one was given up for lost, and another was sent.
    #[serde(rename = "repeated")]
    Requeued {
        /// The moment at which it was written down.
        at: Timestamp,
    },
    /// There is none: one is to be sent at the due moment.
    Deferred,
    /// There is none: one is sent once its campaign has it dispatched.
    Held,
}

impl Queueing {
    pub(super) fn is_pending(&self) -> bool {
        *self == Self::Pending
    }
}

/// The last thing that went wrong with an entry that is still being tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureStreak {
    /// The cause, in words for an operator.
    pub cause: Cause,
    /// The moment at which it was written down.
    pub at: Timestamp,
    /// Since when something has gone wrong each time. Rows of earlier releases don't say.
    #[serde(default)]
    pub since: Timestamp,
    /// When it is tried next at the earliest, if the provider said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
}

impl Entry {
    /// A new entry of a monthly run, due at `scheduled_at`. `previous` is last month's score, if there was one.
    #[must_use]
    pub fn scheduled(id: EntryId, scheduled_at: Timestamp, previous: Option<Score>) -> Self {
        Self::planned(id, Plan::MONTHLY, scheduled_at, previous)
    }

    /// A new entry that goes through these stages, due at `scheduled_at`.
    #[must_use]
    pub fn planned(id: EntryId, plan: Plan, scheduled_at: Timestamp, previous: Option<Score>) -> Self {
        Self {
            id,
            version: 1,
            scheduled_at,
            due: scheduled_at,
            plan,
            at: plan.first(),
            progress: Progress::Waiting,
            score: None,
            called: None,
            asked_at: None,
            claims: 0,
            previous,
            failure_streak: None,
            queueing: Queueing::Pending,
            repeated_at: None,
            in_doubt_since: None,
            feedback: EntryFeedback::default(),
            erased: false,
        }
    }

    /// A new entry of a campaign, which holds it until it is dispatched.
    #[must_use]
    pub fn of_campaign(id: EntryId, plan: Plan, now: Timestamp) -> Self {
        Self { queueing: Queueing::Held, ..Self::planned(id, plan, now, None) }
    }

    /// Customer x run, and x item where there is one.
    #[must_use]
    pub fn id(&self) -> &EntryId {
        &self.id
    }

    /// Rises by one with every change; each write is conditional on the version that was read.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The slot's moment that this entry is for.
    #[must_use]
    pub fn scheduled_at(&self) -> Timestamp {
        self.scheduled_at
    }

    /// When the entry should move next.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// Which stages it goes through.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// The stage that it is at, or was when it was closed.
    #[must_use]
    pub fn at(&self) -> StageName {
        self.at
    }

    /// How far that stage has got with it.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Where it stands, in the ledger's word.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.progress.name(self.at)
    }

    /// The stage that has to move the entry on, or `None` when the entry is closed.
    #[must_use]
    pub fn waits_for(&self) -> Option<StageName> {
        matches!(self.progress, Progress::Waiting | Progress::Claimed { .. }).then_some(self.at)
    }

    /// Until when a worker has it, if one claimed it.
    #[must_use]
    pub fn lease_until(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Claimed { lease_until } => Some(lease_until),
            _ => None,
        }
    }

    /// The score, where the entry has one.
    #[must_use]
    pub fn score(&self) -> Option<&Score> {
        self.score.as_ref()
    }

    /// What its campaign's partner has done for it, once that was called.
    #[must_use]
    pub fn called(&self) -> Option<&Called> {
        self.called.as_ref()
    }

    /// Since when its campaign's partner may have done that, or have it under way: since it was first called, unless it refused.
    #[must_use]
    pub fn asked_at(&self) -> Option<Timestamp> {
        self.asked_at
    }

    /// How often a stage has claimed it.
    #[must_use]
    pub fn claims(&self) -> u32 {
        self.claims
    }

    /// Last month's score, for the change that the mail shows.
    #[must_use]
    pub fn previous(&self) -> Option<&Score> {
        self.previous.as_ref()
    }

    /// The last thing that went wrong.
    #[must_use]
    pub fn failure_streak(&self) -> Option<&FailureStreak> {
        self.failure_streak.as_ref()
    }

    /// How its message comes to be in its stage's queue.
    #[must_use]
    pub fn queueing(&self) -> Queueing {
        self.queueing
    }

    /// Since when the entry's message is waited for: since it was due, or since it was sent again.
    #[must_use]
    pub fn awaited_since(&self) -> Timestamp {
        match self.queueing {
            Queueing::Requeued { at } => at,
            Queueing::Pending | Queueing::Deferred | Queueing::Held => self.due,
        }
    }

    /// Since when the provider may have a mail of this entry that it wasn't heard to accept: one is sent again only to a
    /// provider that takes no second mail of a key, and while it knows the key.
    #[must_use]
    pub fn in_doubt_since(&self) -> Option<Timestamp> {
        match self.lease_until() {
            Some(lease_until) if self.at.spec().effect == Effect::AtMostOnce => {
                Some(self.in_doubt_since.unwrap_or(lease_until))
            }
            _ => self.in_doubt_since,
        }
    }

    /// Whether a stage still has to move it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.waits_for().is_some()
    }
}
