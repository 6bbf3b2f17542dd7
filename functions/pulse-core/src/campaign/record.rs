use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use super::{CampaignReport, CampaignRequest, Seal};
use crate::{
    control::{Actor, Note},
    failure::Cause,
    run::RunId,
    stage::Standing,
};

/// A campaign: what was asked for, and how far it has got. It is what its [events](super::CampaignEvent) make of it, one after
/// the other, and changes by nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// By which run its entries are told.
    pub run: RunId,
    /// How many events have made it.
    pub version: u64,
    /// What was asked for.
    pub request: CampaignRequest,
    /// By whom, when and why.
    pub requested: Told,
    /// How far it has got.
    pub state: CampaignState,
    /// When the planner began; none, if it was cancelled before, so that nothing was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planning_at: Option<Timestamp>,
    /// What it has in it, and since when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<(Seal, Timestamp)>,
    /// Since when its entries are dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Who holds it, if somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Told>,
    /// Who cancelled it, if somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Told>,
    /// When it was found to be past its deadline with entries open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned_at: Option<Timestamp>,
    /// When its last entry was found closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// What came of it, and since when it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<(CampaignReport, Timestamp)>,
}

/// Who did something, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whose credentials were used, and what they call themselves.
    pub by: Actor,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// By the clock of whoever wrote it down.
    pub at: Timestamp,
}

/// How far a campaign has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Display, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum CampaignState {
    /// It was asked for.
    Requested,
    /// Its audience is snapshotted, and its entries are written.
    Planning,
    /// It is known which entries it has.
    Sealed,
    /// They are dispatched, and worked on.
    Running,
    /// They are closed, and what came of them is written down.
    Closing,
    /// It is over.
    Finished,
    /// It is over, and was cancelled.
    Cancelled,
}

impl CampaignState {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

impl Campaign {
    /// Whether its entries may go on at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.cancelled.is_some() {
            return Standing::Cancelled;
        }
        match self.state {
            CampaignState::Closing | CampaignState::Finished | CampaignState::Cancelled => {
                Standing::Over(Cause::new("The campaign is over."))
            }
            _ if self.is_past_deadline(now) => {
                Standing::Over(Cause::new("Its turn came after the campaign's deadline."))
            }
            CampaignState::Running if self.paused.is_none() => Standing::Flows,
            _ => Standing::Held,
        }
    }

    /// Whether its deadline is over at `now`.
    #[must_use]
    pub fn is_past_deadline(&self, now: Timestamp) -> bool {
        self.request.deadline.is_some_and(|deadline| deadline <= now)
    }
}
