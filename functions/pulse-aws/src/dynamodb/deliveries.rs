//! Where endpoints are kept, and word on its way to them.

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::delete_item::DeleteItemError, types::AttributeValue};
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    control::{MinuteOutcomes, Outcomes},
    delivery::{Delivery, DeliveryChange, DeliveryId, Endpoint, EndpointControl, EndpointName, Line},
    entry::Awaited,
    ports::{Deliveries, EndpointControls, Endpoints, LedgerError, RowId},
};
use serde::de::DeserializeOwned;

use super::{
    DynamoDbLedger,
    attributes::text,
    keys::{self, Key, SHARDS},
    refusals, rows,
};

#[async_trait]
impl Endpoints for DynamoDbLedger {
    async fn endpoints(&self) -> Result<Vec<Endpoint>, LedgerError> {
        self.all_of(keys::ENDPOINTS.to_owned(), "").await
    }

    async fn save_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let endpoint = Endpoint { version: endpoint.version + 1, ..endpoint.clone() };
        self.put_version(endpoint.version, rows::endpoint(&endpoint)?).await
    }

    async fn remove_endpoint(&self, endpoint: &Endpoint) -> Result<bool, LedgerError> {
        let Key { pk, sk } = Key::endpoint(&endpoint.name);
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .condition_expression("#version = :read")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", AttributeValue::N(endpoint.version.to_string()));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(refusals::of_call(&error)),
        }
    }
}

#[async_trait]
impl EndpointControls for DynamoDbLedger {
    async fn endpoint_control(&self, name: &EndpointName) -> Result<EndpointControl, LedgerError> {
        let row = self.row(Key::endpoint_control(name)).await?;
        row.as_ref().map_or_else(|| Ok(EndpointControl::default()), rows::parse)
    }

    async fn save_endpoint_control(&self, name: &EndpointName, control: &EndpointControl) -> Result<bool, LedgerError> {
        self.put_version(control.version, rows::endpoint_control(name, control)?).await
    }

    async fn report_endpoint(
        &self,
        name: &EndpointName,
        at: Timestamp,
        outcomes: &Outcomes,
    ) -> Result<(), LedgerError> {
        self.add_to_minute(Key::endpoint_minute(name, at), at, outcomes).await
    }

    async fn endpoint_minutes(&self, name: &EndpointName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.minutes_since(Key::endpoint_minute(name, from)).await
    }
}

#[async_trait]
impl Deliveries for DynamoDbLedger {
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<Delivery>, LedgerError> {
        let row = self.row(Key::delivery(id)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn line(&self, line: &Line) -> Result<Vec<Delivery>, LedgerError> {
        self.all_of(keys::owner_partition(&line.owner), &keys::deliveries_to(&line.endpoint)).await
    }

    async fn apply_delivery(&self, change: &DeliveryChange) -> Result<(), LedgerError> {
        let is_written = self.put_version(change.after().version(), rows::delivery(change.after())?).await?;
        if is_written { Ok(()) } else { Err(LedgerError::Conflict(RowId::from(change.after().id()))) }
    }

    /// Asks every shard for its share, as with entries.
    async fn overdue_deliveries(
        &self,
        endpoint: &EndpointName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, LedgerError> {
        let share = limit.div_ceil(usize::try_from(SHARDS).unwrap_or(1));
        let before = keys::sortable(before);
        let shards = (0..SHARDS).map(async |shard| {
            let query = self.waiting_in(keys::delivery_shard(endpoint, awaited, shard), &before);
            self.read_rows(query, share, |row| {
                Some((text(row, "open_due").to_owned(), keys::delivery_of(text(row, "sk"))?))
            })
            .await
        });
        let mut found: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        found.sort();
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }
}

impl DynamoDbLedger {
    /// All rows of a partition whose sort keys begin like this, by a strongly consistent read.
    async fn all_of<T: DeserializeOwned>(&self, pk: String, kind: &str) -> Result<Vec<T>, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .set_return_consumed_capacity(self.reads.asks_for())
            .expression_attribute_values(":pk", AttributeValue::S(pk));
        let query = match kind {
            "" => query.key_condition_expression("pk = :pk"),
            kind => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
                .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned())),
        };
        let rows = self.read_rows(query, usize::MAX, |row| Some(rows::parse(row))).await?;
        rows.into_iter().collect()
    }
}
