use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::{Context, EndpointTold, HoldReason, Outlook, StageContext, WordContext, told::TELLS};
use crate::{
    advice::Advice,
    customer::{Contact, Customer, CustomerId, Standing},
    delivery::{Delivery, Endpoint, EndpointControl, Line, Owner},
    entry::{Entry, StageName},
    ports::{
        Activity, CampaignEntries, Clock, Controls, Deliveries, EndpointControls, Endpoints, Ledger, LedgerError,
        LedgerReports, ScheduleError, Schedules, StageMemory, Stages,
    },
    run::RunId,
    slot::Slot,
    stage::{PerStage, Rules},
    suppression::{InForce, Suppression},
    tick::SweepPolicy,
};

/// Why a story can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// The ledger couldn't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The schedule couldn't be read.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// Tells one customer's story. Nothing is written.
#[derive(Clone, Copy)]
pub struct CustomerInquiry<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries in campaigns.
    pub in_campaigns: &'a dyn CampaignEntries,
    /// Notes.
    pub reports: &'a dyn LedgerReports,
    /// The scheduler.
    pub schedules: &'a dyn Schedules,
    /// The stages' control rows.
    pub controls: &'a dyn Controls,
    /// What is remembered of the stages.
    pub memory: &'a dyn StageMemory,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// Other systems that are told of the customer.
    pub endpoints: &'a dyn Endpoints,
    /// What holds word back from them.
    pub endpoint_controls: &'a dyn EndpointControls,
    /// Word on its way to them.
    pub deliveries: &'a dyn Deliveries,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// When an entry counts as overdue.
    pub policy: SweepPolicy,
    /// What the stages decide by, if that is known.
    pub rules: Option<Rules>,
}

/// All that is known of a customer.
#[derive(Debug, Clone, Serialize)]
pub struct Timeline {
    /// The customer as the roster has them.
    pub profile: Customer,
    /// When their live schedule is due, if they have one.
    pub schedule: Option<Slot>,
    /// Their entries, the newest month first, and those of campaigns after them.
    pub entries: Vec<Entry>,
    /// What was noted of them, the newest first.
    pub activities: Vec<Activity>,
    /// For what their present address is suppressed, the worst first. Nothing, if that can't be told to whoever asks.
    pub suppression: Option<Vec<InForce>>,
    /// How the stages are.
    pub stages: Vec<StageStanding>,
    /// What is to come of each entry, in the entries' order.
    pub outlooks: Vec<Outlook>,
    /// For each other system that is told of customers what it knows of this one, and what is on its way to it.
    pub endpoints: Vec<EndpointTold>,
    /// Whether a mail is to come at all: there is an open entry of a monthly run.
    pub has_open_entry: bool,
    /// When all this was looked up.
    pub at: Timestamp,
}

/// How a stage is.
#[derive(Debug, Clone, Serialize)]
pub struct StageStanding {
    /// The stage concerned.
    pub stage: StageName,
    /// What keeps it from flowing.
    pub holder: Option<HoldReason>,
    /// About how many messages wait in its queue, if it could be looked at.
    pub waiting: Option<u64>,
}

impl CustomerInquiry<'_> {
    /// Tells it; nothing, if nobody on the roster has that id.
    ///
    /// # Errors
    /// When the ledger or the schedule can't be read.
    pub async fn story(&self, id: &CustomerId) -> Result<Option<Timeline>, TimelineError> {
        let Some(profile) = self.ledger.customer(id).await? else { return Ok(None) };
        let (mut entries, in_campaigns, activities) = futures::try_join!(
            self.ledger.entries(id),
            self.in_campaigns.entries_in_campaigns(id),
            self.reports.activities(id)
        )?;
        entries.extend(in_campaigns);
        let schedule = self.schedules.get(id).await?.map(|schedule| schedule.slot);
        let kept = self.suppression(&profile).await;
        let deployed = self.stages.deployed();
        let scenes = deployed.iter().map(async |stage| Ok::<_, LedgerError>((stage, self.scene(stage).await?)));
        let scenes: PerStage<StageContext> = try_join_all(scenes).await?.into_iter().collect();
        let now = self.clock.now();
        let scene = Context {
            customer: &profile,
            schedule: schedule.as_ref(),
            stages: &scenes,
            policy: self.policy,
            rules: self.rules,
            suppression: kept.as_ref(),
            now,
        };
        let outlooks = entries.iter().map(|entry| scene.outlook(entry)).collect();
        let has_open_entry = entries.iter().any(|entry| entry.is_open() && entry.id().run.is_monthly());
        let endpoints = self.endpoints(id, &scenes[TELLS], now).await?;
        let stages = deployed.iter().map(|stage| standing(stage, &scenes[stage], now)).collect();
        Ok(Some(Timeline {
            profile,
            schedule,
            entries,
            activities,
            suppression: kept.map(|kept| kept.in_force(now)),
            stages,
            outlooks,
            endpoints,
            has_open_entry,
            at: now,
        }))
    }

    /// Who may look at customers, and not read the keys that digests of addresses are made with, is told all the rest.
    async fn suppression(&self, profile: &Customer) -> Option<Suppression> {
        let Contact::Email(address) = &profile.contact else { return Some(Suppression::default()) };
        let known = self.ledger.suppression(address).await;
        let known = known.inspect_err(|error| tracing::debug!(%error, "whether the address is suppressed isn't told"));
        Some(known.ok()?.unwrap_or_default())
    }

    async fn endpoints(
        &self,
        id: &CustomerId,
        stage: &StageContext,
        now: Timestamp,
    ) -> Result<Vec<EndpointTold>, LedgerError> {
        let holder = stage.holder(now);
        let told = async |endpoint: Endpoint| {
            let line = Line { owner: Owner::Customer(id.clone()), endpoint: endpoint.name.clone() };
            let line = self.deliveries.line(&line).await?;
            let control = if line.iter().any(Delivery::is_open) {
                self.endpoint_controls.endpoint_control(&endpoint.name).await?
            } else {
                EndpointControl::default()
            };
            let (endpoint, control, policy) = (&endpoint, &control, self.policy);
            let context = WordContext { endpoint, control, stage_held: holder.as_ref(), policy, now };
            Ok::<_, LedgerError>(context.told(&line))
        };
        let all = self.endpoints.endpoints().await?.into_iter();
        try_join_all(all.filter(|endpoint| endpoint.removed_at.is_none()).map(told)).await
    }

    async fn scene(&self, stage: StageName) -> Result<StageContext, LedgerError> {
        let look = StageContext::look_up(self.controls, self.stages, stage);
        let (scene, held_up_at) = futures::try_join!(look, self.memory.held_up_at(stage))?;
        Ok(StageContext { held_up_at, ..scene })
    }
}

fn standing(stage: StageName, scene: &StageContext, now: Timestamp) -> StageStanding {
    StageStanding { stage, holder: scene.holder(now), waiting: scene.status.map(|status| status.waiting) }
}

impl Timeline {
    /// The story of one run alone, if the customer has an entry in it.
    #[must_use]
    pub fn in_run(mut self, run: RunId) -> Option<Self> {
        self.entries.retain(|entry| entry.id().run == run);
        self.outlooks.retain(|outlook| outlook.run == run);
        self.endpoints.iter_mut().for_each(|told| told.keep_run(run));
        (!self.entries.is_empty()).then_some(self)
    }

    /// What to do next: for each entry that nothing happens to by itself, and for a customer without an open entry.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let id = &self.profile.id;
        let mut advice: Vec<_> = self.outlooks.iter().flat_map(|outlook| outlook.advice(id)).collect();
        if !self.has_open_entry && self.profile.standing == Standing::Active {
            advice.push(Advice::Enroll { customer: id.clone() });
        }
        advice
    }
}
