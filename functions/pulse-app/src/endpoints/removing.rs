use jiff::Timestamp;
use pulse_core::{
    delivery::{Endpoint, EndpointName},
    orders::{EndpointChange, OrderAction},
};
use serde::Serialize;

use super::{EndpointError, EndpointShown, TRIES, Waiting};
use crate::App;

/// What removing an endpoint would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointRemoval {
    /// It.
    #[serde(flatten)]
    pub endpoint: EndpointShown,
    /// What would be dropped.
    pub waiting: Waiting,
}

/// An endpoint that is being removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointRemoved {
    /// By the name that an operator gave it.
    pub endpoint: EndpointName,
    /// Since when.
    pub removed_at: Timestamp,
    /// Whether it was before.
    pub again: bool,
    /// What is dropped.
    pub waiting: Waiting,
    /// The secret that it leaves, if its word was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl App {
    /// What removing an endpoint would come to.
    ///
    /// # Errors
    /// When there is none of that name, or the ledger can't be read.
    pub async fn endpoint_removal(&self, name: &EndpointName) -> Result<EndpointRemoval, EndpointError> {
        let endpoint = self.any_endpoint(name).await?;
        Ok(EndpointRemoval { endpoint: (&endpoint).into(), waiting: self.waiting_for(name).await? })
    }

    /// Removes an endpoint: it is told of nothing more, and tick drops what waits for it.
    ///
    /// # Errors
    /// When there is none of that name, or its row can't be written.
    pub async fn remove_endpoint(&self, name: &EndpointName) -> Result<EndpointRemoved, EndpointError> {
        let removed = self.remove_endpoint_now(name).await;
        let action = OrderAction::Endpoint { endpoint: name.clone(), change: EndpointChange::Remove };
        self.leave_order(action, None, &removed).await;
        removed
    }

    async fn remove_endpoint_now(&self, name: &EndpointName) -> Result<EndpointRemoved, EndpointError> {
        for _ in 0..TRIES {
            let before = self.any_endpoint(name).await?;
            let (now, secret) = (self.clock().now(), before.target.secret().map(str::to_owned));
            let removed_at = before.removed_at.unwrap_or(now);
            let again = before.removed_at.is_some();
            let after = Endpoint { removed_at: Some(removed_at), ..before };
            if again || self.ports.endpoints.save_endpoint(&after).await? {
                let waiting = self.waiting_for(name).await?;
                return Ok(EndpointRemoved { endpoint: name.clone(), removed_at, again, waiting, secret });
            }
        }
        Err(EndpointError::Contended(name.clone()))
    }
}
