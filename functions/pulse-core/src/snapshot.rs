//! Where everything stands, counted once by tick for everyone who looks.
//!
//! Counting a run's entries costs read units by their number, and there may be twenty who look. So tick writes one row
//! every few minutes, whoever looks reads that row, and it says how old each part of it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    entry::{StageName, TallyKey},
    failure::Cause,
    feedback::{Reputation, ReputationCounts},
    overview::StageOverview,
    ports::{Depth, ReadUnits, RosterCount, StageLanes},
    run::RunId,
};

/// Where everything stood at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// That moment.
    pub at: Timestamp,
    /// How the stages were doing.
    pub stages: Vec<StageOverview>,
    /// How many calls the providers could see at once.
    pub lanes: Vec<StageLanes>,
    /// How full the queues were.
    pub queues: Vec<Depth>,
    /// How recipients took the mails.
    pub standing: Reputation,
    /// What was counted for that.
    pub reputation: ReputationCounts,
    /// The current run's entries.
    pub run: RunSnapshot,
    /// Why calls to the providers failed in the hour before, the most frequent first.
    pub causes: Vec<CauseCount>,
}

/// A run's entries. They are counted seldom, by what it costs, and added up from the stages' minutes in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSnapshot {
    /// The run concerned.
    pub run: RunId,
    /// How many stood where when they were counted.
    pub places: BTreeMap<TallyKey, u64>,
    /// Customers by standing.
    pub roster: RosterCount,
    /// When that was.
    pub counted_at: Timestamp,
    /// What it cost.
    pub read_units: ReadUnits,
    /// Mails that were sent since, by the stages' minutes: about, as a minute may be lost or told twice.
    pub sent_since: u64,
}

/// How often calls failed for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseCount {
    /// In which stage.
    pub stage: StageName,
    /// The reason.
    pub cause: Cause,
    /// How often.
    pub count: u64,
}

/// What plots are drawn of: a snapshot's figures that change all the time, kept for some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When they were so.
    pub at: Timestamp,
    /// Mails of the current run that were sent by then.
    pub sent: u64,
    /// Stage by stage.
    pub stages: Vec<StagePoint>,
}

/// A stage's figures of a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePoint {
    /// The stage concerned.
    pub stage: StageName,
    /// About how many messages waited.
    pub waiting: u64,
    /// About how many were being worked on.
    pub in_flight: u64,
    /// Calls to the provider that were answered, a minute, over the minutes before.
    pub answered_per_minute: f64,
    /// Of a hundred calls, how many failed.
    pub failing_percent: u64,
}

impl Snapshot {
    /// What is kept of it for plots.
    #[must_use]
    pub fn point(&self) -> Point {
        let stage = |stage: &StageOverview| StagePoint {
            stage: stage.stage,
            waiting: stage.waiting,
            in_flight: stage.in_flight,
            answered_per_minute: stage.answered_per_minute,
            failing_percent: stage.failing_percent,
        };
        let sent = self.run.places.get(&TallyKey::Sent).copied().unwrap_or_default() + self.run.sent_since;
        Point { at: self.at, sent, stages: self.stages.iter().map(stage).collect() }
    }
}
