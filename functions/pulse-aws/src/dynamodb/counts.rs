//! Exact counts by queries over one partition of an index.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::query::{QueryError, QueryOutput, builders::QueryFluentBuilder},
    types::{AttributeValue, Select},
};
use pulse_core::ports::LedgerError;

use super::{DynamoDbLedger, attributes::text, refusals};

/// Sorts before every key that the tally index holds.
const BEFORE_ALL: &str = " ";
/// Sorts after every letter that a customer id may have.
const AFTER_ALL: char = '~';

impl DynamoDbLedger {
    /// Counts the rows of a partition of `open` by their table sort key and whether they are due at
    /// `now`. The runs can't be told from the index key, so this reads the keys, and nothing else.
    pub(super) async fn count_open(
        &self,
        shard: String,
        now: &str,
    ) -> Result<HashMap<(String, bool), u64>, LedgerError> {
        let query = self
            .index("open")
            .key_condition_expression("open_shard = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(shard))
            .projection_expression("sk, open_due");
        let mut counts = HashMap::new();
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            for row in page.items() {
                let due = text(row, "open_due") <= now;
                *counts.entry((text(row, "sk").to_owned(), due)).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// Counts the rows of a partition of `tally` whose keys begin with `beginning`, by what the keys have
    /// before the customer.
    pub(super) async fn count_by_prefix(
        &self,
        shard: String,
        beginning: &str,
    ) -> Result<Vec<(String, u64)>, LedgerError> {
        let mut counts = Vec::new();
        let mut after = if beginning.is_empty() { BEFORE_ALL } else { beginning }.to_owned();
        while let Some(prefix) = self.prefix_after(&shard, after).await?.filter(|found| found.starts_with(beginning)) {
            after = format!("{prefix}#{AFTER_ALL}");
            let count = self.count_prefix(&shard, &prefix).await?;
            counts.push((prefix, count));
        }
        Ok(counts)
    }

    async fn prefix_after(&self, shard: &str, after: String) -> Result<Option<String>, LedgerError> {
        let query = self
            .index("tally")
            .key_condition_expression("tally_shard = :shard AND tally_key > :after")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
            .expression_attribute_values(":after", AttributeValue::S(after))
            .limit(1);
        let answer = self.read_page(query.send().await)?;
        let key = answer.items().first().map(|row| text(row, "tally_key"));
        // Ids have no '#', so the last one ends the prefix.
        Ok(key.map(|key| key.rsplit_once('#').map_or(key, |(prefix, _)| prefix).to_owned()))
    }

    async fn count_prefix(&self, shard: &str, prefix: &str) -> Result<u64, LedgerError> {
        let query = self
            .index("tally")
            .key_condition_expression("tally_shard = :shard AND begins_with(tally_key, :prefix)")
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
            .expression_attribute_values(":prefix", AttributeValue::S(format!("{prefix}#")))
            .select(Select::Count);
        let mut count = 0;
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            count += u64::from(page.count().unsigned_abs());
        }
        Ok(count)
    }

    pub(super) fn index(&self, name: &str) -> QueryFluentBuilder {
        self.client.query().table_name(&self.table).index_name(name).set_return_consumed_capacity(self.reads.asks_for())
    }

    /// A page of a query, if it could be read.
    pub(super) fn read_page(
        &self,
        page: Result<QueryOutput, SdkError<QueryError>>,
    ) -> Result<QueryOutput, LedgerError> {
        let page = page.map_err(|error| refusals::of_call(&error))?;
        self.reads.add(page.consumed_capacity());
        Ok(page)
    }
}
