use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Delivery, DeliveryProgress, EndpointName};
use crate::{customer::CustomerId, parse::ParseError, run::RunId};

/// Whose facts reach an endpoint one after another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Owner {
    /// A customer's: of the profile, and of all their entries.
    Customer(CustomerId),
    /// A run's own.
    Run(RunId),
}

/// `customer/c-1` or `run/2026-11`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(id) => write!(f, "customer/{id}"),
            Self::Run(run) => write!(f, "run/{run}"),
        }
    }
}

impl TryFrom<String> for Owner {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        match text.split_once('/') {
            Some(("customer", id)) => CustomerId::parse(id).map(Self::Customer),
            Some(("run", run)) => RunId::parse(run).map(Self::Run),
            _ => Err(ParseError::new("owner of a fact", "is neither a customer nor a run")),
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.to_string()
    }
}

/// One owner's deliveries to one endpoint: the next isn't sent before the one before is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Whose.
    pub owner: Owner,
    /// To whom.
    pub endpoint: EndpointName,
}

impl Line {
    /// Of a line's deliveries the one that is next; none, if all are done.
    ///
    /// The facts of one subject go by its versions, and subjects by when their facts were written down. Two workers' clocks
    /// may differ, so that an order by time alone would send one version of an entry before the one that it follows.
    #[must_use]
    pub fn next(deliveries: &[Delivery]) -> Option<&Delivery> {
        let open = || deliveries.iter().filter(|delivery| delivery.is_open());
        let first = open().min_by_key(|delivery| (delivery.fact().written_at, &delivery.fact().id))?;
        let subject = &first.fact().id.subject;
        open().filter(|delivery| delivery.fact().id.subject == *subject).min_by_key(|delivery| &delivery.fact().id)
    }

    /// The deliveries that an endpoint that keeps the latest alone needn't get: of each subject those that wait though there is
    /// a newer one.
    pub fn superseded(deliveries: &[Delivery]) -> impl Iterator<Item = &Delivery> {
        let waits = |one: &&Delivery| *one.progress() == DeliveryProgress::Waiting;
        deliveries.iter().filter(waits).filter(|one| Self::is_overtaken(deliveries, one))
    }

    /// Whether there is a newer one of the same subject.
    #[must_use]
    pub fn is_overtaken(deliveries: &[Delivery], one: &Delivery) -> bool {
        let id = &one.fact().id;
        deliveries.iter().map(|other| &other.fact().id).any(|other| id.subject == other.subject && other > id)
    }
}
