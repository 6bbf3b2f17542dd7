use std::collections::BTreeMap;

use jiff::Timestamp;
use pulse_core::{
    dead_letters::{DeadLetterError, GivenUpWord},
    delivery::{Delivery, DeliveryProgress, EndpointName, FactId, FactKind, Owner, Subject},
    entry::{ItemId, StageName},
    failure::Cause,
    pacing::PacedDeadLetters,
    ports::DlqName,
    run::RunId,
};
use serde::Serialize;

use crate::{App, EndpointError};

/// Letters that are looked at at most for word that was given up.
const LETTERS: usize = 1_000;

/// What is asked of word on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryQuestion {
    /// To which endpoint. Without it, to all.
    pub endpoint: Option<EndpointName>,
    /// What was given up, instead of what waits.
    pub failed: bool,
    /// How many are told at most.
    pub limit: usize,
}

/// Word on its way, the longest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveriesReport {
    /// Each fact for an endpoint.
    pub deliveries: Vec<DeliveryListed>,
    /// Whether there are more.
    pub is_more: bool,
    /// When it was looked up.
    #[serde(skip)]
    pub at: Timestamp,
}

/// One fact for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryListed {
    /// To whom.
    pub endpoint: EndpointName,
    /// What the fact is told by: the same over all tries.
    pub id: FactId,
    /// Whose it is.
    pub owner: Owner,
    /// Of which run's entry it is, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// What happened.
    pub fact: FactKind,
    /// Since when it is on its way.
    pub since: Timestamp,
    /// How often a call was begun for it.
    pub calls: u32,
    /// Why the last one failed, or why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether it was given up.
    pub given_up: bool,
}

impl From<&Delivery> for DeliveryListed {
    fn from(delivery: &Delivery) -> Self {
        let fact = delivery.fact();
        let given_up = match delivery.progress() {
            DeliveryProgress::GivenUp { cause, .. } => Some(cause.clone()),
            _ => None,
        };
        let entry = match &fact.id.subject {
            Subject::Entry(id) => Some(id),
            Subject::Customer(_) | Subject::Run(_) => None,
        };
        Self {
            endpoint: delivery.endpoint().clone(),
            id: fact.id.clone(),
            owner: fact.id.subject.owner(),
            run: entry.map(|id| id.run),
            item: entry.and_then(|id| id.item),
            fact: fact.id.kind,
            since: fact.written_at,
            calls: delivery.calls(),
            given_up: given_up.is_some(),
            cause: given_up.or_else(|| delivery.failure_streak().map(|streak| streak.cause.clone())),
        }
    }
}

/// How much word was given up, by what dead letters tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GivenUpCounts {
    /// To whom how much.
    pub by_endpoint: BTreeMap<EndpointName, u64>,
    /// Whether there are letters that weren't looked at.
    pub is_more: bool,
}

/// Why word on its way can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveriesError {
    /// There is no such endpoint, or the ledger can't be read.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The dead letters can't be looked at.
    #[error(transparent)]
    Letters(#[from] DeadLetterError),
}

impl App {
    /// Word that waits, or was given up, to one endpoint or to all. Of more than are asked for those are told that have been
    /// awaited longest; and of what was given up what a thousand dead letters tell, which are put back. When `stop` says so,
    /// fewer are looked at.
    ///
    /// # Errors
    /// When there is no such endpoint, or the ledger or the dead letters can't be read.
    pub async fn deliveries(
        &self,
        question: &DeliveryQuestion,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<DeliveriesReport, DeliveriesError> {
        let at = self.clock().now();
        let (found, more) = if question.failed {
            self.given_up_word(question.endpoint.as_ref(), stop).await?
        } else {
            self.waiting_word(question).await?
        };
        let mut deliveries: Vec<_> = found.iter().map(DeliveryListed::from).collect();
        deliveries.sort_by(|one, other| (one.since, &one.owner).cmp(&(other.since, &other.owner)));
        let is_more = more || deliveries.len() > question.limit;
        deliveries.truncate(question.limit);
        Ok(DeliveriesReport { deliveries, is_more, at })
    }

    /// How much word was given up to each endpoint, by what a thousand dead letters tell, which are put back. When `stop` says
    /// so, fewer are looked at.
    ///
    /// # Errors
    /// When the ledger or the dead letters can't be read.
    pub async fn given_up_counts(&self, stop: &(dyn Fn() -> bool + Sync)) -> Result<GivenUpCounts, DeadLetterError> {
        let (found, is_more) = self.given_up_word(None, stop).await?;
        let mut by_endpoint = BTreeMap::new();
        for delivery in &found {
            *by_endpoint.entry(delivery.endpoint().clone()).or_default() += 1;
        }
        Ok(GivenUpCounts { by_endpoint, is_more })
    }

    async fn waiting_word(&self, question: &DeliveryQuestion) -> Result<(Vec<Delivery>, bool), EndpointError> {
        let endpoints = if let Some(name) = &question.endpoint {
            vec![self.any_endpoint(name).await?]
        } else {
            self.ports.endpoints.endpoints().await?
        };
        let (mut found, mut is_more) = (Vec::new(), false);
        for endpoint in endpoints {
            let (ids, more) = self.awaited(&endpoint.name, question.limit).await?;
            found.extend(self.still_open(ids).await?);
            is_more |= more;
        }
        Ok((found, is_more))
    }

    async fn given_up_word(
        &self,
        endpoint: Option<&EndpointName>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(Vec<Delivery>, bool), DeadLetterError> {
        let letters = self.ports.dead_letters.get(DlqName::Stage(StageName::Deliver));
        let letters = PacedDeadLetters::new(letters, &*self.ports.sleeper, stop);
        let found = GivenUpWord::find(&letters, &*self.ports.deliveries, endpoint, LETTERS, stop).await?;
        Ok((found.deliveries, found.more))
    }
}
