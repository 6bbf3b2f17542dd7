//! Where orders are kept.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use pulse_core::{
    orders::{Order, OrderId, OrderKind},
    ports::{LedgerError, Orders},
};

use super::{
    DynamoDbLedger,
    attributes::text,
    keys::{self, Key},
    rows,
};

#[async_trait]
impl Orders for DynamoDbLedger {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        let row = self.row(Key::order(id)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError> {
        self.put_version(order.version, rows::order(order)?).await
    }

    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, limit: usize) -> Result<Vec<Order>, LedgerError> {
        // An order's rank begins with a digit, and all digits sort before it.
        let before = before.map_or(":", OrderId::rank);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND sk < :before")
            .expression_attribute_values(":pk", AttributeValue::S(keys::orders_of(kind)))
            .expression_attribute_values(":before", AttributeValue::S(before.to_owned()))
            .scan_index_forward(false);
        let rows = self.read_rows(query, limit, |row| Some(rows::parse(row))).await?;
        rows.into_iter().collect()
    }

    /// In the index while they are open, in one partition: half a read unit finds that there are none.
    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError> {
        let query = self
            .index("open")
            .key_condition_expression("open_shard = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(keys::OPEN_ORDERS.to_owned()));
        self.read_rows(query, limit, |row| keys::order_of(text(row, "pk"), text(row, "sk"))).await
    }
}
