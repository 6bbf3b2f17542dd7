use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    control::{MinuteOutcomes, Outcomes},
    delivery::{Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointControl, EndpointName, Line},
    ports::{Awaited, Deliveries, EndpointControls, Endpoints, LedgerError},
};

use super::distant::DistantLedger;
use crate::ledger::Touch;

#[async_trait]
impl Endpoints for DistantLedger {
    async fn endpoints(&self) -> Result<Vec<Endpoint>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.endpoints()).await
    }

    async fn save_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.save_endpoint(endpoint)).await
    }

    async fn remove_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        self.call(Touch::Write, self.ledger.remove_endpoint(endpoint)).await
    }
}

#[async_trait]
impl EndpointControls for DistantLedger {
    async fn endpoint_control(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError> {
        self.heard(Touch::Rows, self.ledger.endpoint_control(name)).await
    }

    async fn save_endpoint_control(&self, name: &EndpointName, control: &EndpointControl) -> Result<bool, LedgerError> {
        self.call(Touch::Write, async {
            let saved = self.ledger.save_endpoint_control(name, control).await?;
            self.line(|| format!("endpoint {name}'s control row: {control:?}, written: {saved}"));
            Ok(saved)
        })
        .await
    }

    async fn report_endpoint(
        &self,
        name: &EndpointName,
        at: Timestamp,
        outcomes: &Outcomes,
    ) -> Result<(), LedgerError> {
        self.call(Touch::Write, self.ledger.report_endpoint(name, at, outcomes)).await
    }

    async fn endpoint_minutes(&self, name: &EndpointName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.heard(Touch::Rows, self.ledger.endpoint_minutes(name, from)).await
    }
}

#[async_trait]
impl Deliveries for DistantLedger {
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<Delivery>, LedgerError> {
        self.call(Touch::Rows, self.ledger.delivery(id)).await
    }

    async fn line(&self, line: &Line) -> Result<Vec<Delivery>, LedgerError> {
        self.call(Touch::Rows, self.ledger.line(line)).await
    }

    async fn apply_delivery(&self, change: &DeliveryChange) -> Result<(), LedgerError> {
        self.call(Touch::Write, async {
            let applied = self.ledger.apply_delivery(change).await;
            let after = change.after();
            self.line(|| {
                let how = if applied.is_ok() { "is" } else { "couldn't become" };
                format!("{} {how} {:?} (version {})", after.id(), after.progress(), after.version())
            });
            applied
        })
        .await
    }

    async fn overdue_deliveries(
        &self,
        endpoint: &EndpointName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, LedgerError> {
        // As with entries, a minute's tick mostly finds nothing.
        self.heard_at_once(Touch::Open, self.ledger.overdue_deliveries(endpoint, awaited, before, limit)).await
    }
}
