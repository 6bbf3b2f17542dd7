use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    campaign::{Audience, AudienceSizes, Campaign, CampaignRequest, CampaignStart, Told},
    entry::{Addressee, Plan},
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
    /// As [`CampaignError`] says. Nothing is sent then, unless the answer to the last write was lost: what was written before that
    /// is nobody's, and in no other try's way.
    pub async fn start_campaign(&self, new: &NewCampaign) -> Result<Campaign, CampaignError> {
        let (run, campaigns) = (new.run, &self.ports.campaigns);
        if !run.is_campaign() {
            return Err(CampaignError::Month(run));
        }
        self.has_stages_of(new.plan)?;
        if campaigns.campaign(run).await?.is_some() {
            return Err(CampaignError::Taken(run));
        }
        let part = AudienceSizes::default().part;
        let (audience, addressees) = match &new.audience {
            NewAudience::Asked(question) => {
                if new.needs_item {
                    // Nobody whom a question finds has one.
                    return Err(CampaignError::WithoutItem(run));
                }
                if let Some(beyond) = new.a_day.and_then(|a_day| new.beyond_quota(a_day.get())) {
                    return Err(beyond.into());
                }
                (Audience::Asked { question: question.clone() }, BTreeSet::new())
            }
            NewAudience::Ids(_) | NewAudience::Unreached(_) => {
                let known = self.known(self.addressees(new).await?).await?;
                let entries = known.len() as u64;
                if entries == 0 {
                    return Err(CampaignError::Nobody(run));
                }
                if let Some(at_most) = new.at_most.filter(|most| entries > *most) {
                    return Err(CampaignError::TooMany { run, entries, at_most });
                }
                if let Some(beyond) = new.beyond_quota(entries) {
                    return Err(beyond.into());
                }
                if let Some(beyond) = new.beyond_deadline(entries, self.clock().now()) {
                    return Err(beyond.into());
                }
                (Audience::given(&known, part), known)
            }
        };
        let request = CampaignRequest {
            plan: new.plan,
            audience,
            unreached_of: if let NewAudience::Unreached(run) = &new.audience { Some(*run) } else { None },
            letter: new.letter.digest(),
            deadline: new.deadline,
            priority: new.priority,
            cap: new.cap,
            at_most: new.at_most(),
            a_day: new.a_day,
        };
        let told = Told { by: self.actor.clone(), note: new.note.clone(), at: self.clock().now() };
        let start = CampaignStart { run, request, addressees, part, letter: new.letter.clone(), told };
        let campaign = start.write(&**campaigns).await?.ok_or(CampaignError::Taken(run))?;
        self.hurry_tick().await;
        Ok(campaign)
    }

    /// Whether the stack has all the stages of a plan.
    pub(super) fn has_stages_of(&self, plan: Plan) -> Result<(), NoSuchStage> {
        let deployed = self.ports.stages.deployed();
        plan.steps().try_for_each(|step| deployed.require(step))
    }

    /// Those who are on the roster.
    async fn known(&self, addressees: BTreeSet<Addressee>) -> Result<BTreeSet<Addressee>, LedgerError> {
        let addressees = Vec::from_iter(addressees);
        let of_one = addressees.chunk_by(|one, next| one.customer == next.customer);
        let known = stream::iter(of_one).map(async |entries| {
            let customer = self.ports.ledger.customer(&entries[0].customer).await?;
            Ok::<_, LedgerError>(customer.map_or_else(Vec::new, |_| entries.to_vec()))
        });
        Ok(known.buffered(AT_ONCE).try_concat().await?.into_iter().collect())
    }

    /// Has what is asked for begun on before tick's minute comes. Where that can't be, it is begun then.
    pub(super) async fn hurry_tick(&self) {
        if let Err(cause) = self.ports.tick.start_tick().await {
            tracing::debug!(%cause, "no tick is started: the next begins on it");
        }
    }
}
