//! The adapters for AWS, on the emulator that a test program shares: a table, a queue or a schedule
//! group of its own for each case.
#![expect(clippy::missing_panics_doc, reason = "they panic when the emulator refuses")]

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    dynamodb::DynamoDbLedger,
    scheduler::{EventBridgeSchedules, ScheduleTarget},
    sdk::{self, SdkConfig},
    sqs::{SqsDeadLetters, SqsQueue},
};
use pulse_core::{
    entry::StageName,
    ports::{Clock, DeadLetters, DlqName, Receipt, StageQueue, Undelivered},
};
use serde_json::Value;

use super::{
    dead_letters::TestedLetters,
    queue::{Delivery, TestedQueue},
};
use crate::{emulator, template::Template};

/// The configuration to reach the shared emulator.
#[must_use]
pub fn aws() -> SdkConfig {
    sdk::for_emulator(emulator::shared().endpoint())
}

/// A name that no other case of this program has.
fn unique(what: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("conformance-{what}-{}", MADE.fetch_add(1, Ordering::Relaxed))
}

/// An empty ledger, on a table of the shape that template.yaml gives it.
#[must_use]
pub async fn ledger() -> DynamoDbLedger {
    let table = table().await;
    DynamoDbLedger::new(sdk::dynamodb_client(&aws()), table).metered()
}

/// No control rows.
pub async fn control() -> DynamoDbLedger {
    ledger().await
}

/// Makes an empty table and says its name.
pub async fn table() -> String {
    let template = Template::shipped().unwrap();
    let (_, shape) = template.resources("AWS::DynamoDB::Table").next().expect("a table in the template");
    let name = unique("table");
    let create = sdk::dynamodb_client(&aws())
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(each(shape, "AttributeDefinitions", attribute)))
        .set_key_schema(Some(each(shape, "KeySchema", key)))
        .set_global_secondary_indexes(Some(each(shape, "GlobalSecondaryIndexes", index)));
    create.send().await.unwrap();
    name
}

fn each<T>(value: &Value, list: &str, make: impl Fn(&Value) -> T) -> Vec<T> {
    value[list].as_array().expect(list).iter().map(make).collect()
}

fn text<'value>(value: &'value Value, field: &str) -> &'value str {
    value[field].as_str().expect(field)
}

fn attribute(value: &Value) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(text(value, "AttributeName"))
        .attribute_type(ScalarAttributeType::from(text(value, "AttributeType")))
        .build()
        .unwrap()
}

fn key(value: &Value) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(text(value, "AttributeName"))
        .key_type(KeyType::from(text(value, "KeyType")))
        .build()
        .unwrap()
}

fn index(value: &Value) -> GlobalSecondaryIndex {
    let projected = ProjectionType::from(text(&value["Projection"], "ProjectionType"));
    GlobalSecondaryIndex::builder()
        .index_name(text(value, "IndexName"))
        .set_key_schema(Some(each(value, "KeySchema", key)))
        .projection(Projection::builder().projection_type(projected).build())
        .build()
        .unwrap()
}

/// An empty schedule group, as the scheduler that uses it.
#[must_use]
pub async fn schedules() -> EventBridgeSchedules {
    schedules_of(&schedule_group().await)
}

/// The scheduler that uses a group.
#[must_use]
pub fn schedules_of(group: &str) -> EventBridgeSchedules {
    let target = ScheduleTarget {
        group: group.to_owned(),
        queue_arn: "arn:aws:sqs:us-east-1:000000000000:conformance-score".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/conformance".to_owned(),
        dead_letter_arn: "arn:aws:sqs:us-east-1:000000000000:conformance-dlq".to_owned(),
    };
    EventBridgeSchedules::new(sdk::scheduler_client(&aws()), target)
}

/// Makes an empty schedule group and says its name.
pub async fn schedule_group() -> String {
    let name = unique("group");
    sdk::scheduler_client(&aws()).create_schedule_group().name(&name).send().await.unwrap();
    name
}

/// An empty queue.
#[must_use]
pub async fn queue() -> EmulatedQueue {
    let client = sdk::sqs_client(&aws());
    let create =
        client.create_queue().queue_name(unique("queue")).attributes(QueueAttributeName::VisibilityTimeout, "60");
    let url = create.send().await.unwrap().queue_url.expect("a queue's URL");
    EmulatedQueue { port: SqsQueue::new(client.clone(), StageName::Score, &url), client, url }
}

/// A queue on the emulator.
#[derive(Debug)]
pub struct EmulatedQueue {
    port: SqsQueue,
    client: aws_sdk_sqs::Client,
    url: String,
}

impl EmulatedQueue {
    async fn receive_call(&self, patience: Duration) -> Vec<Delivery> {
        let call = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .wait_time_seconds(i32::try_from(patience.as_secs()).unwrap())
            // A long poll answers later than the clients that stages use would wait for.
            .customize()
            .config_override(aws_sdk_sqs::Config::builder().timeout_config(no_timeout()));
        let received = call.send().await.unwrap();
        received.messages().iter().map(delivery).collect()
    }
}

fn no_timeout() -> aws_sdk_sqs::config::timeout::TimeoutConfig {
    aws_sdk_sqs::config::timeout::TimeoutConfig::disabled()
}

fn delivery(message: &aws_sdk_sqs::types::Message) -> Delivery {
    let attribute = |name| {
        let attributes = message.attributes().expect("attributes");
        attributes[&name].parse().expect("a number")
    };
    let sent_at: i64 = attribute(MessageSystemAttributeName::SentTimestamp);
    let count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    Delivery {
        body: message.body().expect("a body").to_owned(),
        receipt: Receipt(message.receipt_handle().expect("a receipt").to_owned()),
        receive_count: u32::try_from(count).unwrap(),
        sent_at: Timestamp::from_millisecond(sent_at).unwrap(),
    }
}

impl Clock for EmulatedQueue {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

#[async_trait]
impl TestedQueue for EmulatedQueue {
    fn port(&self) -> &dyn StageQueue {
        &self.port
    }

    async fn receive(&self, patience: Duration) -> Vec<Delivery> {
        let mut received = self.receive_call(patience).await;
        while received.len() % 10 == 0 {
            let more = self.receive_call(Duration::ZERO).await;
            if more.is_empty() {
                break;
            }
            received.extend(more);
        }
        received
    }
}

/// An empty dead-letter queue.
#[must_use]
pub async fn dead_letters() -> EmulatedLetters {
    let client = sdk::sqs_client(&aws());
    let create = async |what| client.create_queue().queue_name(unique(what)).send().await.unwrap().queue_url.unwrap();
    let (url, to) = (create("dlq").await, create("queue").await);
    EmulatedLetters {
        port: SqsDeadLetters::new(client.clone(), DlqName::Stage(StageName::Score), &url, to),
        client,
        url,
    }
}

/// A dead-letter queue on the emulator.
#[derive(Debug)]
pub struct EmulatedLetters {
    port: SqsDeadLetters,
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Clock for EmulatedLetters {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

#[async_trait]
impl TestedLetters for EmulatedLetters {
    fn port(&self) -> &dyn DeadLetters {
        &self.port
    }

    async fn put(&self, body: &str, undelivered: Option<Undelivered>) {
        let mut send = self.client.send_message().queue_url(&self.url).message_body(body);
        for (name, value) in undelivered.iter().flat_map(attributes) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
            send = send.message_attributes(name, value);
        }
        send.send().await.unwrap();
    }
}

/// As the scheduler writes them.
fn attributes(undelivered: &Undelivered) -> Vec<(&'static str, String)> {
    let scheduled_at = undelivered.scheduled_at.map(|moment| ("SCHEDULED_TIME", moment.to_string()));
    let error = [("ERROR_CODE", undelivered.code.clone()), ("ERROR_MESSAGE", undelivered.message.to_string())];
    error.into_iter().chain(scheduled_at).collect()
}
