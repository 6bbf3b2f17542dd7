use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    campaign::{Forecast, Foreseen, Question, RosterPlace},
    customer::CustomerId,
    entry::{EntryId, Plan, StageName},
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
    /// For how many customers it would be.
    pub customers: u64,
    /// How many of them would be mailed.
    pub mailed: u64,
    /// How many wouldn't, and why.
    pub skipped: BTreeMap<String, u64>,
    /// Ids that nobody on the roster has.
    pub unknown: u64,
    /// What it would come to for each.
    #[serde(skip)]
    pub each: Vec<(CustomerId, Foreseen)>,
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
        let ids = self.ids(new).await?;
        let each = stream::iter(ids).map(async |id| {
            let foreseen = forecast.of(&id, now).await?;
            Ok::<_, LedgerError>((id, foreseen))
        });
        let each: Vec<_> = each.buffered(AT_ONCE).try_collect().await?;
        let mut told =
            CampaignForecast { run: new.run, customers: 0, mailed: 0, skipped: BTreeMap::new(), unknown: 0, each };
        for (_, foreseen) in &told.each {
            match foreseen {
                Foreseen::Mailed => told.mailed += 1,
                Foreseen::Skipped(reason) => *told.skipped.entry(reason.to_string()).or_default() += 1,
                Foreseen::Unknown => told.unknown += 1,
            }
        }
        told.customers = told.mailed + told.skipped.values().sum::<u64>();
        Ok(told)
    }

    /// Whom a campaign is for, each once, in the order of their ids.
    pub(super) async fn ids(&self, new: &NewCampaign) -> Result<BTreeSet<CustomerId>, CampaignError> {
        match &new.audience {
            NewAudience::Ids(ids) => Ok(ids.iter().cloned().collect()),
            NewAudience::Unreached(run) => self.unreached(*run, new.plan).await,
            NewAudience::Asked(question) => Ok(self.asked(question).await?),
        }
    }

    /// Whom a campaign didn't reach. Its partner isn't called again for any of them: by another name, it would do it again.
    async fn unreached(&self, run: RunId, plan: Plan) -> Result<BTreeSet<CustomerId>, CampaignError> {
        let campaign = self.campaign_of(run).await?;
        if !campaign.state.is_over() {
            return Err(CampaignError::NotOver { run, standing: campaign_state(&campaign) });
        }
        let closed = self.ports.in_campaigns.closed_in_campaign(campaign.run).await?;
        let is_unreached = |key: &TallyKey| {
            matches!(key, TallyKey::Failed(_) | TallyKey::Dropped | TallyKey::Abandoned | TallyKey::Cancelled)
        };
        let unreached: BTreeSet<_> =
            closed.into_iter().filter(|(key, _)| is_unreached(key)).map(|(_, customer)| customer).collect();
        if [plan, campaign.request.plan].iter().all(|plan| plan.has(StageName::Call)) {
            let called = stream::iter(&unreached).map(async |customer| {
                let id = EntryId { customer: customer.clone(), run };
                let entry = self.ports.ledger.entry(&id).await?;
                Ok::<_, LedgerError>(u64::from(entry.is_some_and(|entry| entry.called().is_some())))
            });
            let customers = called.buffered(AT_ONCE).try_fold(0, async |sum, one| Ok(sum + one)).await?;
            if customers > 0 {
                return Err(CampaignError::CalledFor { run, customers });
            }
        }
        Ok(unreached)
    }

    async fn asked(&self, question: &Question) -> Result<BTreeSet<CustomerId>, LedgerError> {
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
            found.extend(meant.into_iter().flatten());
        }
        Ok(found)
    }

    async fn is_meant(&self, question: &Question, id: CustomerId) -> Result<Option<CustomerId>, LedgerError> {
        question.finds(&*self.ports.ledger, &id).await.map(|is_meant| is_meant.then_some(id))
    }
}
