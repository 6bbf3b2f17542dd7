//! What is kept of the stages: pauses and breakers, and what came of the calls to their providers.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use pulse_core::{
    control::{CauseCounts, Control, MINUTE_CAUSES, MinuteOutcomes, Outcomes},
    entry::StageName,
    failure::Cause,
    ports::{Controls, LedgerError, MINUTES_KEPT, OutcomeLog, StageMemory},
    stable_hash::stable_hash,
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
const REFUSED: &str = "refused";
const SUCCEEDED_AT: &str = "succeeded_at";
const LEAVE_ALONE_UNTIL: &str = "leave_alone_until";

const SENT: &str = "sent";
/// In milliseconds.
const TOOK: &str = "took_ms";

/// The causes of a minute's failures, as a set; and of each, what begins the attribute that says how often: its hash ends it.
const CAUSES: &str = "causes";
const CAUSED: &str = "caused_";

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
        self.add_to_minute(Key::minute(stage, at), at, outcomes).await
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.minutes_since(Key::minute(stage, from)).await
    }
}

impl DynamoDbLedger {
    pub(super) async fn add_to_minute(&self, key: Key, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        let Err(known) = self.try_to_report(key.clone(), at, outcomes, None).await? else { return Ok(()) };
        // Seldom: a minute with so many causes, and one of this report's is new. Those that it knows are counted.
        self.try_to_report(key, at, outcomes, Some(&known)).await.map(drop)
    }

    pub(super) async fn minutes_since(&self, key: Key) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        let query = self.since_key(key, keys::MINUTE).consistent_read(true);
        self.read_rows(query, usize::MAX, minute).await
    }

    /// Adds to a minute's row as long as there is room for causes that may be new, or only those that are `known`. The inner
    /// error is the causes that it knows, if there is no room.
    async fn try_to_report(
        &self,
        Key { pk, sk }: Key,
        at: Timestamp,
        outcomes: &Outcomes,
        known: Option<&CauseCounts>,
    ) -> Result<Result<(), CauseCounts>, LedgerError> {
        let gone = at.saturating_add(MINUTES_KEPT).unwrap_or(at).as_second();
        let moments = [(SUCCEEDED_AT, outcomes.succeeded_at), (LEAVE_ALONE_UNTIL, outcomes.leave_alone_until)];
        let mut sets = vec!["expires_at = :gone".to_owned()];
        let mut adds = Vec::new();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .expression_attribute_values(":gone", number(&gone));
        let is_known = |cause: &Cause| known.is_none_or(|known| known.knows(cause));
        let causes: Vec<_> = outcomes.causes.reported().into_iter().filter(|(cause, _)| is_known(cause)).collect();
        let took = u64::try_from(outcomes.took.as_millis()).unwrap_or(u64::MAX);
        let counts = [
            (CALLS, outcomes.calls),
            (FAILURES, outcomes.failures),
            (SENT, outcomes.sent),
            (REFUSED, outcomes.refused),
            (TOOK, took),
        ];
        let counts = counts.map(|(name, count)| (name.to_owned(), count)).into_iter();
        for (name, count) in counts.chain(causes.iter().map(|(cause, count)| (caused(cause), *count))) {
            // The first two are there in every row of earlier releases too.
            if count > 0 || ![SENT, REFUSED, TOOK].contains(&&*name) {
                adds.push(format!("{name} :{name}"));
                update = update.expression_attribute_values(format!(":{name}"), number(&count));
            }
        }
        if !causes.is_empty() {
            let texts = causes.iter().map(|(cause, _)| cause.as_str().to_owned()).collect();
            adds.push(format!("{CAUSES} :{CAUSES}"));
            update = update.expression_attribute_values(format!(":{CAUSES}"), AttributeValue::Ss(texts));
        }
        if known.is_none() && !causes.is_empty() {
            let mut all_known = Vec::new();
            for (number, (cause, _)) in causes.iter().enumerate() {
                all_known.push(format!("contains({CAUSES}, :cause{number})"));
                let cause = AttributeValue::S(cause.as_str().to_owned());
                update = update.expression_attribute_values(format!(":cause{number}"), cause);
            }
            let all_known = all_known.join(" AND ");
            update = update
                .condition_expression(format!(
                    "attribute_not_exists({CAUSES}) OR size({CAUSES}) < :room OR ({all_known})"
                ))
                .expression_attribute_values(":room", number(&MINUTE_CAUSES))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        }
        for (name, moment) in moments {
            if let Some(moment) = moment {
                sets.push(format!("{name} = :{name}"));
                update =
                    update.expression_attribute_values(format!(":{name}"), AttributeValue::S(keys::sortable(moment)));
            }
        }
        let expression = format!("ADD {} SET {}", adds.join(", "), sets.join(", "));
        let Err(error) = update.update_expression(expression).send().await else { return Ok(Ok(())) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(full)) => {
                Ok(Err(full.item().map(causes_of).unwrap_or_default()))
            }
            _ => Err(refusals::of_call(&error)),
        }
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
            refused: count(REFUSED),
            succeeded_at: moment(SUCCEEDED_AT),
            leave_alone_until: moment(LEAVE_ALONE_UNTIL),
            sent: count(SENT),
            took: Duration::from_millis(count(TOOK)),
            causes: causes_of(row),
        },
    })
}

fn causes_of(row: &Attributes) -> CauseCounts {
    let mut causes = CauseCounts::default();
    for text in row.get(CAUSES).and_then(|texts| texts.as_ss().ok()).into_iter().flatten() {
        let cause = Cause::new(text);
        let count = row.get(&caused(&cause)).and_then(|count| count.as_n().ok()?.parse().ok()).unwrap_or_default();
        causes.insert(cause, count);
    }
    causes
}

/// The attribute that says how often a cause was the reason. Two of the same hash in one minute would share it.
fn caused(cause: &Cause) -> String {
    format!("{CAUSED}{:08x}", stable_hash("cause", cause.as_str()) >> 32)
}

fn number<N: ToString>(number: &N) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
