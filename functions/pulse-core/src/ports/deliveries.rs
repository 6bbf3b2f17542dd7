use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::{
    control::{MinuteOutcomes, Outcomes},
    delivery::{Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointControl, EndpointName, Line},
    entry::Awaited,
};

/// Where endpoints are kept. Reads are strongly consistent.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// All of them, by name: there are a few.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, LedgerError>;

    /// Writes an endpoint over the one that it was read as: the version that it has, which becomes the next one; version 0 is
    /// a new one. False, and nothing is written, if another is there.
    async fn save_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError>;

    /// Takes an endpoint away if it is of the version that was read. Says whether it was. What waits for it stays, and is
    /// nobody's.
    async fn remove_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError>;
}

/// What holds word back from endpoints, and what came of the calls to them. Reads are strongly consistent.
#[async_trait]
pub trait EndpointControls: Send + Sync {
    /// An endpoint's control row; an empty one, of version 0, if there is none.
    async fn endpoint_control(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError>;

    /// Writes a row if the one that is there is of the version before. Says whether it was.
    async fn save_endpoint_control(&self, name: &EndpointName, control: &EndpointControl) -> Result<bool, LedgerError>;

    /// Adds to the minute that `at` is in, as [`OutcomeLog::report`](super::OutcomeLog::report) does for a stage.
    async fn report_endpoint(&self, name: &EndpointName, at: Timestamp, outcomes: &Outcomes)
    -> Result<(), LedgerError>;

    /// The minutes from the one that `from` is in, the oldest first. Those without calls are left out.
    async fn endpoint_minutes(&self, name: &EndpointName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError>;
}

/// Word that is on its way to endpoints, or got there lately. It is written together with what makes it
/// ([`Ledger::apply`](super::Ledger::apply)).
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// A delivery, by a strongly consistent read.
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<Delivery>, LedgerError>;

    /// A line's deliveries, by a strongly consistent read: those that are open, and those that were closed in the weeks
    /// before.
    async fn line(&self, line: &Line) -> Result<Vec<Delivery>, LedgerError>;

    /// Writes a change if the delivery still is at [`DeliveryChange::expected_version`].
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when it has another version: nothing is written then.
    async fn apply_delivery(&self, change: &DeliveryChange) -> Result<(), LedgerError>;

    /// Open deliveries to an endpoint whose message has been [awaited](Delivery::awaited) since `before` or longer: at most
    /// `limit`, about the longest waiting first. The answer may be some seconds old: read a delivery before acting on it.
    async fn overdue_deliveries(
        &self,
        endpoint: &EndpointName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, LedgerError>;
}
