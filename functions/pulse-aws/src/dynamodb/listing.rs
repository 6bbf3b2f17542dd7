//! Entries and customers as lists, from the keys that the indexes hold.

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::{Addressee, EntryId, StageName},
    ports::{Awaited, LedgerError, LedgerListing, OpenEntries, TallyKey},
    run::RunId,
};

use super::{
    DynamoDbLedger,
    attributes::{Attributes, text},
    keys::{self, Key, SHARDS},
};

#[async_trait]
impl OpenEntries for DynamoDbLedger {
    /// Asks every shard for its share: what waits longest in one may wait less long than what another
    /// leaves out, until the next time.
    async fn overdue(
        &self,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let share = limit.div_ceil(usize::try_from(SHARDS).unwrap_or(1));
        let before = keys::sortable(before);
        let shards = (0..SHARDS).map(|shard| self.overdue_of(keys::open_shard(stage, awaited, shard), &before, share));
        let mut found: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        found.sort();
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }
}

#[async_trait]
impl LedgerListing for DynamoDbLedger {
    fn parts(&self) -> u64 {
        SHARDS
    }

    async fn active_customers(&self, part: u64) -> Result<Vec<CustomerId>, LedgerError> {
        let query = self.with_prefix(keys::roster_shard(part), "ACTIVE#".to_owned()).projection_expression("pk");
        self.read_rows(query, usize::MAX, |row| keys::customer_of(text(row, "pk"))).await
    }

    /// The index is sorted by standing and id. Of two conditions on a sort key it takes one, so the bounds say both.
    async fn active_page(
        &self,
        part: u64,
        prefix: &str,
        after: Option<&CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, LedgerError> {
        let (from, to) = keys::active_between(prefix, after);
        let query = self
            .index("tally")
            .key_condition_expression("tally_shard = :shard AND tally_key BETWEEN :from AND :to")
            .expression_attribute_values(":shard", AttributeValue::S(keys::roster_shard(part)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .projection_expression("pk");
        self.read_rows(query, limit, |row| keys::customer_of(text(row, "pk"))).await
    }

    async fn open_entries(&self, part: u64) -> Result<Vec<EntryId>, LedgerError> {
        let partitions = keys::all_awaited().map(|(stage, awaited)| {
            let query = self
                .index("open")
                .key_condition_expression("open_shard = :shard")
                .expression_attribute_values(":shard", AttributeValue::S(keys::open_shard(stage, awaited, part)))
                .projection_expression("pk, sk");
            self.read_rows(query, usize::MAX, entry_of)
        });
        Ok(try_join_all(partitions).await?.into_iter().flatten().collect())
    }

    /// As with a page of active customers, the bounds say both which outcome and after whom.
    async fn closed_entries(
        &self,
        run: RunId,
        key: TallyKey,
        after: Option<&Addressee>,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let Some((from, to)) = keys::closed_between(run, key, after) else { return Ok(Vec::new()) };
        let shards = keys::closed_shards(run).into_iter().map(|shard| {
            let query = self
                .index("tally")
                .key_condition_expression("tally_shard = :shard AND tally_key BETWEEN :from AND :to")
                .expression_attribute_values(":shard", AttributeValue::S(shard))
                .expression_attribute_values(":from", AttributeValue::S(from.clone()))
                .expression_attribute_values(":to", AttributeValue::S(to.clone()));
            self.read_rows(query, limit, entry_of)
        });
        let mut ids: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        ids.sort();
        ids.truncate(limit);
        Ok(ids)
    }
}

impl DynamoDbLedger {
    async fn overdue_of(
        &self,
        shard: String,
        before: &str,
        limit: usize,
    ) -> Result<Vec<(String, EntryId)>, LedgerError> {
        let query = self.waiting_in(shard, before);
        self.read_rows(query, limit, |row| Some((text(row, "open_due").to_owned(), entry_of(row)?))).await
    }

    /// What has waited in a partition of the index `open` since `before` or longer, the longest waiting first.
    pub(super) fn waiting_in(&self, shard: String, before: &str) -> QueryFluentBuilder {
        self.index("open")
            .key_condition_expression("open_shard = :shard AND open_due <= :before")
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":before", AttributeValue::S(before.to_owned()))
    }

    pub(super) fn with_prefix(&self, shard: String, prefix: String) -> QueryFluentBuilder {
        self.index("tally")
            .key_condition_expression("tally_shard = :shard AND begins_with(tally_key, :prefix)")
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix))
    }

    /// Rows of a kind in a partition, from a key on, in the order of their keys.
    pub(super) fn since_key(&self, Key { pk, sk }: Key, kind: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(sk))
            .expression_attribute_values(":to", AttributeValue::S(format!("{kind}~")))
    }

    /// What at most `limit` of a query's rows hold, page by page: as keys, a roster's rows are a tenth of what
    /// they are as attributes. A page is as long as `DynamoDB` makes it, at most a megabyte of keys; a small
    /// limit asks for no more than it wants.
    pub(super) async fn read_rows<T>(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
        read: impl Fn(&Attributes) -> Option<T>,
    ) -> Result<Vec<T>, LedgerError> {
        let page_limit = i32::try_from(limit).ok().filter(|limit| (1..=1_000).contains(limit));
        let mut found = Vec::new();
        let mut pages = query.set_limit(page_limit).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            found.extend(page.items().iter().filter_map(&read));
            if found.len() >= limit {
                found.truncate(limit);
                break;
            }
        }
        Ok(found)
    }
}

pub(super) fn entry_of(row: &Attributes) -> Option<EntryId> {
    keys::entry_of(text(row, "pk"), text(row, "sk"))
}
