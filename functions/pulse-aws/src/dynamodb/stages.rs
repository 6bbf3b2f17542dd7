//! What is kept of the stages: pauses and breakers, and what came of the calls to their providers.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pulse_core::{
    control::{Control, MinuteOutcomes, Outcomes},
    entry::StageName,
    failure::Cause,
    ports::{Controls, LedgerError, OutcomeLog, StageMemory},
};

use super::{
    DynamoDbLedger,
    attributes::{Attributes, text},
    keys::{self, Key},
    refusals, rows,
};

const HELD_UP_AT: &str = "held_up_at";
const CALLS: &str = "calls";
const FAILURES: &str = "failures";
const SUCCEEDED_AT: &str = "succeeded_at";
const LEAVE_ALONE_UNTIL: &str = "leave_alone_until";

/// For how long a minute is kept, at least.
const MINUTE_KEPT: Duration = Duration::from_hours(6);

#[async_trait]
impl StageMemory for DynamoDbLedger {
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError> {
        let key = Key::held_up(stage);
        let name = key.to_string();
        let Some(row) = self.row(key).await? else { return Ok(None) };
        let moment = text(&row, HELD_UP_AT).parse();
        moment.map(Some).map_err(|_| LedgerError::Broken(Cause::new(format!("Row {name} holds no moment: delete it."))))
    }

    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError> {
        let Key { pk, sk } = Key::held_up(stage);
        let fields = [("pk", pk), ("sk", sk), (HELD_UP_AT, keys::sortable(at))];
        let row: Attributes = fields.map(|(name, text)| (name.to_owned(), AttributeValue::S(text))).into();
        self.put(row).await
    }
}

#[async_trait]
impl Controls for DynamoDbLedger {
    async fn control(&self, stage: StageName) -> Result<Control, LedgerError> {
        let row = self.row(Key::control(stage)).await?;
        row.as_ref().map_or_else(|| Ok(Control::default()), rows::parse)
    }

    async fn save(&self, stage: StageName, control: &Control) -> Result<bool, LedgerError> {
        self.put_control(stage, control).await
    }
}

#[async_trait]
impl OutcomeLog for DynamoDbLedger {
    /// Counts are added where they are, so reports of many invocations at once are all counted. One that
    /// is sent again because its answer was lost counts twice, which moves no judgement by much.
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        let Key { pk, sk } = Key::minute(stage, at);
        let gone = at.saturating_add(MINUTE_KEPT).unwrap_or(at).as_second();
        let moments = [(SUCCEEDED_AT, outcomes.succeeded_at), (LEAVE_ALONE_UNTIL, outcomes.leave_alone_until)];
        let mut sets = vec!["expires_at = :gone".to_owned()];
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .expression_attribute_values(":gone", number(&gone))
            .expression_attribute_values(":calls", number(&outcomes.calls))
            .expression_attribute_values(":failures", number(&outcomes.failures));
        for (name, moment) in moments {
            if let Some(moment) = moment {
                sets.push(format!("{name} = :{name}"));
                update =
                    update.expression_attribute_values(format!(":{name}"), AttributeValue::S(keys::sortable(moment)));
            }
        }
        let expression = format!("ADD {CALLS} :calls, {FAILURES} :failures SET {}", sets.join(", "));
        let done = update.update_expression(expression).send().await;
        done.map(drop).map_err(|error| refusals::of_call(&error))
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        let query = self.since_key(Key::minute(stage, from), keys::MINUTE).consistent_read(true);
        self.read_rows(query, usize::MAX, minute).await
    }
}

fn minute(row: &Attributes) -> Option<MinuteOutcomes> {
    let count = |name: &str| row.get(name).and_then(|count| count.as_n().ok()?.parse().ok()).unwrap_or_default();
    let moment = |name: &str| text(row, name).parse().ok();
    Some(MinuteOutcomes {
        starts: text(row, "sk").strip_prefix(keys::MINUTE)?.parse().ok()?,
        outcomes: Outcomes {
            calls: count(CALLS),
            failures: count(FAILURES),
            succeeded_at: moment(SUCCEEDED_AT),
            leave_alone_until: moment(LEAVE_ALONE_UNTIL),
        },
    })
}

fn number<N: ToString>(number: &N) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
