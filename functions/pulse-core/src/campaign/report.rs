use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::{entry::TallyKey, failure::Cause};

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
}
