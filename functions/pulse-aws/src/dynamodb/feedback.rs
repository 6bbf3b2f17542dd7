//! How many mails came to what.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use pulse_core::{
    feedback::{FeedbackCount, FeedbackCounts},
    ports::{FeedbackLog, LedgerError},
    run::RunId,
};

use super::{
    DynamoDbLedger,
    attributes::{Attributes, text},
    keys::{self, Key},
    refusals,
};

/// For how long an hour is kept.
const HOUR_KEPT: Duration = Duration::from_hours(400 * 24);

impl DynamoDbLedger {
    /// Keeps that `digest` came with `content`, until then. False, if it came with another before.
    ///
    /// # Errors
    /// When the table can't be used. Do it again.
    pub async fn counts_once(&self, digest: &str, content: &str, until: Timestamp) -> Result<bool, LedgerError> {
        let Key { pk, sk } = Key::once(digest);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression("SET content = if_not_exists(content, :content), expires_at = :gone")
            .expression_attribute_values(":content", AttributeValue::S(content.to_owned()))
            .expression_attribute_values(":gone", AttributeValue::N(until.as_second().to_string()))
            .return_values(ReturnValue::AllNew);
        let after = update.send().await.map_err(|error| refusals::of_call(&error))?;
        let first = after.attributes().and_then(|row| row.get("content")?.as_s().ok());
        Ok(first.is_some_and(|first| first == content))
    }
}

#[async_trait]
impl FeedbackLog for DynamoDbLedger {
    async fn count_feedback(&self, run: RunId, at: Timestamp, counts: &FeedbackCounts) -> Result<(), LedgerError> {
        let Key { pk, sk } = Key::feedback(run, at);
        let gone = at.saturating_add(HOUR_KEPT).unwrap_or(at).as_second();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .expression_attribute_values(":gone", AttributeValue::N(gone.to_string()));
        let mut adds = Vec::new();
        for (count, more) in counts.iter().filter(|(_, more)| **more > 0) {
            let name: &str = count.into();
            adds.push(format!("{name} :{name}"));
            update = update.expression_attribute_values(format!(":{name}"), AttributeValue::N(more.to_string()));
        }
        if adds.is_empty() {
            return Ok(());
        }
        let expression = format!("ADD {} SET expires_at = :gone", adds.join(", "));
        let done = update.update_expression(expression).send().await;
        done.map(drop).map_err(|error| refusals::of_call(&error))
    }

    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError> {
        let Key { pk, sk } = Key::feedback(run, from);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(sk))
            .expression_attribute_values(":to", AttributeValue::S(format!("{}~", keys::HOUR)));
        let mut hours = Vec::new();
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            hours.extend(page.items().iter().filter_map(hour));
        }
        Ok(hours)
    }
}

fn hour(row: &Attributes) -> Option<(Timestamp, FeedbackCounts)> {
    let counts = FeedbackCounts::from_fn(|count: FeedbackCount| {
        let name: &str = count.into();
        row.get(name).and_then(|number| number.as_n().ok()?.parse().ok()).unwrap_or_default()
    });
    Some((text(row, "sk").strip_prefix(keys::HOUR)?.parse().ok()?, counts))
}
