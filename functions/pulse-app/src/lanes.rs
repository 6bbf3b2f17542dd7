use futures::future::try_join_all;
use pulse_core::{
    advice::Advice,
    delivery::{Endpoint, EndpointName},
    entry::StageName,
    lanes::{LaneChange, LaneChangeError, LaneSettings, Lanes, Step},
    orders::OrderAction,
    ports::{LaneError, LedgerError},
    stage_spec::Moves,
};
use serde::Serialize;

use crate::App;

/// A stage's lanes, and what they hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LanesShown {
    /// The stage concerned.
    pub stage: StageName,
    /// How many there are.
    pub lanes: u32,
    /// How the stage is set.
    #[serde(flatten)]
    pub settings: LaneSettings,
}

/// How many lanes a stage is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneOrder {
    /// The stage concerned.
    pub stage: StageName,
    /// Calls in flight at once.
    pub lanes: u32,
    /// How many calls each invocation is to keep in flight, if that is to change.
    pub in_flight: Option<u32>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was done about a stage's lanes, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneReport {
    /// The stage concerned.
    pub stage: StageName,
    /// How many were asked for.
    pub asked_for: u32,
    /// How many there are, or would be.
    pub lanes: Lanes,
    /// How the stage was set.
    pub before: LaneSettings,
    /// What leads from there.
    pub steps: Vec<Step>,
    /// Whether nothing was done, and it was only told what would be.
    pub dry_run: bool,
    /// What keeps the lanes over the next deployment.
    pub parameter_overrides: String,
}

/// Why lanes aren't set, or only in part. Whatever was done is safe, and the same order again does the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneOrderError {
    /// There can't be so many, or they can't be changed.
    #[error(transparent)]
    Change(#[from] LaneChangeError),
    /// Endpoints' lanes are shared by more invocations than they are: nothing would be told to these.
    #[error(
        "With {invocations} invocations of the deliver function these endpoints would be told nothing: each invocation has an \
         equal part of an endpoint's lanes, and of fewer lanes than invocations that is none. They are {}",
        .endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    LeavesOut {
        /// How many invocations there would be at once.
        invocations: u32,
        /// Which have fewer lanes.
        endpoints: Vec<EndpointName>,
    },
    /// It can't be read which endpoints there are.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was set is set no more.
    #[error("Somebody else has changed the {0} stage's lanes meanwhile")]
    ChangedMeanwhile(StageName),
}

impl From<LaneError> for LaneOrderError {
    fn from(error: LaneError) -> Self {
        Self::Change(error.into())
    }
}

impl LaneOrderError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Change(LaneChangeError::Paused(stage)) => Some(Advice::RaiseConcurrency { stage: *stage }),
            Self::Change(LaneChangeError::Control(_) | LaneChangeError::Lanes(_) | LaneChangeError::Account { .. }) => {
                None
            }
            Self::LeavesOut { invocations, endpoints } => {
                endpoints.first().map(|endpoint| Advice::GiveLanes { endpoint: endpoint.clone(), lanes: *invocations })
            }
            Self::Ledger(_) => None,
            Self::ChangedMeanwhile(stage) => Some(Advice::LookAtLanes { stage: *stage }),
        }
    }
}

impl App {
    /// Shows stages' lanes.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn lanes(&self, stages: &[StageName]) -> Result<Vec<LanesShown>, LaneError> {
        let shown = stages.iter().map(async |&stage| {
            let settings = self.ports.lanes.settings(stage).await?;
            Ok(LanesShown { stage, lanes: settings.lanes(), settings })
        });
        try_join_all(shown).await
    }

    /// Sets a stage's lanes, or tells what that would take. `watch` hears of each step before it is taken.
    ///
    /// # Errors
    /// As [`LaneOrderError`] says.
    pub async fn set_lanes(
        &self,
        order: LaneOrder,
        watch: &mut (dyn FnMut(&Step) + Send),
    ) -> Result<LaneReport, LaneOrderError> {
        let set = self.set_lanes_now(order, watch).await;
        if !order.dry_run {
            let LaneOrder { stage, lanes, .. } = order;
            self.leave_order(OrderAction::Lanes { stage, lanes }, None, &set).await;
        }
        set
    }

    async fn set_lanes_now(
        &self,
        order: LaneOrder,
        watch: &mut (dyn FnMut(&Step) + Send),
    ) -> Result<LaneReport, LaneOrderError> {
        let LaneOrder { stage, lanes: asked_for, in_flight, dry_run } = order;
        let change = LaneChange { control: &*self.ports.lanes };
        let plan = change.plan(stage, asked_for, in_flight).await?;
        if stage.spec().moves == Moves::Deliveries {
            self.endpoints_have_lanes(plan.lanes.maximum_concurrency()).await?;
        }
        if !dry_run {
            change.carry_out(stage, &plan, watch).await?;
            let now = self.ports.lanes.settings(stage).await?;
            if (now.maximum_concurrency, now.in_flight) != (plan.lanes.maximum_concurrency(), plan.lanes.in_flight()) {
                return Err(LaneOrderError::ChangedMeanwhile(stage));
            }
        }
        let parameter_overrides = overrides(stage, plan.lanes);
        Ok(LaneReport {
            stage,
            asked_for,
            lanes: plan.lanes,
            before: plan.before,
            steps: plan.steps,
            dry_run,
            parameter_overrides,
        })
    }

    async fn endpoints_have_lanes(&self, invocations: u32) -> Result<(), LaneOrderError> {
        let all = self.ports.endpoints.endpoints().await?;
        let has_fewer = |endpoint: &Endpoint| endpoint.removed_at.is_none() && endpoint.lanes.get() < invocations;
        let endpoints: Vec<_> = all.into_iter().filter(has_fewer).map(|endpoint| endpoint.name).collect();
        if endpoints.is_empty() { Ok(()) } else { Err(LaneOrderError::LeavesOut { invocations, endpoints }) }
    }
}

/// The template's parameters that keep the lanes over a deployment.
fn overrides(stage: StageName, lanes: Lanes) -> String {
    let prefix = stage.spec().title;
    format!("{prefix}MaximumConcurrency={} {prefix}InFlight={}", lanes.maximum_concurrency(), lanes.in_flight())
}
