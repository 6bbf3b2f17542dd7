use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EndpointName, Fact, FactId, Line};
use crate::{
    entry::{Awaited, FailureStreak, Queueing},
    failure::Cause,
};

/// What a delivery is told by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryId {
    /// To whom.
    pub endpoint: EndpointName,
    /// Of what.
    pub fact: FactId,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delivery {} to {}", self.fact, self.endpoint)
    }
}

impl DeliveryId {
    /// The line that it is in.
    #[must_use]
    pub fn line(&self) -> Line {
        Line { owner: self.fact.subject.owner(), endpoint: self.endpoint.clone() }
    }
}

/// How far word of a fact has got to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DeliveryProgress {
    /// It waits for a worker.
    Waiting,
    /// A worker has it.
    Claimed {
        /// Until when nobody else may take it.
        lease_until: Timestamp,
    },
    /// The endpoint has it.
    Delivered {
        /// Since when.
        at: Timestamp,
    },
    /// The endpoint wants the newest alone, and a newer one is there.
    Superseded {
        /// Since when.
        at: Timestamp,
    },
    /// The endpoint refuses it, and would again.
    GivenUp {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
        /// Since when.
        at: Timestamp,
    },
}

/// One fact for one endpoint. Fields are private: a delivery changes only by the transitions that the module `transition`
/// lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub(super) endpoint: EndpointName,
    pub(super) fact: Fact,
    pub(super) version: u64,
    pub(super) due: Timestamp,
    #[serde(flatten)]
    pub(super) progress: DeliveryProgress,
    #[serde(default)]
    pub(super) queueing: Queueing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure_streak: Option<FailureStreak>,
    /// Calls that were begun for it.
    #[serde(default)]
    pub(super) calls: u32,
}

impl Delivery {
    /// Word of a fact for an endpoint, due at once.
    #[must_use]
    pub fn of(fact: Fact, endpoint: EndpointName) -> Self {
        Self {
            endpoint,
            version: 1,
            due: fact.written_at,
            fact,
            progress: DeliveryProgress::Waiting,
            queueing: Queueing::Pending,
            failure_streak: None,
            calls: 0,
        }
    }

    /// What it is told by.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        DeliveryId { endpoint: self.endpoint.clone(), fact: self.fact.id.clone() }
    }

    /// To whom.
    #[must_use]
    pub fn endpoint(&self) -> &EndpointName {
        &self.endpoint
    }

    /// Of what.
    #[must_use]
    pub fn fact(&self) -> &Fact {
        &self.fact
    }

    /// Rises by one with every change; each write is conditional on the version that was read.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it is to be sent.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// How far it has got.
    #[must_use]
    pub fn progress(&self) -> &DeliveryProgress {
        &self.progress
    }

    /// Whether tick has sent a message for it since then.
    #[must_use]
    pub fn was_woken_since(&self, at: Timestamp) -> bool {
        match self.queueing {
            Queueing::Requeued { at: queued_at } => queued_at >= at,
            // A first message is due when the fact is written down.
            Queueing::Pending => self.due > self.fact.written_at && self.due >= at,
            Queueing::Deferred | Queueing::Held => false,
        }
    }

    /// How its message comes to be in the queue.
    #[must_use]
    pub fn queueing(&self) -> Queueing {
        self.queueing
    }

    /// What goes wrong with it, while it is tried.
    #[must_use]
    pub fn failure_streak(&self) -> Option<&FailureStreak> {
        self.failure_streak.as_ref()
    }

    /// How often a call was begun for it.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether the endpoint is still to get it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.progress, DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. })
    }

    /// Until when a worker has it, if one claimed it.
    #[must_use]
    pub fn lease_until(&self) -> Option<Timestamp> {
        match self.progress {
            DeliveryProgress::Claimed { lease_until } => Some(lease_until),
            _ => None,
        }
    }

    /// Which message is waited for, and since when; none, once it is closed.
    #[must_use]
    pub fn awaited(&self) -> Option<(Awaited, Timestamp)> {
        self.is_open().then_some(match self.queueing {
            Queueing::Pending => (Awaited::First, self.due),
            Queueing::Requeued { at } => (Awaited::Again, at),
            Queueing::Deferred => (Awaited::Deferred, self.due),
            // No delivery is a campaign's.
            Queueing::Held => (Awaited::Held, self.due),
        })
    }

    /// Since when it is closed, if it is.
    #[must_use]
    pub fn closed_at(&self) -> Option<Timestamp> {
        match self.progress {
            DeliveryProgress::Delivered { at }
            | DeliveryProgress::Superseded { at }
            | DeliveryProgress::GivenUp { at, .. } => Some(at),
            DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => None,
        }
    }
}
