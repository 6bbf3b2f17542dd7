use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::{
    control::{MinuteOutcomes, Outcomes},
    entry::{Plan, StageName, TallyKey},
    failure::Cause,
};

/// How a campaign ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CampaignOutcome {
    /// Everyone was mailed who was to be.
    Succeeded,
    /// Some weren't, or it isn't known.
    FinishedWithFailures,
    /// It was cancelled.
    Cancelled,
}

/// What came of a campaign, as of the moment in which it was over. What is told of its mails later is on the entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignReport {
    /// How it ended.
    pub outcome: CampaignOutcome,
    /// Where its entries stood. They add up to what was sealed.
    pub counts: BTreeMap<TallyKey, u64>,
    /// Why entries failed or were abandoned, the most frequent first, of those that were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<(Cause, u64)>,
    /// How long planning took, from the request to the seal.
    pub planned_within: Duration,
    /// How long its entries took, from the first dispatch to the last one closed.
    pub ran_for: Duration,
    /// How its stages were used meanwhile, in the order of its plan. Nothing in reports of releases that didn't tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageUse>,
}

/// How a stage was used while a campaign ran, by whatever ran: its lanes are everyone's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageUse {
    /// Which stage.
    pub stage: StageName,
    /// Calls to its provider that ended, as far as that was reported by then.
    pub calls: u64,
    /// Those that the provider didn't answer, or put off.
    pub failures: u64,
    /// How long they took, all together.
    pub took: Duration,
    /// Over how long they are counted, in whole minutes: what came of a minute's calls is kept for [some hours](crate::ports::MINUTES_KEPT).
    pub over: Duration,
}

impl StageUse {
    /// How a stage is used whose minutes these are, from the one that `from` is in to the one that `to` is in.
    pub(super) fn of(stage: StageName, minutes: &[MinuteOutcomes], from: Timestamp, to: Timestamp) -> Self {
        let within = minutes.iter().filter(|minute| minute.starts <= to).map(|minute| &minute.outcomes);
        let Outcomes { calls, failures, took, .. } = Outcomes::sum(within);
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        let minutes = u64::try_from(minute(to) - minute(from) + 1).unwrap_or(1);
        Self { stage, calls, failures, took, over: Duration::from_mins(minutes) }
    }

    /// How long a call took on average, if there was one.
    #[must_use]
    pub fn mean_latency(&self) -> Option<Duration> {
        (self.calls > 0).then(|| self.took.div_f64(self.calls as f64))
    }

    /// How many of its lanes were in use, on average (Little's law).
    #[must_use]
    pub fn lanes(&self) -> f64 {
        if self.over.is_zero() { 0.0 } else { self.took.as_secs_f64() / self.over.as_secs_f64() }
    }
}

impl CampaignOutcome {
    /// How a campaign ended whose entries stand so.
    #[must_use]
    pub fn of(counts: &BTreeMap<TallyKey, u64>, is_cancelled: bool) -> Self {
        let is_well = |key: &TallyKey| matches!(key, TallyKey::Sent | TallyKey::Skipped(_));
        match (is_cancelled, counts.iter().all(|(key, count)| *count == 0 || is_well(key))) {
            (true, _) => Self::Cancelled,
            (false, true) => Self::Succeeded,
            (false, false) => Self::FinishedWithFailures,
        }
    }
}

impl CampaignReport {
    /// How many entries it tells of.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many of them a stage of the campaign's plan called its provider for, as near as that is known: those that failed at
    /// none before it, and were neither passed over nor left when the campaign ended.
    #[must_use]
    pub fn came_to(&self, stage: StageName, plan: Plan) -> u64 {
        let failed = |before: StageName| self.counts.get(&TallyKey::Failed(before)).copied().unwrap_or(0);
        let is_left = |key: &TallyKey| matches!(key, TallyKey::Skipped(_) | TallyKey::Abandoned | TallyKey::Cancelled);
        let left: u64 = self.counts.iter().filter(|(key, _)| is_left(key)).map(|(_, count)| count).sum();
        self.entries() - left - plan.steps().take_while(|step| *step != stage).map(failed).sum::<u64>()
    }
}
