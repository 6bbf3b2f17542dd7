//! Dead letters of the deployed stack: told by cause, and brought back, by the use case of `pulse redrive`
//! and as the console does it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_sqs::types::MessageAttributeValue;
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    customer::{Customer, Standing},
    dead_letters::{CauseFilter, CauseGroup, DeadLetterReport, Order, Redrive, Redriven, Survey, Way},
    entry::{Entry, Progress, SkipReason, StageName},
    message::WorkMessage,
    ports::{DeadLetters as _, DlqName, Rate},
};
use pulse_local::standins::Fault;
use pulse_tests::{
    emulator::shared,
    house::customer,
    town::{Town, eventually},
};

use super::RUNTIME;

/// A town in which the scoring provider refuses whoever is on a list.
async fn refusing_town(name: &str, refused: &[Customer]) -> (Town, Arc<AtomicBool>) {
    let town = Town::build(shared(), name, "stack", std::time::Duration::from_millis(50)).await;
    let mended = Arc::new(AtomicBool::new(false));
    let (healed, refused) = (mended.clone(), Mutex::new(refused.to_vec()));
    town.score.faults().set_rule(move |key| {
        let is_meant = refused.lock().unwrap().iter().any(|customer| key.contains(customer.id.as_str()));
        (is_meant && !healed.load(Ordering::Relaxed)).then(|| Fault::status(422))
    });
    (town, mended)
}

async fn look(town: &Town, dlq: DlqName) -> DeadLetterReport {
    let (letters, ledger) = (town.stack.dead_letters(dlq).unwrap(), town.ledger());
    Survey { letters: &letters, ledger: &ledger }.look(1_000, &|| false).await.unwrap()
}

async fn redrive(town: &Town, dlq: DlqName, order: &Order) -> Redriven {
    let (letters, ledger) = (town.stack.dead_letters(dlq).unwrap(), town.ledger());
    let queue = town.stack.queue(dlq.stage()).unwrap();
    let redrive = Redrive { letters: &letters, queue: &queue, ledger: &ledger, sleeper: &SystemClock };
    redrive.run(order, &mut |_| {}, &|| false).await.unwrap()
}

async fn all_dead(town: &Town, count: usize) -> Vec<CauseGroup> {
    eventually("the letters are dead", async || {
        let report = look(town, DlqName::Stage(StageName::Score)).await;
        (report.looked_at == count).then_some(report.causes)
    })
    .await
}

#[test]
fn dead_letters_are_told_by_cause_and_redriven_once_the_provider_is_mended() {
    RUNTIME.block_on(async {
        let customers = ["c-here", "c-console", "c-gone"].map(customer);
        let (town, mended) = refusing_town("redriven", &customers).await;
        town.enroll(&customers).await;
        let [here, console, gone] = &customers;
        for customer in &customers {
            town.send("ScoreQueueUrl", &WorkMessage::schedule_input(&customer.id)).await;
        }
        town.send("ScoreQueueUrl", "not json").await;
        let causes = all_dead(&town, 4).await;
        let refused = &causes[0];
        assert!(refused.count == 3 && refused.cause.as_str().contains("422"), "{causes:?}");
        assert_eq!(refused.examples.len(), 3);
        // Looking took nothing away.
        assert_eq!(all_dead(&town, 4).await, causes);

        mended.store(true, Ordering::Relaxed);
        town.enroll(&[Customer { standing: Standing::Closed, ..gone.clone() }]).await;
        // As a person does it in the console: receive, send, delete.
        let is_consoles = |body: &str| body.contains("c-console");
        let taken = eventually("the letter is taken", async || town.take("ScoreDlqUrl", is_consoles).await.pop()).await;
        town.send("ScoreQueueUrl", &taken).await;
        town.until(console, |entry| entry.state() == "sent").await;

        let cause = CauseFilter::parse("answered 422").unwrap();
        let order = Order { cause: Some(cause), rate: Rate::parse("50/s").ok(), dry_run: true };
        let would_be = redrive(&town, DlqName::Stage(StageName::Score), &order).await;
        assert_eq!((would_be.redriven, would_be.closed, would_be.others), (1, 1, 1), "{would_be:?}");
        let done = redrive(&town, DlqName::Stage(StageName::Score), &Order { dry_run: false, ..order }).await;
        assert_eq!(done, would_be);

        town.until(here, |entry| entry.state() == "sent").await;
        let closed = |entry: &Entry| matches!(entry.progress(), Progress::Skipped { reason: SkipReason::Closed, .. });
        town.until(gone, closed).await;
        assert_eq!([here, console, gone].map(|customer| town.mails(customer)), [1, 1, 0]);

        let rest = redrive(&town, DlqName::Stage(StageName::Score), &Order::default()).await;
        assert_eq!((rest.way, rest.redriven, rest.stuck.len()), (Way::Fallback, 0, 1), "{rest:?}");
        assert_eq!(look(&town, DlqName::Stage(StageName::Score)).await.looked_at, 1);
    });
}

/// What the scheduler writes into its dead-letter queue.
fn request(customer: &Customer) -> String {
    let input = format!(r#"{{"v":1,"customer":"{}","scheduled":"2026-11-10T11:30:00Z"}}"#, customer.id);
    serde_json::json!({ "MessageBody": input, "QueueUrl": "https://sqs/gone" }).to_string()
}

async fn send_as_the_scheduler(town: &Town, customer: &Customer) {
    let attribute = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let send = sdk::sqs_client(&town.stack.aws)
        .send_message()
        .queue_url(town.stack.outputs.get("ScheduleDlqUrl").unwrap())
        .message_body(request(customer))
        .message_attributes("ERROR_CODE", attribute("AWS.SimpleQueueService.NonExistentQueue").unwrap())
        .message_attributes("ERROR_MESSAGE", attribute("The specified queue does not exist.").unwrap())
        .message_attributes("SCHEDULED_TIME", attribute("2026-11-10T11:30:00Z").unwrap());
    send.send().await.unwrap();
}

#[test]
fn what_the_scheduler_could_not_deliver_is_told_by_its_code_and_mailed_after_all() {
    RUNTIME.block_on(async {
        let town = Town::build(shared(), "undelivered", "stack", std::time::Duration::from_millis(50)).await;
        let customers = ["c-late", "c-later", "c-by-hand"].map(customer);
        town.enroll(&customers).await;
        for customer in &customers[..2] {
            send_as_the_scheduler(&town, customer).await;
        }
        let report = look(&town, DlqName::Schedules).await;
        let [group] = report.causes.as_slice() else { panic!("{report:?}") };
        assert_eq!((group.cause.as_str(), group.count), ("AWS.SimpleQueueService.NonExistentQueue", 2));

        let redriven = redrive(&town, DlqName::Schedules, &Order::default()).await;
        assert_eq!((redriven.redriven, redriven.is_complete()), (2, true), "{redriven:?}");
        // By hand, a letter may go to the score queue as it is.
        town.send("ScoreQueueUrl", &request(&customers[2])).await;
        for customer in &customers {
            let sent = town.until(customer, |entry| entry.state() == "sent").await;
            assert_eq!((sent.id().run.to_string().as_str(), town.mails(customer)), ("2026-11", 1));
        }
        assert_eq!(town.stack.dead_letters(DlqName::Schedules).unwrap().count().await, Ok(0));
    });
}
