//! What operators alone do: suppressed addresses as a list, and all of a customer's notes.

use std::cmp::Reverse;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    ports::{Activity, CustomerNotes, LedgerError, SuppressionFound, SuppressionList, SuppressionsFound},
    suppression::SuppressionReason,
};

use super::{
    DynamoDbLedger,
    attributes::text,
    keys::{self, Key, SHARDS, SuppressedAs},
    refusals, rows,
};

/// Rows that are read or deleted side by side.
const AT_ONCE: usize = 16;

#[async_trait]
impl CustomerNotes for DynamoDbLedger {
    async fn all_notes(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        self.newest_of(customer, keys::ACTIVITY, None).await
    }

    async fn erase_notes(&self, customer: &CustomerId) -> Result<u64, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", AttributeValue::S(keys::partition(customer)))
            .expression_attribute_values(":kind", AttributeValue::S(keys::ACTIVITY.to_owned()))
            .projection_expression("pk, sk");
        let found = self.read_rows(query, usize::MAX, |row| Some(text(row, "sk").to_owned())).await?;
        let count = found.len() as u64;
        let deletes = found.into_iter().map(|sk| self.delete(Key { pk: keys::partition(customer), sk }));
        stream::iter(deletes).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(count)
    }
}

#[async_trait]
impl SuppressionList for DynamoDbLedger {
    async fn digest_of(&self, address: &EmailAddress) -> Result<String, LedgerError> {
        let key = Key::suppression(address, self.keys.get().await?.as_ref());
        Ok(key.pk.strip_prefix(keys::SUPPRESSED).unwrap_or(&key.pk).to_owned())
    }

    /// The index holds keys only, so that counting reads no row, and the newest are read one by one.
    async fn suppressions(&self, now: Timestamp, limit: usize) -> Result<SuppressionsFound, LedgerError> {
        let kinds = SuppressionReason::ALL.iter().copied().map(SuppressedAs::For).chain([SuppressedAs::Released]);
        let of_kinds = try_join_all(kinds.map(async |kind| {
            let from = kind.begins(now);
            let shards = try_join_all((0..SHARDS).map(|shard| self.suppressed_of(shard, kind, &from, limit))).await?;
            Ok::<_, LedgerError>((kind, shards))
        }));
        let mut found = SuppressionsFound::default();
        let mut newest = Vec::new();
        for (kind, shards) in of_kinds.await? {
            let count: u64 = shards.iter().map(|(count, _)| count).sum();
            newest.extend(shards.into_iter().flat_map(|(_, newest)| newest));
            match kind {
                SuppressedAs::For(reason) if count > 0 => drop(found.by_reason.insert(reason, count)),
                SuppressedAs::For(_) => {}
                SuppressedAs::Released => found.released = count,
            }
        }
        newest.sort_by(|(one, _), (other, _)| other.cmp(one));
        newest.truncate(limit);
        let read = newest.into_iter().map(async |(_, pk)| {
            let row = self.row(Key { pk: pk.clone(), sk: keys::SUPPRESSION.to_owned() }).await?;
            let digest = pk.strip_prefix(keys::SUPPRESSED).unwrap_or(&pk).to_owned();
            let suppression = row.as_ref().map(rows::parse).transpose()?;
            Ok::<_, LedgerError>(suppression.map(|suppression| SuppressionFound { digest, suppression }))
        });
        let read: Vec<_> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        found.newest = read.into_iter().flatten().collect();
        found.newest.sort_by_key(|found| Reverse(found.suppression.changed_at()));
        Ok(found)
    }
}

impl DynamoDbLedger {
    /// How many of a shard there are of a kind, and the moments and primary keys of the newest.
    async fn suppressed_of(
        &self,
        shard: u64,
        kind: SuppressedAs,
        from: &str,
        limit: usize,
    ) -> Result<(u64, Vec<(String, String)>), LedgerError> {
        let query = || -> QueryFluentBuilder {
            self.index("tally")
                .key_condition_expression("tally_shard = :shard AND tally_key BETWEEN :from AND :to")
                .expression_attribute_values(":shard", AttributeValue::S(keys::suppressed_shard(shard)))
                .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
                .expression_attribute_values(":to", AttributeValue::S(format!("{}~", kind.prefix())))
        };
        let mut count = 0;
        let mut pages = query().select(Select::Count).into_paginator().send();
        while let Some(page) = pages.next().await {
            count += u64::from(self.read_page(page)?.count().unsigned_abs());
        }
        if count == 0 || limit == 0 {
            return Ok((count, Vec::new()));
        }
        let prefix = kind.prefix();
        let moment_and_key = |row: &super::attributes::Attributes| {
            let (moment, _) = text(row, "tally_key").strip_prefix(&prefix)?.split_once('#')?;
            Some((moment.to_owned(), text(row, "pk").to_owned()))
        };
        let newest = query().scan_index_forward(false).projection_expression("pk, tally_key");
        Ok((count, self.read_rows(newest, limit, moment_and_key).await?))
    }

    async fn delete(&self, key: Key) -> Result<(), LedgerError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk));
        delete.send().await.map(drop).map_err(|error| refusals::of_call(&error))
    }
}
