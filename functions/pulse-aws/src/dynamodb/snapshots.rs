//! The last snapshot, and points of those before.
//!
//! A snapshot is some 3 to 4 KB: a write of it takes three or four units, and a read half of one. A point is a write of one
//! unit, and reading those of a day takes some ten.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
use jiff::Timestamp;
use pulse_core::{
    ports::{LedgerError, Snapshots},
    snapshot::{CLOCKS_DIFFER, Point, Snapshot},
};

use super::{
    DynamoDbLedger,
    attributes::{Attributes, text},
    keys::{self, Key},
    refusals, rows,
};

/// For how long a point is kept.
const POINT_KEPT: Duration = Duration::from_hours(8 * 24);

/// For how long a wish is.
const WISH_KEPT: Duration = Duration::from_hours(1);

/// What a snapshot's place is told by: milliseconds, as numbers that can be compared.
const TAKEN: &str = "taken_ms";
const COUNTED: &str = "counted_ms";
const WANTED_AT: &str = "wanted_at";

#[async_trait]
impl Snapshots for DynamoDbLedger {
    /// One that another release has written counts as none: the next is written within minutes.
    async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let Some(row) = self.row_soon(Key::snapshot()).await? else { return Ok(None) };
        let read = rows::parse(&row);
        Ok(read.inspect_err(|error| tracing::warn!(%error, "the snapshot is of another release")).ok())
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<bool, LedgerError> {
        let counted_at = snapshot.run.as_ref().map_or(Timestamp::UNIX_EPOCH, |run| run.counted_at);
        let moments = [(TAKEN, snapshot.at), (COUNTED, counted_at)];
        let mut row = rows::snapshot(snapshot)?;
        let mut put = self.client.put_item().table_name(&self.table).condition_expression(format!(
            "attribute_not_exists(pk) OR {TAKEN} > :ahead OR ({TAKEN} <= :{TAKEN} AND {COUNTED} <= :{COUNTED})"
        ));
        let ahead = snapshot.at.saturating_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
        put = put.expression_attribute_values(":ahead", AttributeValue::N(ahead.as_millisecond().to_string()));
        for (name, moment) in moments {
            let number = AttributeValue::N(moment.as_millisecond().to_string());
            put = put.expression_attribute_values(format!(":{name}"), number.clone());
            row.insert(name.to_owned(), number);
        }
        if let Err(error) = put.set_item(Some(row)).send().await {
            return match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(refusals::of_call(&error)),
            };
        }
        let mut point = rows::point(&snapshot.point())?;
        point.insert("expires_at".to_owned(), expiry(snapshot.at, POINT_KEPT));
        self.put(point).await?;
        Ok(true)
    }

    async fn points(&self, from: Timestamp) -> Result<Vec<Point>, LedgerError> {
        let Key { pk, sk } = Key::point(from);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(sk))
            .expression_attribute_values(":to", AttributeValue::S(format!("{}~", keys::AT)));
        let points = self.read_rows(query, usize::MAX, |row| rows::parse(row).ok()).await?;
        Ok(points.into_iter().filter(|point: &Point| point.at >= from).collect())
    }

    async fn want_snapshot(&self, at: Timestamp) -> Result<(), LedgerError> {
        let Key { pk, sk } = Key::snapshot_wanted();
        let fields = [("pk", pk), ("sk", sk), (WANTED_AT, keys::sortable(at))];
        let mut row: Attributes = fields.map(|(name, text)| (name.to_owned(), AttributeValue::S(text))).into();
        row.insert("expires_at".to_owned(), expiry(at, WISH_KEPT));
        self.put(row).await
    }

    async fn snapshot_wanted_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ok(self.row_soon(Key::snapshot_wanted()).await?.and_then(|row| text(&row, WANTED_AT).parse().ok()))
    }
}

impl DynamoDbLedger {
    /// A row as it was a moment ago, for half of what it costs as it is.
    async fn row_soon(&self, key: Key) -> Result<Option<Attributes>, LedgerError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk));
        let answer = get.send().await.map_err(|error| refusals::of_call(&error))?;
        self.reads.add(answer.consumed_capacity());
        Ok(answer.item)
    }
}

fn expiry(at: Timestamp, kept: Duration) -> AttributeValue {
    AttributeValue::N(at.saturating_add(kept).unwrap_or(at).as_second().to_string())
}
