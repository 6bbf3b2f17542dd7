//! The other systems that are told of facts: adding, showing, holding and removing them, and their keys.

mod adding;
mod changing;
mod errors;
mod held;
mod keys;
mod listing;
mod one;
mod removing;
mod testing;
mod waiting;

use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::Timestamp;
use pulse_core::{
    control::Actor,
    delivery::{Bodies, Endpoint, EndpointName, FactKind, Keeps},
    entry::StageName,
};
use serde::Serialize;

pub use self::{
    adding::{AddedEndpoint, EndpointSignature, NewEndpoint, NewTarget, SignedBy},
    changing::{EndpointChanged, EndpointCorrection, NewPlace},
    errors::EndpointError,
    held::{EndpointPaused, EndpointResumed},
    keys::EndpointRotated,
    listing::{EndpointListed, EndpointsReport, LatelyCalled},
    one::{EndpointReport, WordListed},
    removing::{EndpointRemoval, EndpointRemoved},
    testing::EndpointTested,
    waiting::Waiting,
};
use crate::App;

/// How often a row is written anew that others get ahead of.
const TRIES: usize = 5;

/// An endpoint, as far as it may be shown: of a webhook's URL no more than the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointShown {
    /// Its name.
    pub endpoint: EndpointName,
    /// `webhook`, `sns` or `eventbridge`.
    pub kind: &'static str,
    /// The host, the topic's name or the bus's.
    pub place: String,
    /// The secret with the keys that its word is signed with, if it is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of what it is told.
    pub facts: BTreeSet<FactKind>,
    /// What it gets of facts that are overtaken.
    pub keeps: Keeps,
    /// How much it is told.
    pub bodies: Bodies,
    /// The most calls to it at once.
    pub lanes: u32,
    /// Who added it.
    pub by: Actor,
    /// By the clock of whoever wrote it down.
    pub added_at: Timestamp,
}

impl From<&Endpoint> for EndpointShown {
    fn from(endpoint: &Endpoint) -> Self {
        let target = &endpoint.target;
        Self {
            endpoint: endpoint.name.clone(),
            kind: target.kind(),
            place: target.place().to_owned(),
            secret: target.secret().map(str::to_owned),
            facts: endpoint.asks_for.clone(),
            keeps: endpoint.keeps,
            bodies: endpoint.bodies,
            lanes: endpoint.lanes.get(),
            by: endpoint.by.clone(),
            added_at: endpoint.added_at,
        }
    }
}

/// The same kinds of facts, if an endpoint may be told of them.
fn told_of(kinds: BTreeSet<FactKind>) -> Result<BTreeSet<FactKind>, EndpointError> {
    if kinds.is_empty() { Err(EndpointError::NoFacts) } else { Ok(kinds) }
}

/// How invocations of the deliver function share endpoints' lanes.
#[derive(Debug, Clone, Copy)]
struct Sharing {
    /// So many may run at once. Each has an equal part.
    invocations: NonZeroU32,
    /// So many calls an invocation makes at once.
    in_flight: u32,
}

impl Sharing {
    /// Whether of so many lanes each invocation has one.
    fn is_enough(self, lanes: NonZeroU32) -> Result<(), EndpointError> {
        let invocations = self.invocations;
        if lanes < invocations { Err(EndpointError::TooFewLanes { lanes, invocations }) } else { Ok(()) }
    }

    /// How many of an endpoint's lanes are used.
    fn lanes_used(self, endpoint: &Endpoint) -> u32 {
        endpoint.lanes_of_each(self.invocations, self.in_flight) * self.invocations.get()
    }
}

impl App {
    /// The endpoint of that name, one that is being removed as well.
    pub(crate) async fn any_endpoint(&self, name: &EndpointName) -> Result<Endpoint, EndpointError> {
        let found = self.ports.endpoints.endpoints().await?.into_iter().find(|endpoint| endpoint.name == *name);
        found.ok_or_else(|| EndpointError::Unknown(name.clone()))
    }

    /// Whether there is an endpoint of that name, be it one that is being removed.
    ///
    /// # Errors
    /// When there is none, or the ledger can't be read.
    pub async fn knows_endpoint(&self, name: &EndpointName) -> Result<(), EndpointError> {
        self.any_endpoint(name).await.map(|_| ())
    }

    /// The endpoint of that name, unless it is being removed.
    async fn endpoint(&self, name: &EndpointName) -> Result<Endpoint, EndpointError> {
        let endpoint = self.any_endpoint(name).await?;
        match endpoint.removed_at {
            Some(_) => Err(EndpointError::BeingRemoved(name.clone())),
            None => Ok(endpoint),
        }
    }

    async fn sharing(&self) -> Result<Sharing, EndpointError> {
        let settings = self.ports.lanes.settings(StageName::Deliver).await?;
        // The function goes by what it was told, which follows the mapping's figure.
        let invocations = settings.rate_divisor.unwrap_or(settings.maximum_concurrency);
        let invocations = NonZeroU32::new(invocations).unwrap_or(NonZeroU32::MIN);
        Ok(Sharing { invocations, in_flight: settings.in_flight })
    }
}
