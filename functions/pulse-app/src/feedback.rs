use std::collections::BTreeMap;

use jiff::Timestamp;
use pulse_core::{
    entry::TallyKey,
    feedback::{FeedbackCounts, FeedbackDay, ReputationPolicy, sum_of},
    overview::How,
    ports::{Depth, IntakeQueue, LedgerError, ReadUnits},
    run::RunId,
    snapshot::Snapshot,
    stage_spec::StageName,
};
use serde::Serialize;

use crate::{App, ReputationReport};

/// What became of the mails, as tick saw it a few minutes ago.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedbackReport {
    /// When tick took the snapshot.
    pub at: Timestamp,
    /// How recipients take the mails.
    pub reputation: ReputationReport,
    /// What was told of them lately, run by run and day by day.
    pub days: Vec<FeedbackDay>,
    /// The run whose entries were counted, and when that was.
    pub run: Option<(RunId, Timestamp)>,
    /// Mails of it in doubt, or that the provider dropped.
    pub doubts: BTreeMap<TallyKey, u64>,
    /// What waits in the intake, and what of it was given up.
    pub intake: Vec<Depth>,
}

/// What became of all mails of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFeedback {
    /// The month's run whose mails these are.
    pub run: RunId,
    /// How many came to what, as far as it was told.
    pub feedback: FeedbackCounts,
    /// What reading it cost.
    pub read_units: ReadUnits,
}

impl FeedbackReport {
    /// What a snapshot has of it.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let doubts = [TallyKey::Indeterminate, TallyKey::Unconfirmed, TallyKey::Dropped];
        let place = |key: TallyKey| Some((key, *snapshot.run.as_ref()?.places.get(&key)?));
        let is_intake = |depth: &&Depth| IntakeQueue::ALL.iter().any(|queue| depth.queue.starts_with(queue.as_str()));
        Self {
            at: snapshot.at,
            reputation: ReputationReport::of(snapshot),
            days: snapshot.feedback.clone(),
            run: snapshot.run.as_ref().map(|run| (run.run, run.counted_at)),
            doubts: doubts.into_iter().filter_map(place).collect(),
            intake: snapshot.queues.iter().filter(is_intake).cloned().collect(),
        }
    }
}

impl ReputationReport {
    /// What a snapshot has of it.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let email = snapshot.stages.iter().find(|stage| stage.stage == StageName::Email);
        let mut holds = email.into_iter().flat_map(|stage| stage.held.iter().chain(&stage.held_too));
        let held = holds.find(|held| matches!(held.how, How::Reputation { .. }));
        let held_since = held.map(|held| held.since);
        Self {
            standing: snapshot.standing,
            held_since,
            will_hold: snapshot.standing.will_hold(held_since),
            counts: snapshot.reputation,
            policy: ReputationPolicy::default(),
        }
    }
}

impl App {
    /// What became of all mails of a run, as `why` tells it of a run: up to some fifteen read units.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn run_feedback(&self, run: RunId) -> Result<RunFeedback, LedgerError> {
        let (run, before) = (run.month(), self.ports.reports.read_units());
        let hours = self.ports.feedback.feedback_counts(run, Timestamp::UNIX_EPOCH).await?;
        let feedback = sum_of(hours.iter().map(|(_, counts)| counts));
        Ok(RunFeedback { run, feedback, read_units: self.ports.reports.read_units() - before })
    }
}
