use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::Timestamp;
use pulse_core::{
    delivery::{Bodies, Endpoint, EndpointName, FactKind, KNOWN_WITHIN, Keeps, Target, WebhookUrl},
    orders::{EndpointChange, OrderAction},
};
use serde::Serialize;

use super::{EndpointError, EndpointShown, TRIES};
use crate::App;

/// What of an endpoint is to be otherwise. What isn't named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointCorrection {
    /// Where word goes.
    pub place: Option<NewPlace>,
    /// Of what it is told.
    pub facts: Option<BTreeSet<FactKind>>,
    /// What it gets of facts that are overtaken.
    pub keeps: Option<Keeps>,
    /// How much it is told.
    pub bodies: Option<Bodies>,
    /// The most calls to it at once.
    pub lanes: Option<NonZeroU32>,
}

/// Where word of an endpoint goes from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewPlace {
    /// To a URL that [may be called](WebhookUrl::new), signed as before.
    Url(WebhookUrl),
    /// To a topic or an event bus of the account's.
    OfAccount(Target),
}

/// An endpoint that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointChanged {
    /// It, as it is now.
    #[serde(flatten)]
    pub endpoint: EndpointShown,
    /// How many invocations share its lanes.
    pub invocations: u32,
    /// How many of its lanes are used: each invocation has as many as any other.
    pub lanes_used: u32,
    /// From when on everyone goes by that, at the latest.
    pub known_from: Timestamp,
}

impl App {
    /// Changes an endpoint, whose word that waits stays its own, and goes by what it is from then on.
    ///
    /// # Errors
    /// As [`EndpointError`] says.
    pub async fn change_endpoint(
        &self,
        name: &EndpointName,
        correction: &EndpointCorrection,
    ) -> Result<EndpointChanged, EndpointError> {
        let changed = self.change_endpoint_now(name, correction).await;
        let action = OrderAction::Endpoint { endpoint: name.clone(), change: EndpointChange::Change };
        self.leave_order(action, None, &changed).await;
        changed
    }

    async fn change_endpoint_now(
        &self,
        name: &EndpointName,
        correction: &EndpointCorrection,
    ) -> Result<EndpointChanged, EndpointError> {
        let sharing = self.sharing().await?;
        for _ in 0..TRIES {
            let after = correction.of(self.endpoint(name).await?)?;
            sharing.is_enough(after.lanes)?;
            if self.ports.endpoints.save_endpoint(&after).await? {
                return Ok(EndpointChanged {
                    lanes_used: sharing.lanes_used(&after),
                    endpoint: (&after).into(),
                    invocations: sharing.invocations.get(),
                    known_from: self.clock().now().saturating_add(KNOWN_WITHIN).unwrap_or(Timestamp::MAX),
                });
            }
        }
        Err(EndpointError::Contended(name.clone()))
    }
}

impl EndpointCorrection {
    fn of(&self, before: Endpoint) -> Result<Endpoint, EndpointError> {
        let Self { place, facts, keeps, bodies, lanes } = self;
        let target = match (place, &before.target) {
            (None, target) if *target != Target::Unknown => target.clone(),
            (Some(NewPlace::Url(url)), Target::Webhook { secret, .. }) => {
                Target::Webhook { url: url.clone(), secret: secret.clone() }
            }
            (Some(NewPlace::OfAccount(target)), Target::Sns { .. } | Target::EventBridge { .. }) => target.clone(),
            (_, target) => {
                return Err(EndpointError::OtherKind { endpoint: before.name.clone(), kind: target.kind() });
            }
        };
        Ok(Endpoint {
            target,
            asks_for: facts.clone().map_or(Ok(before.asks_for), super::told_of)?,
            keeps: keeps.unwrap_or(before.keeps),
            bodies: bodies.unwrap_or(before.bodies),
            lanes: lanes.unwrap_or(before.lanes),
            ..before
        })
    }
}
