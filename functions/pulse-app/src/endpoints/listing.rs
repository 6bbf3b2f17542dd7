use std::time::Duration;

use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    control::Outcomes,
    delivery::{Endpoint, EndpointControl, EndpointStanding, UnwellEndpoint},
    entry::StageName,
    ports::LedgerError,
    why::{HoldReason, StageContext},
};
use serde::Serialize;

use super::{EndpointError, EndpointShown, Sharing, Waiting};
use crate::App;

/// Calls of so long ago are told.
const LATELY: Duration = Duration::from_mins(30);

/// All endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointsReport {
    /// They, by name.
    pub endpoints: Vec<EndpointListed>,
    /// How many invocations share each endpoint's lanes.
    pub invocations: u32,
    /// What holds the deliver stage, and with it the word of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_held: Option<HoldReason>,
    /// When it was looked up.
    #[serde(skip)]
    pub at: Timestamp,
}

/// An endpoint, and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointListed {
    /// It.
    #[serde(flatten)]
    pub endpoint: EndpointShown,
    /// How many of its lanes are used: each invocation has as many as any other.
    pub lanes_used: u32,
    /// Whether it flows, or what holds it.
    pub standing: EndpointStanding,
    /// What waits for it.
    pub waiting: Waiting,
    /// What came of the calls of the last half hour.
    pub last_half_hour: LatelyCalled,
}

/// What came of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LatelyCalled {
    /// Calls that have ended.
    pub calls: u64,
    /// Those that failed. A refusal of one fact is an answer, and no failure.
    pub failures: u64,
    /// How long one took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_latency_ms: Option<u64>,
}

impl From<&Outcomes> for LatelyCalled {
    fn from(outcomes: &Outcomes) -> Self {
        let mean = outcomes.mean_latency().map(|mean| u64::try_from(mean.as_millis()).unwrap_or(u64::MAX));
        Self { calls: outcomes.calls, failures: outcomes.failures, mean_latency_ms: mean }
    }
}

impl App {
    /// Shows the endpoints, those too that are being removed.
    ///
    /// # Errors
    /// When the ledger, or the deliver function's settings, can't be read.
    pub async fn endpoints(&self) -> Result<EndpointsReport, EndpointError> {
        let at = self.clock().now();
        let sharing = self.sharing().await?;
        let found = self.ports.endpoints.endpoints().await?;
        let listed = async |endpoint| {
            let control = self.control_of(endpoint).await?;
            self.listed(endpoint, &control, sharing, at).await
        };
        let endpoints = try_join_all(found.iter().map(listed)).await?;
        let stage = StageContext::look_up(&*self.ports.controls, &*self.ports.stages, StageName::Deliver).await?;
        Ok(EndpointsReport { endpoints, invocations: sharing.invocations.get(), stage_held: stage.holder(at), at })
    }

    /// The endpoints that aren't well, by a read of each one's two rows.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn unwell_endpoints(&self) -> Result<Vec<UnwellEndpoint>, LedgerError> {
        let (at, found) = (self.clock().now(), self.ports.endpoints.endpoints().await?);
        let controls = try_join_all(found.iter().map(|endpoint| self.control_of(endpoint))).await?;
        let stands = found.iter().zip(&controls).filter_map(|(endpoint, control)| {
            UnwellEndpoint::by_word(&endpoint.name, EndpointStanding::of(endpoint, control, at).word())
        });
        Ok(stands.collect())
    }

    pub(super) async fn control_of(&self, endpoint: &Endpoint) -> Result<EndpointControl, LedgerError> {
        self.ports.endpoint_controls.endpoint_control(&endpoint.name).await
    }

    pub(super) async fn listed(
        &self,
        endpoint: &Endpoint,
        control: &EndpointControl,
        sharing: Sharing,
        at: Timestamp,
    ) -> Result<EndpointListed, LedgerError> {
        let (name, controls) = (&endpoint.name, &*self.ports.endpoint_controls);
        let from = at.saturating_sub(LATELY).unwrap_or(Timestamp::MIN);
        let (minutes, waiting) = futures::try_join!(controls.endpoint_minutes(name, from), self.waiting_for(name))?;
        Ok(EndpointListed {
            endpoint: endpoint.into(),
            lanes_used: sharing.lanes_used(endpoint),
            standing: EndpointStanding::of(endpoint, control, at),
            waiting,
            last_half_hour: (&Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes))).into(),
        })
    }
}
