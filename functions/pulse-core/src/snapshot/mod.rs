//! Where everything stands, counted once by tick for everyone who looks.
//!
//! Counting a run's entries costs read units by their number, and there may be twenty who look. So tick writes one row
//! every few minutes, whoever looks reads that row, and it says how old each part of it is.

mod budget;
mod flow;
mod round;
mod sent;

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    control::CauseCounts,
    delivery::UnwellEndpoint,
    entry::{StageName, TallyKey},
    failure::Cause,
    feedback::{FeedbackDay, Reputation, ReputationCounts},
    overview::StageOverview,
    ports::{COUNTED_PARTS, Depth, ReadUnits, RosterCount, RunCounts, StageLanes},
    run::RunId,
    stage_spec::PerStage,
};

pub use budget::{CountBudget, READ_UNITS_AN_HOUR};
pub use flow::{Flow, flow};
pub use round::{SNAPSHOT_EVERY, SnapshotError, SnapshotRound, SnapshotTaken};
pub use sent::SentSince;

/// By how much the clocks of functions and of operators' machines may differ. What was taken later than that was taken by a
/// clock that is wrong, and would hold up all that follow until its moment has come.
pub const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// The most causes that are told.
const MOST_CAUSES: usize = 10;

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
    /// What was told of the mails in that time, run by run and day by day. None in snapshots of releases that didn't keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<FeedbackDay>,
    /// The entries of the [month's run](RunId::current), or of the one before until it is counted. None, if none was
    /// counted yet.
    pub run: Option<RunSnapshot>,
    /// When a count began of which it isn't known that it has ended: it is under way, or its tick died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting_since: Option<Timestamp>,
    /// Parts of the run that are counted, of a count that is done part by part, and isn't done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_parts: Option<CountedParts>,
    /// Why calls to the providers failed in the hour before, the most frequent first.
    pub causes: Vec<CauseCount>,
    /// The endpoints whose word didn't flow. None in snapshots of releases that didn't keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<UnwellEndpoint>,
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
    /// Mails of the run that were sent since, by the email stage's minutes: about, as a report may be lost or told twice, and
    /// mails of batches that were under way at the count may be in both.
    pub sent_since: u64,
    /// Which of these minutes are added up already.
    pub added_up: SentSince,
}

/// The first parts of a run's count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountedParts {
    /// The run concerned.
    pub run: RunId,
    /// How many of the [parts](COUNTED_PARTS) are counted, from the first on.
    pub parts: u64,
    /// How many stood where in them.
    pub places: BTreeMap<TallyKey, u64>,
    /// Their customers by standing.
    pub roster: RosterCount,
    /// What that cost.
    pub read_units: ReadUnits,
}

impl CountedParts {
    /// None yet.
    fn none(run: RunId) -> Self {
        let (places, roster, read_units) = Default::default();
        Self { run, parts: 0, places, roster, read_units }
    }

    /// What all parts will cost, by those that are counted.
    fn whole(&self) -> Option<ReadUnits> {
        (self.read_units.halves() * COUNTED_PARTS).checked_div(self.parts).map(ReadUnits::of_halves)
    }

    /// Whether it is of the month that it is at `now`.
    fn is_of(&self, now: Timestamp) -> bool {
        self.run == RunId::current(now)
    }

    fn add(&mut self, parts: u64, counts: &RunCounts, read_units: ReadUnits) {
        for (place, count) in counts.places() {
            *self.places.entry(place).or_default() += count;
        }
        self.parts += parts;
        self.roster.active += counts.roster.active;
        self.roster.closed += counts.roster.closed;
        self.read_units = self.read_units + read_units;
    }
}

impl RunSnapshot {
    /// Mails of the run that were sent by the snapshot's moment, about.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.places.get(&TallyKey::Sent).copied().unwrap_or_default() + self.sent_since
    }
}

/// How often calls failed for a reason: of a minute's reasons only the most frequent are known, so that these are at least so
/// many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseCount {
    /// In which stage.
    pub stage: StageName,
    /// The reason, without what names single calls, and cut.
    pub cause: Cause,
    /// How often.
    pub count: u64,
}

/// What plots are drawn of: a snapshot's figures that change all the time, kept for some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When they were so.
    pub at: Timestamp,
    /// Of which run mails were counted, and how many were sent by then.
    pub sent: Option<(RunId, u64)>,
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
    /// How long a call took on average, in milliseconds. None without calls, as in points of releases that didn't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// How many calls the provider could see at once. None in points of releases that didn't keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<u32>,
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
            latency_ms: stage.latency_ms,
            lanes: self.lanes.iter().find(|lanes| lanes.stage == stage.stage).map(StageLanes::count),
        };
        let sent = self.run.as_ref().map(|run| (run.run, run.sent()));
        Point { at: self.at, sent, stages: self.stages.iter().map(stage).collect() }
    }
}

/// The most frequent causes of the stages together.
fn most_frequent(of_stages: &PerStage<CauseCounts>) -> Vec<CauseCount> {
    let count = |stage, (cause, count): (&Cause, u64)| CauseCount { stage, cause: cause.clone(), count };
    let mut all: Vec<_> = of_stages
        .iter()
        .flat_map(|(stage, causes)| causes.most_frequent(MOST_CAUSES).into_iter().map(move |one| count(stage, one)))
        .collect();
    all.sort_by_key(|cause| Reverse(cause.count));
    all.truncate(MOST_CAUSES);
    all
}
