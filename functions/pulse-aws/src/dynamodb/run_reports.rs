//! One run, counted exactly.
//!
//! What it takes for 600,000 customers, in read request units (Amazon `DynamoDB` Developer Guide, "Read
//! consistency": half a unit for 4 KB that are read eventually consistent) and in time: a row of a
//! keys-only index has some 130 bytes, so each of the roster, the run's closed entries and the open
//! entries are at most 78 MB, 9,750 units: 29,250 in all to count. A partition of an index holds an eighth,
//! ten pages of a megabyte that come one after the other, some 60 ms each, and all partitions are asked at
//! once: about a second. A partition gives 3,000 units a second and these take 1,220 of it. Listing who has
//! no entry in the run reads the same rows once more.

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    ports::{LedgerError, OpenKey, ReadUnits, RunCounts, RunReports},
    run::RunId,
};

use super::{
    DynamoDbLedger,
    attributes::text,
    keys::{self, SHARDS},
    reports::unknown,
};

#[async_trait]
impl RunReports for DynamoDbLedger {
    async fn run_counts_in(&self, parts: Range<u64>, run: RunId, now: Timestamp) -> Result<RunCounts, LedgerError> {
        let shards = parts.start..parts.end.min(SHARDS);
        let partitions = keys::all_awaited().flat_map(|(stage, awaited)| {
            let of_due = move |is_due| OpenKey { stage, awaited, is_due };
            shards.clone().flat_map(move |shard| [(of_due(true), shard), (of_due(false), shard)])
        });
        let open = try_join_all(partitions.map(|(key, shard)| self.open_of_run(key, shard, run, now)));
        let closed = try_join_all(shards.clone().map(|shard| self.closed_of_run(shard, run)));
        let (open, closed, roster) = futures::try_join!(open, closed, self.roster_in(shards.clone()))?;
        let mut counts = RunCounts { roster, ..RunCounts::default() };
        for (key, count) in open.into_iter().filter(|(_, count)| *count > 0) {
            *counts.open.entry(key).or_default() += count;
        }
        for (prefix, count) in closed.into_iter().flatten() {
            let (_, key) = keys::parse_outcome(&prefix).ok_or_else(|| unknown(&prefix))?;
            *counts.closed.entry(key).or_default() += count;
        }
        Ok(counts)
    }

    async fn closed_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let query = self.with_prefix(keys::roster_shard(part), "CLOSED#".to_owned()).projection_expression("pk");
        self.read_rows(query, usize::MAX, |row| keys::customer_of(text(row, "pk"))).await
    }

    async fn closed_in_run(&self, part: u64, run: RunId) -> Result<Vec<CustomerId>, LedgerError> {
        let query = self.with_prefix(keys::closed_shard(part), keys::run_prefix(run)).projection_expression("pk");
        self.read_rows(query, usize::MAX, |row| keys::customer_of(text(row, "pk"))).await
    }

    fn read_units(&self) -> ReadUnits {
        self.reads.read_units()
    }
}

impl DynamoDbLedger {
    /// The runs can't be told from the index key, so this is sent the table's sort keys, and nothing else.
    async fn open_of_run(
        &self,
        key: OpenKey,
        shard: u64,
        run: RunId,
        now: Timestamp,
    ) -> Result<(OpenKey, u64), LedgerError> {
        let condition = if key.is_due { "open_due <= :now" } else { "open_due > :now" };
        let query = self
            .index("open")
            .key_condition_expression(format!("open_shard = :shard AND {condition}"))
            .expression_attribute_values(":shard", AttributeValue::S(keys::open_shard(key.stage, key.awaited, shard)))
            .expression_attribute_values(":now", AttributeValue::S(keys::sortable(now)))
            .projection_expression("sk");
        let sort_key = keys::sort_key(run);
        let mut count = 0;
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            count += page.items().iter().filter(|row| text(row, "sk") == sort_key).count() as u64;
        }
        Ok((key, count))
    }

    async fn closed_of_run(&self, shard: u64, run: RunId) -> Result<Vec<(String, u64)>, LedgerError> {
        self.count_by_prefix(keys::closed_shard(shard), &keys::run_prefix(run)).await
    }
}
