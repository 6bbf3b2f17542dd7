//! How many mails came to what.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
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

/// The digest of what came with a token.
const BODY: &str = "body";

/// For how long an hour is kept.
const HOUR_KEPT: Duration = Duration::from_hours(400 * 24);

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

    /// A row for each token, which is gone a while after it counts.
    async fn remember_token(&self, token: &str, body: &str, until: Timestamp) -> Result<bool, LedgerError> {
        let Key { pk, sk } = Key::token(token);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(pk))
            .item("sk", AttributeValue::S(sk))
            .item(BODY, AttributeValue::S(body.to_owned()))
            .item("expires_at", AttributeValue::N(until.as_second().to_string()))
            .condition_expression(format!("attribute_not_exists(pk) OR {BODY} = :body"))
            .expression_attribute_values(":body", AttributeValue::S(body.to_owned()));
        let Err(error) = put.send().await else { return Ok(true) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(refusals::of_call(&error)),
        }
    }

    async fn feedback_counts(
        &self,
        run: RunId,
        from: Timestamp,
    ) -> Result<Vec<(Timestamp, FeedbackCounts)>, LedgerError> {
        self.read_rows(self.since_key(Key::feedback(run, from), keys::HOUR), usize::MAX, hour).await
    }
}

fn hour(row: &Attributes) -> Option<(Timestamp, FeedbackCounts)> {
    let counts = FeedbackCounts::from_fn(|count: FeedbackCount| {
        let name: &str = count.into();
        row.get(name).and_then(|number| number.as_n().ok()?.parse().ok()).unwrap_or_default()
    });
    Some((text(row, "sk").strip_prefix(keys::HOUR)?.parse().ok()?, counts))
}
