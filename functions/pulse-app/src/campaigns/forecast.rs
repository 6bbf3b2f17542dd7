use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    campaign::{Audience, Campaign, Forecast, Foreseen, Question, RosterPlace},
    customer::CustomerId,
    entry::{Addressee, Entry, EntryId, Plan, StageName},
    ports::{LedgerError, TallyKey},
    run::RunId,
};
use serde::Serialize;

use super::{CampaignError, NewAudience, NewCampaign};
use crate::{App, words::campaign_state};

/// Customers that are looked at side by side.
const AT_ONCE: usize = 16;

/// Customers of the roster that are listed at a time.
const PAGE: usize = 1_000;

/// What a campaign would come to if it were sent now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignForecast {
    /// By its name, which is never given twice.
    pub run: RunId,
    /// For how many it would be: for each a customer, or one of their items.
    pub customers: u64,
    /// How many of them are items.
    #[serde(skip_serializing_if = "is_zero")]
    pub items: u64,
    /// How many of them would be mailed.
    pub mailed: u64,
    /// How many wouldn't, and why.
    pub skipped: BTreeMap<String, u64>,
    /// For how many nobody on the roster has the id.
    pub unknown: u64,
    /// What it would come to for each.
    #[serde(skip)]
    pub each: Vec<(Addressee, Foreseen)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference whether to skip a field")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl App {
    /// Foresees whom a campaign would reach and whom not, and why. Nothing is written.
    ///
    /// # Errors
    /// When the stack hasn't a stage of its plan, or the ledger, or what the functions go by, can't be read.
    pub async fn foresee_campaign(&self, new: &NewCampaign) -> Result<CampaignForecast, CampaignError> {
        self.has_stages_of(new.plan)?;
        let provider = self.settings.rules().await?.email.provider;
        let (ledger, in_campaigns) = (&*self.ports.ledger, &*self.ports.in_campaigns);
        let forecast = Forecast { ledger, in_campaigns, provider, cap: new.cap };
        let now = self.clock().now();
        let addressees = Vec::from_iter(self.addressees(new).await?);
        let of_one = addressees.chunk_by(|one, next| one.customer == next.customer);
        let each = stream::iter(of_one).map(async |entries| {
            let foreseen = forecast.of(&entries[0].customer, entries.len(), now).await?;
            Ok::<_, LedgerError>(entries.iter().cloned().zip(foreseen).collect::<Vec<_>>())
        });
        let each: Vec<_> = each.buffered(AT_ONCE).try_concat().await?;
        let (run, skipped) = (new.run, BTreeMap::new());
        let mut told = CampaignForecast { run, customers: 0, items: 0, mailed: 0, skipped, unknown: 0, each };
        for (addressee, foreseen) in &told.each {
            match foreseen {
                Foreseen::Mailed => told.mailed += 1,
                Foreseen::Skipped(reason) => *told.skipped.entry(reason.to_string()).or_default() += 1,
                Foreseen::Unknown => told.unknown += 1,
            }
            told.items += u64::from(addressee.item.is_some() && *foreseen != Foreseen::Unknown);
        }
        told.customers = told.mailed + told.skipped.values().sum::<u64>();
        Ok(told)
    }

    /// Whom a campaign is for, each once, in the order of their ids.
    pub(super) async fn addressees(&self, new: &NewCampaign) -> Result<BTreeSet<Addressee>, CampaignError> {
        let all: BTreeSet<_> = match &new.audience {
            NewAudience::Ids(ids) => ids.iter().cloned().collect(),
            NewAudience::Unreached(run) => self.unreached(*run, new.plan).await?,
            NewAudience::Asked(question) => self.asked(question).await?,
        };
        if new.needs_item && all.iter().any(|addressee| addressee.item.is_none()) {
            return Err(CampaignError::WithoutItem(new.run));
        }
        Ok(all)
    }

    /// Whom a campaign didn't reach, or about which of their items it didn't. Its partner isn't called again for any of them: by another name, it would do it again.
    async fn unreached(&self, run: RunId, plan: Plan) -> Result<BTreeSet<Addressee>, CampaignError> {
        let campaign = self.campaign_of(run).await?;
        if !campaign.state.is_over() {
            return Err(CampaignError::NotOver { run, standing: campaign_state(&campaign) });
        }
        let closed = self.ports.in_campaigns.closed_in_campaign(campaign.run).await?;
        let is_unreached = |key: &TallyKey| {
            matches!(key, TallyKey::Failed(_) | TallyKey::Dropped | TallyKey::Abandoned | TallyKey::Cancelled)
        };
        let closed: BTreeMap<_, _> = closed.into_iter().map(|(key, addressee)| (addressee, key)).collect();
        let mut unreached: BTreeSet<_> =
            closed.iter().filter(|(_, key)| is_unreached(key)).map(|(addressee, _)| addressee.clone()).collect();
        let never_planned = self.never_planned(&campaign).await?;
        unreached.extend(never_planned.into_iter().filter(|addressee| !closed.contains_key(addressee)));
        if plan.has(StageName::Call) {
            let entries = self.called_for(&unreached, &campaign).await?;
            if entries > 0 {
                return Err(CampaignError::CalledFor { run, entries });
            }
        }
        if unreached.is_empty() {
            return Err(CampaignError::AllReached(run));
        }
        Ok(unreached)
    }

    /// For how many of these a campaign's partner was called, or may have been, or that of a campaign whose left-overs it is for.
    async fn called_for(&self, addressees: &BTreeSet<Addressee>, campaign: &Campaign) -> Result<u64, CampaignError> {
        let mut called = BTreeSet::new();
        let mut earlier = Some((campaign.run, campaign.request.clone()));
        while let Some((run, request)) = earlier {
            if request.plan.has(StageName::Call) {
                let asked = stream::iter(addressees).map(async |addressee| {
                    let id = EntryId::for_addressee(addressee.clone(), run);
                    let entry = self.ports.ledger.entry(&id).await?;
                    let is_asked = |entry: &Entry| entry.called().is_some() || entry.asked_at().is_some();
                    Ok::<_, LedgerError>(entry.filter(is_asked).map(|_| addressee))
                });
                let asked: Vec<_> = asked.buffered(AT_ONCE).try_collect().await?;
                called.extend(asked.into_iter().flatten());
            }
            earlier = match request.unreached_of {
                None => None,
                Some(run) => self.ports.campaigns.campaign(run).await?.map(|campaign| (run, campaign.request)),
            };
        }
        Ok(called.len() as u64)
    }

    /// Those for whom a campaign has no entry, as it was cancelled before it was planned to its end.
    async fn never_planned(&self, campaign: &Campaign) -> Result<Vec<Addressee>, CampaignError> {
        let (run, audience, campaigns) = (campaign.run, &campaign.request.audience, &self.ports.campaigns);
        let planned = campaigns.planned_parts(run).await?;
        let Audience::Given { parts, .. } = *audience else {
            let is_all = planned.parts > 0 && !planned.is_cut_short;
            return if is_all { Ok(Vec::new()) } else { Err(CampaignError::CutShort(run)) };
        };
        let missing = stream::iter(planned.parts..parts).then(async |number| {
            let part = campaigns.audience_part(run, audience.part(number)).await?;
            part.map(|part| part.addressees).ok_or(CampaignError::CutShort(run))
        });
        Ok(missing.try_collect::<Vec<_>>().await?.concat())
    }

    async fn asked(&self, question: &Question) -> Result<BTreeSet<Addressee>, LedgerError> {
        let reports = &self.ports.reports;
        let mut place = RosterPlace::default();
        let mut found = BTreeSet::new();
        while place.part < reports.parts() {
            let page = reports.active_page(place.part, "", place.after.as_ref(), PAGE).await?;
            place = match page.last() {
                Some(last) => RosterPlace { part: place.part, after: Some(last.clone()) },
                None => RosterPlace { part: place.part + 1, after: None },
            };
            let meant = stream::iter(page).map(|id| self.is_meant(question, id)).buffered(AT_ONCE);
            let meant: Vec<Option<CustomerId>> = meant.try_collect().await?;
            found.extend(meant.into_iter().flatten().map(Addressee::from));
        }
        Ok(found)
    }

    async fn is_meant(&self, question: &Question, id: CustomerId) -> Result<Option<CustomerId>, LedgerError> {
        question.finds(&*self.ports.ledger, &id).await.map(|is_meant| is_meant.then_some(id))
    }
}
