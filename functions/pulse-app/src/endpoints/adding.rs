use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::Timestamp;
use pulse_core::{
    delivery::{
        Bodies, Endpoint, EndpointName, FactKind, KNOWN_WITHIN, Keeps, SignatureScheme, Target, WebhookUrl,
        resume_endpoint,
    },
    orders::{EndpointChange, OrderAction},
    ports::{EndpointKeys, KeysSeen},
    secret_store::SecretStore,
};
use serde::Serialize;

use super::{EndpointError, EndpointShown, told_of};
use crate::App;

/// So many endpoints there may be. Word for each is written in the transaction of its fact, of which feedback may make four, and
/// a transaction takes a hundred rows (Amazon `DynamoDB` API Reference, `TransactWriteItems`).
const MOST: usize = 20;

/// An endpoint that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Its name.
    pub name: EndpointName,
    /// Where word goes.
    pub target: NewTarget,
    /// Of what it is told.
    pub facts: BTreeSet<FactKind>,
    /// What it gets of facts that are overtaken.
    pub keeps: Keeps,
    /// How much it is told.
    pub bodies: Bodies,
    /// The most calls to it at once. Without it, about four.
    pub lanes: Option<NonZeroU32>,
}

/// Where word of a new endpoint goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewTarget {
    /// To a URL that [may be called](WebhookUrl::new).
    Webhook {
        /// The URL.
        url: WebhookUrl,
        /// What it is signed with.
        signed_by: SignedBy,
    },
    /// To a topic or an event bus of the account's.
    OfAccount(Target),
}

/// What a new webhook is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A key that is made for it, in a secret of its name.
    NewKey {
        /// How it signs.
        scheme: SignatureScheme,
        /// Where the secret is kept.
        store: SecretStore,
    },
    /// The keys in this secret, which is there.
    Secret(String),
}

/// An endpoint that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddedEndpoint {
    /// It.
    #[serde(flatten)]
    pub endpoint: EndpointShown,
    /// What its word is signed with, if it is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<EndpointSignature>,
    /// How many invocations share its lanes.
    pub invocations: u32,
    /// How many of its lanes are used: each invocation has as many as any other.
    pub lanes_used: u32,
    /// From when on it is told of what happens, at the latest.
    pub told_from: Timestamp,
}

/// What word is signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointSignature {
    /// The secret's name.
    pub secret: String,
    /// Whether it was made just now.
    pub is_new: bool,
    /// What may be shown of its keys.
    #[serde(flatten)]
    pub keys: KeysSeen,
}

impl App {
    /// Adds an endpoint. For a webhook it makes a secret with a key, or looks at the one that is named.
    ///
    /// # Errors
    /// As [`EndpointError`] says. A secret that was made stays.
    pub async fn add_endpoint(
        &self,
        keys: &dyn EndpointKeys,
        new: NewEndpoint,
    ) -> Result<AddedEndpoint, EndpointError> {
        let endpoint = new.name.clone();
        let added = self.add_endpoint_now(keys, new).await;
        self.leave_order(OrderAction::Endpoint { endpoint, change: EndpointChange::Add }, None, &added).await;
        added
    }

    async fn add_endpoint_now(
        &self,
        keys: &dyn EndpointKeys,
        new: NewEndpoint,
    ) -> Result<AddedEndpoint, EndpointError> {
        let NewEndpoint { name, target, facts, keeps, bodies, lanes } = new;
        let facts = told_of(facts)?;
        let others = self.ports.endpoints.endpoints().await?;
        match others.iter().find(|other| other.name == name) {
            Some(other) if other.removed_at.is_some() => return Err(EndpointError::BeingRemoved(name)),
            Some(_) => return Err(EndpointError::Taken(name)),
            None if let Some(secret) = shared_secret(&target, &others) => {
                return Err(EndpointError::SharedSecret(secret));
            }
            None if others.len() >= MOST => return Err(EndpointError::TooMany(MOST)),
            None => {}
        }
        let sharing = self.sharing().await?;
        let lanes = lanes.unwrap_or_else(|| about_four(sharing.invocations));
        sharing.is_enough(lanes)?;
        let (target, signature) = target_of(keys, &name, target).await?;
        let now = self.clock().now();
        // What held another of this name, which was removed, holds nothing of this one.
        resume_endpoint(&*self.ports.endpoint_controls, &name, now).await?;
        let endpoint = Endpoint { keeps, bodies, lanes, ..Endpoint::new(name, target, facts, self.actor.clone(), now) };
        if !self.ports.endpoints.save_endpoint(&endpoint).await? {
            return Err(EndpointError::Taken(endpoint.name));
        }
        let told_from = now.saturating_add(KNOWN_WITHIN).unwrap_or(Timestamp::MAX);
        let lanes_used = sharing.lanes_used(&endpoint);
        let (endpoint, invocations) = (EndpointShown::from(&endpoint), sharing.invocations.get());
        Ok(AddedEndpoint { endpoint, signature, invocations, lanes_used, told_from })
    }
}

/// The secret that is to sign an endpoint's word and signs another's. A rotation would exchange it for both, and who deletes it
/// with one would silence the other.
fn shared_secret(target: &NewTarget, others: &[Endpoint]) -> Option<String> {
    let NewTarget::Webhook { signed_by: SignedBy::Secret(secret), .. } = target else { return None };
    others.iter().any(|other| other.target.secret() == Some(secret)).then(|| secret.clone())
}

/// As many as invocations, or the multiple of that which comes to four.
fn about_four(invocations: NonZeroU32) -> NonZeroU32 {
    let of_each = 4_u32.div_ceil(invocations.get());
    invocations.saturating_mul(NonZeroU32::new(of_each).unwrap_or(NonZeroU32::MIN))
}

async fn target_of(
    keys: &dyn EndpointKeys,
    name: &EndpointName,
    target: NewTarget,
) -> Result<(Target, Option<EndpointSignature>), EndpointError> {
    let (url, signed_by) = match target {
        NewTarget::Webhook { url, signed_by } => (url, signed_by),
        NewTarget::OfAccount(target) => return Ok((target, None)),
    };
    let signature = match signed_by {
        SignedBy::NewKey { scheme, store } => {
            let secret = format!("{}{name}", keys.folder(store));
            EndpointSignature { keys: keys.make(&secret, scheme).await?, secret, is_new: true }
        }
        SignedBy::Secret(secret) => {
            let folder = keys.folder(SecretStore::of(&secret));
            if !secret.starts_with(folder) {
                return Err(EndpointError::OutsideFolder { secret, folder: folder.to_owned() });
            }
            EndpointSignature { keys: keys.look(&secret).await?, secret, is_new: false }
        }
    };
    Ok((Target::Webhook { url, secret: signature.secret.clone() }, Some(signature)))
}
