use jiff::Timestamp;
use serde::Serialize;

use super::{CauseSample, HoldReason};
use crate::{
    advice::Advice,
    customer::CustomerId,
    entry::{SkipReason, StageName},
    feedback::FeedbackCounts,
    ports::{ReadUnits, RosterCount},
    run::RunId,
};

/// Where a customer is in a run, and so why they are not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "reason", content = "of", rename_all = "kebab-case")]
pub enum Reason {
    /// Done: the provider has the mail.
    Sent,
    /// Done: no mail in this run.
    Skipped(SkipReason),
    /// Not due yet.
    NotDue,
    /// Due, and in the stage's queue for all that is known.
    Queued(StageName),
    /// Their message was given up for lost, and another one queued.
    QueuedAgain(StageName),
    /// In a worker's hands.
    InHand(StageName),
    /// Something went wrong: waits for the next try.
    Retrying(StageName),
    /// Put off until a moment to come: quiet hours.
    PutOff(StageName),
    /// Put off until now: tick queues them within a minute.
    ToBeWoken(StageName),
    /// Due, and the stage is paused.
    Paused(StageName),
    /// Due, and the stage's provider is out of order.
    Broken(StageName),
    /// Given up.
    Failed(StageName),
    /// In doubt: it isn't known whether the provider has the mail.
    Unknown,
    /// Nobody told whether the provider has the mail, nor is waited for.
    Unconfirmed,
    /// The provider accepted the mail, and didn't send it after all.
    Dropped,
    /// Have left before they had an entry in the run.
    LeftBefore,
    /// First due in a later run: signed up after this run's slot.
    InLaterRun,
    /// Their entry of an earlier run isn't closed yet: this run's is opened then.
    InEarlierRun,
    /// On the roster, and without any open entry: something is wrong.
    NoOpenEntry,
    /// Without an entry in the run; why wasn't asked.
    NotInRun,
}

/// How well a number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Counted.
    Exact,
    /// So many were found among those that were read; others may be among the stage's queued ones.
    AtLeast,
    /// What is left of a counted number: others may be among the stage's retrying ones.
    AtMost,
}

/// How many customers there are for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// The reason.
    #[serde(flatten)]
    pub reason: Reason,
    /// Customers of this reason.
    pub customers: u64,
    /// How well that is known.
    pub precision: Precision,
}

/// Everyone on the roster by where they are in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// The run concerned.
    pub run: RunId,
    /// When it was counted.
    pub at: Timestamp,
    /// The roster.
    pub roster: RosterCount,
    /// Everyone, once.
    pub reasons: Vec<ReasonCount>,
    /// How many customers more the roster has than the reasons: they moved meanwhile.
    pub unaccounted: i64,
    /// What holds stages.
    pub holders: Vec<(StageName, HoldReason)>,
    /// What went wrong, grouped.
    pub causes: Vec<CauseSample>,
    /// What became of the run's mails, as far as their providers told: counted as it was told, and not from the entries.
    pub feedback: FeedbackCounts,
    /// Some of those without any open entry.
    pub without_entry: Vec<CustomerId>,
    /// What reading all this cost.
    pub read_units: ReadUnits,
}

impl RunReport {
    /// Whether everyone on the roster is accounted for, once.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.unaccounted == 0
    }

    /// What to do next: end what holds stages, queue again what they gave up, and open the entries that are missing.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let held = self.holders.iter().flat_map(|(stage, holder)| holder.advice(*stage));
        let failed = self.reasons.iter().filter_map(|count| match count.reason {
            Reason::Failed(stage) => Some(Advice::Redrive { stage, run: self.run }),
            _ => None,
        });
        let missing = (!self.without_entry.is_empty()).then_some(Advice::RepairByAudit);
        held.chain(failed).chain(missing).collect()
    }

    /// How many customers there are for a reason.
    #[must_use]
    pub fn count(&self, reason: Reason) -> u64 {
        self.reasons.iter().filter(|count| count.reason == reason).map(|count| count.customers).sum()
    }
}
