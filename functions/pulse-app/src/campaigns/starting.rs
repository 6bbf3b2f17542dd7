use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    campaign::{AUDIENCE_PART, Audience, AudiencePart, Campaign, CampaignChange, CampaignRequest},
    customer::CustomerId,
    entry::Plan,
    ports::LedgerError,
    stage_spec::NoSuchStage,
};

use super::{CampaignError, NewAudience, NewCampaign};
use crate::App;

/// Profiles that are read side by side.
const AT_ONCE: usize = 16;

impl App {
    /// Starts a campaign: its letter and, where ids are given, its audience are written first, and then that it is asked for. Tick
    /// plans it, and dispatches it once it is planned. Ids that nobody has are left out.
    ///
    /// # Errors
    /// As [`CampaignError`] says. Nothing is sent then; what was written of it is nobody's, and the next try writes over it.
    pub async fn start_campaign(&self, new: &NewCampaign) -> Result<Campaign, CampaignError> {
        let (run, campaigns) = (new.run, &self.ports.campaigns);
        if !run.is_campaign() {
            return Err(CampaignError::Month(run));
        }
        self.has_stages_of(new.plan)?;
        if campaigns.campaign(run).await?.is_some() {
            return Err(CampaignError::Taken(run));
        }
        let audience = match &new.audience {
            NewAudience::Asked(question) => Audience::Asked { question: question.clone() },
            given => {
                let known = self.known(self.ids(given).await?).await?;
                let customers = known.len() as u64;
                if customers == 0 {
                    return Err(CampaignError::Nobody(run));
                }
                if let Some(at_most) = new.at_most.filter(|most| customers > *most) {
                    return Err(CampaignError::TooMany { run, customers, at_most });
                }
                Audience::Given { parts: self.put_audience(new, &known).await?, customers }
            }
        };
        campaigns.put_campaign_letter(run, &new.letter).await?;
        let request = CampaignRequest {
            plan: new.plan,
            audience,
            letter: new.letter.digest(),
            deadline: new.deadline,
            priority: new.priority,
            cap: new.cap,
            at_most: new.at_most,
            a_day: new.a_day,
        };
        let by = self.actor.clone();
        let change = CampaignChange::requested(run, request, by, new.note.clone(), self.clock().now());
        if !campaigns.save_campaign(&change).await? {
            return Err(CampaignError::Taken(run));
        }
        self.hurry_tick().await;
        Ok(change.after().clone())
    }

    /// Whether the stack has all the stages of a plan.
    pub(super) fn has_stages_of(&self, plan: Plan) -> Result<(), NoSuchStage> {
        let deployed = self.ports.stages.deployed();
        let missing = plan.steps().find(|step| !deployed.has(*step));
        missing.map_or(Ok(()), |stage| Err(NoSuchStage { stage }))
    }

    /// Those who are on the roster.
    async fn known(&self, ids: BTreeSet<CustomerId>) -> Result<Vec<CustomerId>, LedgerError> {
        let known = stream::iter(ids).map(async |id| {
            let customer = self.ports.ledger.customer(&id).await?;
            Ok::<_, LedgerError>(customer.map(|customer| customer.id))
        });
        let known: Vec<_> = known.buffered(AT_ONCE).try_collect().await?;
        Ok(known.into_iter().flatten().collect())
    }

    /// Writes an audience down, and says in how many parts. Of a try that failed, parts of another audience may be there.
    async fn put_audience(&self, new: &NewCampaign, customers: &[CustomerId]) -> Result<u32, CampaignError> {
        let mut number = 0;
        for ids in customers.chunks(AUDIENCE_PART) {
            let part = AudiencePart { customers: ids.to_vec(), next: None };
            let campaigns = &self.ports.campaigns;
            if !campaigns.put_audience_part(new.run, number, &part).await?
                && campaigns.audience_part(new.run, number).await?.as_ref() != Some(&part)
            {
                return Err(CampaignError::Taken(new.run));
            }
            number += 1;
        }
        Ok(number)
    }

    /// Has what is asked for begun on before tick's minute comes. Where that can't be, it is begun then.
    pub(super) async fn hurry_tick(&self) {
        if let Err(cause) = self.ports.tick.start_tick().await {
            tracing::debug!(%cause, "no tick is started: the next begins on it");
        }
    }
}
