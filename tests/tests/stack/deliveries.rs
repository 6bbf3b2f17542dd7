//! Other systems, told of what happens by the deployed functions, each with its own role.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_sdk_sqs::types::QueueAttributeName;
use axum::{http::StatusCode, response::IntoResponse as _};
use jiff::ToSpan as _;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    control::{Note, Pause},
    customer::Customer,
    delivery::{
        Delivery, DeliveryProgress, Endpoint, EndpointControl, EndpointName, FactKind, Line, Outbox, Owner, Target,
        WebhookUrl,
    },
    entry::{Entry, SkipReason},
    message::WorkMessage,
    ports::{Clock as _, Deliveries as _, EndpointControls as _, Endpoints as _, Ledger as _},
};
use pulse_feedback::WebhookVerifier;
use pulse_local::secrets;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
    intake::{IntakeClient, Post, entry_id, ses_delivery},
    providers::webhook_receiver::WebhookReceiver,
};
use serde_json::{Value, json};

use super::RUNTIME;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MEANWHILE: Duration = Duration::from_millis(10);

/// Another system, which can be out of order.
struct System {
    name: EndpointName,
    receiver: WebhookReceiver,
    is_down: Arc<AtomicBool>,
}

impl System {
    async fn start(name: &str) -> Self {
        let is_down = Arc::<AtomicBool>::default();
        let flag = Arc::clone(&is_down);
        let answer = move || {
            let down = flag.load(Ordering::Acquire);
            (if down { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }).into_response()
        };
        let receiver = WebhookReceiver::start("127.0.0.1:0", answer).await.unwrap();
        Self { name: EndpointName::parse(name).unwrap(), receiver, is_down }
    }

    /// Adds it to those that are told, with a key of its own, a parameter. (In `runbook`, keys are in Secrets Manager.)
    async fn add_to(&self, stack: &DeployedStack) {
        let secret = format!("/{}/endpoints/{}", stack.stack.outputs.stack(), self.name);
        secrets::store(&stack.stack.aws, &BTreeMap::from([(secret.clone(), KEY.to_owned())])).await.unwrap();
        let url = WebhookUrl::new(format!("http://{}/word", self.receiver.address));
        add(stack, &self.name, Target::Webhook { url, secret }).await;
    }

    /// What it took: the types, and the customers' ids, in the order in which they came.
    fn taken(&self) -> Vec<(String, String)> {
        let told = self.receiver.received().into_iter().filter(|sent| sent.status == StatusCode::OK);
        told.map(|sent| what_and_whom(&sent.body)).collect()
    }

    fn of(&self, customer: &Customer) -> Vec<String> {
        self.taken().into_iter().filter(|(_, whom)| whom == customer.id.as_str()).map(|(what, _)| what).collect()
    }

    async fn has_told(&self, customer: &Customer, what: &[&str]) {
        eventually(&format!("{} has {what:?} of {}", self.name, customer.id), async || {
            (self.of(customer).len() >= what.len()).then_some(())
        })
        .await;
        assert_eq!(self.of(customer), what);
    }

    /// The deliveries to it of a customer's facts.
    async fn line(&self, stack: &DeployedStack, customer: &Customer) -> Vec<Delivery> {
        let owner = Owner::Customer(customer.id.clone());
        stack.ledger().line(&Line { owner, endpoint: self.name.clone() }).await.unwrap()
    }

    async fn until_all_is_delivered(&self, stack: &DeployedStack, customer: &Customer) {
        let is_delivered = |one: &Delivery| matches!(one.progress(), DeliveryProgress::Delivered { .. });
        eventually(&format!("{} has all of {}", self.name, customer.id), async || {
            self.line(stack, customer).await.iter().all(is_delivered).then_some(())
        })
        .await;
    }
}

fn what_and_whom(body: &str) -> (String, String) {
    let body: Value = serde_json::from_str(body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&body["type"]), text(&body["data"]["customer"]))
}

async fn add(stack: &DeployedStack, name: &EndpointName, target: Target) {
    let kinds = FactKind::ALL.iter().copied();
    let endpoint = Endpoint::new(name.clone(), target, kinds, "ops".into(), SystemClock.now());
    assert!(stack.ledger().save_endpoint(&endpoint).await.unwrap());
}

/// Has a customer's turn come.
async fn set_due(stack: &DeployedStack, customer: &Customer) {
    stack.enroll(std::slice::from_ref(customer)).await;
    let entry = Entry::scheduled(entry_id(&customer.id), SystemClock.now(), None);
    stack.ledger().open(&entry).await.unwrap();
    stack.send("ScoreQueueUrl", &WorkMessage::for_entry(entry.id()).body()).await;
}

#[test]
fn what_happens_is_told_once_signed_and_in_order_and_a_system_that_is_down_disturbs_no_other() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "telling", "stack", MEANWHILE).await;
        stack.let_the_tick_hurry().await;
        // Before any function has read who they are.
        let (crm, desk) = (System::start("crm").await, System::start("desk").await);
        for system in [&crm, &desk] {
            system.add_to(&stack).await;
        }

        let well = customer("well");
        set_due(&stack, &well).await;
        for system in [&crm, &desk] {
            system.has_told(&well, &["mail.sent"]).await;
            system.until_all_is_delivered(&stack, &well).await;
        }
        let sent = crm.receiver.received().remove(0);
        let id = sent.headers["webhook-id"].to_str().unwrap().to_owned();
        assert!(id.starts_with(&format!("well/{}/", entry_id(&well.id).run)) && id.ends_with("/sent"), "{id}");
        let verifier = WebhookVerifier::new(&[KEY.into()]).unwrap();
        verifier.verify(&sent.payload(SystemClock.now())).unwrap();

        crm.is_down.store(true, Ordering::Release);
        let late = customer("late");
        set_due(&stack, &late).await;
        desk.has_told(&late, &["mail.sent"]).await;
        stack.send("FeedbackQueueUrl", &ses_delivery(&late.id, SystemClock.now())).await;
        desk.has_told(&late, &["mail.sent", "mail.delivered"]).await;
        let intake = IntakeClient::new(&stack.stack.aws, stack.output("FeedbackApiId"));
        assert_eq!(intake.post(&Post::partner(&late.id, SystemClock.now())).await.status(), StatusCode::OK);
        let all = ["mail.sent", "mail.delivered", "customer.unsubscribed"];
        desk.has_told(&late, &all).await;
        eventually("the first was tried in vain", async || {
            let failed = |one: &Delivery| one.failure_streak().is_some();
            crm.line(&stack, &late).await.iter().any(failed).then_some(())
        })
        .await;
        assert_eq!(crm.of(&late), Vec::<String>::new());

        crm.is_down.store(false, Ordering::Release);
        crm.has_told(&late, &all).await;
        for system in [&crm, &desk] {
            system.until_all_is_delivered(&stack, &late).await;
            assert_eq!((system.of(&well).len(), system.of(&late).len()), (1, 3), "{}", system.name);
        }
        let tried: Vec<_> = crm.receiver.received().iter().map(|sent| what_and_whom(&sent.body)).collect();
        let late_ones: Vec<_> =
            tried.iter().filter(|(_, whom)| whom == "late").map(|(what, _)| what.as_str()).collect();
        let first = late_ones.iter().filter(|what| **what == all[0]).count();
        // Until the first is taken, nothing that comes after it is sent.
        assert_eq!(late_ones, [&vec![all[0]; first][..], &all[1..]].concat());
        assert_eq!(stack.take("DeliverDlqUrl", |_| false).await, Vec::<String>::new());
    });
}

#[test]
fn test_word_comes_past_a_pause_and_what_an_endpoint_that_was_removed_should_have_had_is_dropped() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "trying", "stack", MEANWHILE).await;
        let test = async |name: &str| {
            stack.invoke_with("DeliverFunctionName", &format!(r#"{{"test_endpoint":"{name}"}}"#)).await
        };
        let crm = System::start("crm").await;
        let missing = test("crm").await;
        assert_eq!(missing["failed"]["cause"], "There is no endpoint crm.", "{missing}");
        // The function has just read that there is none: it reads anew for each.
        crm.add_to(&stack).await;
        let note = Note::parse("moving house").unwrap();
        let pause = Pause { by: "ops".into(), note, since: SystemClock.now(), until: None };
        let paused = EndpointControl { version: 1, pause: Some(pause), ..EndpointControl::default() };
        assert!(stack.ledger().save_endpoint_control(&crm.name, &paused).await.unwrap());
        let accepted = test("crm").await;
        assert!(accepted["accepted"]["took_ms"].is_u64(), "{accepted}");
        assert_eq!(crm.taken(), [("pulse.test".to_owned(), String::new())]);
        crm.is_down.store(true, Ordering::Release);
        let failed = test("crm").await;
        assert_eq!(failed["failed"]["cause"], "http://127.0.0.1 answered 500 Internal Server Error.", "{failed}");

        let ledger = stack.ledger();
        let [endpoint] = &ledger.endpoints().await.unwrap()[..] else { panic!("there is one") };
        let entry = Entry::scheduled(entry_id(&customer("left").id), SystemClock.now(), None);
        ledger.open(&entry).await.unwrap();
        let skipped = entry.skip(SkipReason::Closed, SystemClock.now(), None).unwrap();
        let told = skipped.with_word(Outbox { endpoints: std::slice::from_ref(endpoint) });
        ledger.apply(&told).await.unwrap();
        // So long ago that nobody goes by it any more.
        let removed_at = Some(SystemClock.now() - 5.minutes());
        assert!(ledger.save_endpoint(&Endpoint { removed_at, ..endpoint.clone() }).await.unwrap());
        eventually("nothing is left of it", async || {
            stack.invoke("TickFunctionName").await;
            ledger.endpoints().await.unwrap().is_empty().then_some(())
        })
        .await;
        let [dropped] = &crm.line(&stack, &customer("left")).await[..] else { panic!("there is one") };
        assert!(matches!(dropped.progress(), DeliveryProgress::GivenUp { .. }), "{dropped:?}");
    });
}

/// What came to a queue, one message at a time.
async fn received(stack: &DeployedStack, url: &str) -> Value {
    let client = sdk::sqs_client(&stack.stack.aws);
    eventually("something has come", async || {
        let receive = client.receive_message().queue_url(url).wait_time_seconds(1);
        let received = receive.message_attribute_names("All").send().await.unwrap();
        let message = received.messages().first()?;
        let attributes = message.message_attributes().into_iter().flatten();
        let attributes = attributes.map(|(name, value)| (name.clone(), value.string_value().into()));
        let body: Value = serde_json::from_str(message.body().unwrap_or_default()).unwrap();
        Some(json!({ "body": body, "attributes": attributes.collect::<serde_json::Map<_, _>>() }))
    })
    .await
}

#[test]
fn topics_and_buses_are_told_if_parameters_name_them_and_no_others() {
    RUNTIME.block_on(async {
        let aws = sdk::for_emulator(shared().endpoint());
        let (sns, events) = (aws_sdk_sns::Client::new(&aws), aws_sdk_eventbridge::Client::new(&aws));
        let queue = async |name: &str| {
            let client = sdk::sqs_client(&aws);
            let url = client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
            let arn = QueueAttributeName::QueueArn;
            let found =
                client.get_queue_attributes().queue_url(&url).attribute_names(arn.clone()).send().await.unwrap();
            let arn = found.attributes().unwrap()[&arn].clone();
            let services = json!({ "Service": ["sns.amazonaws.com", "events.amazonaws.com"] });
            let statement =
                json!({ "Effect": "Allow", "Principal": services, "Action": "sqs:SendMessage", "Resource": arn });
            let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
            let set = client.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::Policy, policy);
            set.send().await.unwrap();
            (url, arn)
        };
        let topic = async |name: &str| sns.create_topic().name(name).send().await.unwrap().topic_arn.unwrap();
        let (of_topic, of_bus) = (queue("told-by-topic").await, queue("told-by-bus").await);
        let (facts, elsewhere) = (topic("facts").await, topic("elsewhere").await);
        let subscribe = sns.subscribe().topic_arn(&facts).protocol("sqs").endpoint(&of_topic.1);
        subscribe.attributes("RawMessageDelivery", "true").send().await.unwrap();
        let bus = events.create_event_bus().name("facts").send().await.unwrap().event_bus_arn.unwrap();
        let pattern = r#"{"source":["pulse"],"detail-type":["mail.sent"]}"#;
        events.put_rule().name("mails").event_bus_name("facts").event_pattern(pattern).send().await.unwrap();
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(&of_bus.1).build().unwrap();
        events.put_targets().rule("mails").event_bus_name("facts").targets(target).send().await.unwrap();

        let second = format!("{bus}-2");
        let changes = [("EndpointTopicArns", &*facts), ("EndpointBusArns", &*format!("{bus},{second}"))];
        let stack = DeployedStack::build_with(shared(), "publishing", "stack", MEANWHILE, &changes).await;
        let name = |name: &str| EndpointName::parse(name).unwrap();
        for (endpoint, target) in
            [("topic", Target::Sns { topic: facts }), ("bus", Target::EventBridge { bus: "facts".into() })]
        {
            add(&stack, &name(endpoint), target).await;
        }
        let customer = customer("published");
        set_due(&stack, &customer).await;
        let published = received(&stack, &of_topic.0).await;
        assert_eq!(published["attributes"]["type"], "mail.sent", "{published}");
        let id = published["attributes"]["id"].as_str().expect("an id").to_owned();
        assert!(id.starts_with(&format!("published/{}/", entry_id(&customer.id).run)) && id.ends_with("/sent"), "{id}");
        assert_eq!(published["body"]["data"]["customer"], "published", "{published}");
        let event = received(&stack, &of_bus.0).await["body"].clone();
        assert_eq!((&event["source"], &event["detail-type"]), (&"pulse".into(), &"mail.sent".into()), "{event}");
        assert_eq!((&event["resources"], &event["detail"]), (&json!([id]), &published["body"]), "{event}");

        for (endpoint, target, cause) in [
            ("elsewhere", Target::Sns { topic: elsewhere }, "it takes PublishToTopics of DeliverRole in template.yaml"),
            (
                "default",
                Target::EventBridge { bus: "default".into() },
                "it takes PutOntoBuses of DeliverRole in template.yaml",
            ),
            ("missing", Target::EventBridge { bus: "facts-2".into() }, "EventBridge knows no event bus facts-2"),
        ] {
            add(&stack, &name(endpoint), target).await;
            let order = format!(r#"{{"test_endpoint":"{endpoint}"}}"#);
            let failed = stack.invoke_with("DeliverFunctionName", &order).await;
            let told = failed["failed"]["cause"].as_str().unwrap_or_default();
            assert!(told.contains(cause), "{failed}");
        }
    });
}
