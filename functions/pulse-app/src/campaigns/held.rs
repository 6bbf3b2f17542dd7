use pulse_core::{
    campaign::{Campaign, CampaignEvent},
    control::Note,
    run::RunId,
};

use super::CampaignError;
use crate::App;

/// How often a campaign is changed anew that others get ahead with.
const TRIES: usize = 10;

impl App {
    /// Has a campaign held: nothing more of it is dispatched, and workers leave it within seconds. What is under way ends as it
    /// would.
    ///
    /// # Errors
    /// When there is none, or it is held already, or over.
    pub async fn pause_campaign(&self, run: RunId, note: &Note) -> Result<Campaign, CampaignError> {
        let event = CampaignEvent::Paused { by: self.actor.clone(), note: note.clone() };
        self.change_campaign(run, &event).await
    }

    /// Has a campaign go on where it was held. It never starts over: each entry is where it was.
    ///
    /// # Errors
    /// When there is none, or it isn't held.
    pub async fn resume_campaign(&self, run: RunId, note: Option<&Note>) -> Result<Campaign, CampaignError> {
        let event = CampaignEvent::Resumed { by: self.actor.clone(), note: note.cloned() };
        let resumed = self.change_campaign(run, &event).await?;
        self.hurry_tick().await;
        Ok(resumed)
    }

    /// Has a campaign end before its time, for good: what isn't under way is closed as cancelled.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub async fn cancel_campaign(&self, run: RunId, note: &Note) -> Result<Campaign, CampaignError> {
        let event = CampaignEvent::CancelAsked { by: self.actor.clone(), note: note.clone() };
        let cancelled = self.change_campaign(run, &event).await?;
        self.hurry_tick().await;
        Ok(cancelled)
    }

    async fn change_campaign(&self, run: RunId, event: &CampaignEvent) -> Result<Campaign, CampaignError> {
        for _ in 0..TRIES {
            let change = self.campaign_of(run).await?.change(event.clone(), self.clock().now())?;
            if self.ports.campaigns.save_campaign(&change).await? {
                return Ok(change.after().clone());
            }
        }
        Err(CampaignError::Busy(run))
    }

    /// The campaign of this run.
    pub(super) async fn campaign_of(&self, run: RunId) -> Result<Campaign, CampaignError> {
        if !run.is_campaign() {
            return Err(CampaignError::Month(run));
        }
        self.ports.campaigns.campaign(run).await?.ok_or(CampaignError::Unknown(run))
    }
}
