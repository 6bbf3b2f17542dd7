//! The adapters for AWS, on the emulator that a test program shares: a table, a queue or a schedule
//! group of its own for each case.
#![expect(clippy::missing_panics_doc, reason = "they panic when the emulator refuses")]

use std::{
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_lambda::types::ScalingConfig;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};
use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    dynamodb::DynamoDbLedger,
    scheduler::{EventBridgeSchedules, ScheduleTarget},
    sdk::{self, SdkConfig},
    sqs::{SqsDeadLetters, SqsQueue},
    stack::{Stack, describe},
};
use pulse_core::{
    entry::StageName,
    keys::KeyRing,
    ports::{Clock, DeadLetters, DlqName, Gauges, Receipt, StageLanes, StageQueue, Undelivered},
};
use pulse_endpoints::AwsEndpointKeys;
use pulse_providers::secret::SecretStores;
use serde_json::{Value, json};

use super::{
    dead_letters::TestedLetters,
    gauges::{self, TestedGauges},
    queue::{Delivery, TestedQueue},
};
use crate::{deployed_stack::eventually, emulator, template::Template};

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

/// No address is suppressed, and nothing was told of mails. The deployment has a key.
///
/// # Panics
/// Never: it is a key.
pub async fn feedback() -> DynamoDbLedger {
    ledger().await.with_keys(KeyRing::parse(&ONE_KEY.into()).expect("a key"))
}

/// The keys of a deployment that has one.
pub const ONE_KEY: &str = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;

/// No endpoints, and no word for any.
pub async fn deliveries() -> DynamoDbLedger {
    ledger().await
}

/// No endpoint has a key.
#[must_use]
#[expect(clippy::unused_async, reason = "others make what they need")]
pub async fn endpoint_keys() -> AwsEndpointKeys {
    static MADE: AtomicU8 = AtomicU8::new(0);
    let random = || Ok([MADE.fetch_add(1, Ordering::Relaxed); 32]);
    AwsEndpointKeys::of_stack(SecretStores::new(&aws()), &unique("keys"), Box::new(random))
}

/// No control rows.
pub async fn control() -> DynamoDbLedger {
    ledger().await
}

/// No snapshot was taken.
pub async fn snapshots() -> DynamoDbLedger {
    ledger().await
}

/// No audit has run.
pub async fn audit_log() -> DynamoDbLedger {
    ledger().await
}

/// No campaign was started.
pub async fn campaigns() -> DynamoDbLedger {
    ledger().await
}

/// No order was given.
pub async fn orders() -> DynamoDbLedger {
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
        port: SqsDeadLetters::new(client.clone(), DlqName::Stage(StageName::Score), &url, &to),
        client,
        url,
        to,
    }
}

/// A dead-letter queue on the emulator.
#[derive(Debug)]
pub struct EmulatedLetters {
    port: SqsDeadLetters,
    client: aws_sdk_sqs::Client,
    url: String,
    to: String,
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

    async fn came_back(&self) -> Vec<(String, Option<String>)> {
        let group = MessageSystemAttributeName::MessageGroupId;
        let receive = self.client.receive_message().queue_url(&self.to).max_number_of_messages(10).wait_time_seconds(1);
        let receive = receive.message_system_attribute_names(group.clone());
        let mut came = Vec::new();
        loop {
            let received = receive.clone().send().await.unwrap();
            if received.messages().is_empty() {
                return came;
            }
            came.extend(received.messages().iter().map(|message| {
                let of = message.attributes().and_then(|all| all.get(&group)).cloned();
                (message.body().unwrap_or_default().to_owned(), of)
            }));
        }
    }
}

/// As the scheduler writes them.
fn attributes(undelivered: &Undelivered) -> Vec<(&'static str, String)> {
    let scheduled_at = undelivered.scheduled_at.map(|moment| ("SCHEDULED_TIME", moment.to_string()));
    let error = [("ERROR_CODE", undelivered.code.clone()), ("ERROR_MESSAGE", undelivered.message.to_string())];
    error.into_iter().chain(scheduled_at).collect()
}

/// A stack of queues, and of functions that nobody runs.
#[must_use]
pub async fn gauges() -> Stack {
    let name = unique("stack");
    let client = sdk::cloudformation_client(&aws());
    let create = client.create_stack().stack_name(&name).template_body(gauged_stack().to_string());
    create.capabilities("CAPABILITY_IAM".into()).send().await.unwrap();
    let outputs = eventually("the stack is there", async || {
        let found = describe(&client, &name).await.unwrap()?;
        (found.stack_status()?.as_str() == "CREATE_COMPLETE").then(|| (&found).into())
    });
    let stack = Stack { aws: aws(), outputs: outputs.await };
    // What the emulator drops from a template, or keeps as text.
    for stage in StageName::ALL {
        let StageLanes { maximum_concurrency, reserved_concurrency, .. } = gauges::lanes(*stage);
        let lambda = sdk::lambda_client(&stack.aws);
        let scaling = ScalingConfig::builder().maximum_concurrency(maximum_concurrency.try_into().unwrap()).build();
        let update = lambda.update_event_source_mapping().uuid(stack.of_stage(*stage, "MappingId").unwrap());
        update.scaling_config(scaling).enabled(false).send().await.unwrap();
        if let Some(reserved) = reserved_concurrency {
            let reserve = lambda.put_function_concurrency();
            let reserve = reserve.function_name(stack.of_stage(*stage, "FunctionName").unwrap());
            reserve.reserved_concurrent_executions(reserved.try_into().unwrap()).send().await.unwrap();
        }
    }
    stack
}

fn gauged_stack() -> Value {
    let queue = json!({
        "Type": "AWS::SQS::Queue", "Properties": { "MessageRetentionPeriod": gauges::RETENTION.as_secs() },
    });
    let lambda =
        json!({ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" });
    let trust = json!({ "Version": "2012-10-17", "Statement": [lambda] });
    let mut resources = json!({
        "Role": { "Type": "AWS::IAM::Role", "Properties": { "AssumeRolePolicyDocument": trust } },
        "ScheduleDlq": queue,
    });
    let mut outputs = json!({ "ScheduleDlqUrl": { "Value": { "Ref": "ScheduleDlq" } } });
    for id in ["FeedbackQueue", "FeedbackDlq", "UnsubscribeQueue", "UnsubscribeDlq"] {
        resources[id] = queue.clone();
        outputs[format!("{id}Url")] = json!({ "Value": { "Ref": id } });
    }
    for stage in StageName::ALL {
        let (title, lanes) = (stage.spec().title, gauges::lanes(*stage));
        let made = [
            ("Queue", queue.clone()),
            ("Dlq", queue.clone()),
            (
                "Function",
                json!({ "Type": "AWS::Lambda::Function", "Properties": {
                "Runtime": "python3.12", "Handler": "index.idle", "Code": { "ZipFile": "def idle(*_): pass" },
                "Role": { "Fn::GetAtt": ["Role", "Arn"] },
                "Environment": { "Variables": { "IN_FLIGHT": lanes.in_flight.to_string() } },
            } }),
            ),
            (
                "Mapping",
                json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "EventSourceArn": { "Fn::GetAtt": [format!("{title}Queue"), "Arn"] },
                "FunctionName": { "Ref": format!("{title}Function") }, "Enabled": false,
                "ScalingConfig": { "MaximumConcurrency": lanes.maximum_concurrency },
            } }),
            ),
        ];
        for (id, resource) in made {
            resources[format!("{title}{id}")] = resource;
        }
        for (output, id) in
            [("QueueUrl", "Queue"), ("DlqUrl", "Dlq"), ("FunctionName", "Function"), ("MappingId", "Mapping")]
        {
            outputs[format!("{title}{output}")] = json!({ "Value": { "Ref": format!("{title}{id}") } });
        }
    }
    json!({ "Resources": resources, "Outputs": outputs })
}

#[async_trait]
impl TestedGauges for Stack {
    fn port(&self) -> &dyn Gauges {
        self
    }

    async fn queue(&self, stage: StageName) {
        put(self.of_stage(stage, "QueueUrl").unwrap()).await;
    }

    async fn take(&self, stage: StageName) {
        let receive = sdk::sqs_client(&self.aws).receive_message().queue_url(self.of_stage(stage, "QueueUrl").unwrap());
        assert_eq!(receive.visibility_timeout(60).send().await.unwrap().messages().len(), 1);
    }

    async fn bury(&self, queue: DlqName) {
        put(match queue {
            DlqName::Stage(stage) => self.of_stage(stage, "DlqUrl").unwrap(),
            DlqName::Schedules => self.outputs.get("ScheduleDlqUrl").unwrap(),
            DlqName::Intake(queue) => self.of_intake(queue, "DlqUrl").unwrap(),
        })
        .await;
    }
}

async fn put(queue: &str) {
    sdk::sqs_client(&aws()).send_message().queue_url(queue).message_body("one").send().await.unwrap();
}
