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
    dead_letters::{CauseFilter, CauseGroup, DeadLetterReport, Redrive, RedriveOrder, Redriven, Survey, Way},
    entry::{Entry, Progress, SkipReason, StageName},
    message::WorkMessage,
    ports::{DlqName, Rate},
};
use pulse_local::standins::StandInFault;
use pulse_sim::dead_letters::MemoryReader;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
};

use super::RUNTIME;

/// A stack in which the scoring provider refuses whoever is on a list.
async fn refusing_stack(name: &str, refused: &[Customer]) -> (DeployedStack, Arc<AtomicBool>) {
    let stack = DeployedStack::build(shared(), name, "stack", std::time::Duration::from_millis(50)).await;
    let mended = Arc::new(AtomicBool::new(false));
    let (healed, refused) = (mended.clone(), Mutex::new(refused.to_vec()));
    stack.score.faults().set_rule(move |key| {
        let is_meant = refused.lock().unwrap().iter().any(|customer| key.contains(customer.id.as_str()));
        (is_meant && !healed.load(Ordering::Relaxed)).then(|| StandInFault::status(422))
    });
    (stack, mended)
}

async fn look(stack: &DeployedStack, dlq: DlqName) -> DeadLetterReport {
    let (letters, ledger) = (stack.stack.dead_letters(dlq).unwrap(), stack.ledger());
    Survey { letters: &*letters, ledger: &ledger, deliveries: &ledger, intake: &MemoryReader }
        .look(1_000, &|| false)
        .await
        .unwrap()
}

async fn redrive(stack: &DeployedStack, dlq: DlqName, order: &RedriveOrder) -> Redriven {
    let (letters, ledger) = (stack.stack.dead_letters(dlq).unwrap(), stack.ledger());
    let queue = stack.stack.queue(dlq.stage().expect("a stage's")).unwrap();
    let redrive = Redrive {
        letters: &*letters,
        queue: Some(&queue),
        ledger: &ledger,
        deliveries: &ledger,
        sleeper: &SystemClock,
        intake: &MemoryReader,
    };
    redrive.run(order, &mut |_| {}, &|| false).await.unwrap()
}

async fn all_dead(stack: &DeployedStack, count: usize) -> Vec<CauseGroup> {
    eventually("the letters are dead", async || {
        let report = look(stack, DlqName::Stage(StageName::Score)).await;
        (report.looked_at == count).then_some(report.causes)
    })
    .await
}

#[test]
fn dead_letters_are_told_by_cause_and_redriven_once_the_provider_is_mended() {
    RUNTIME.block_on(async {
        let customers = ["c-here", "c-console", "c-gone"].map(customer);
        let (stack, mended) = refusing_stack("redriven", &customers).await;
        stack.enroll(&customers).await;
        let [here, console, gone] = &customers;
        for customer in &customers {
            stack.send("ScoreQueueUrl", &WorkMessage::schedule_input(&customer.id)).await;
        }
        stack.send("ScoreQueueUrl", "not json").await;
        let causes = all_dead(&stack, 4).await;
        let refused = &causes[0];
        assert!(refused.count == 3 && refused.cause.as_str().contains("422"), "{causes:?}");
        assert_eq!(refused.examples.len(), 3);
        // Looking took nothing away.
        assert_eq!(all_dead(&stack, 4).await, causes);

        mended.store(true, Ordering::Relaxed);
        stack.enroll(&[Customer { standing: Standing::Closed, ..gone.clone() }]).await;
        // As a person does it in the console: receive, send, delete.
        let is_consoles = |body: &str| body.contains("c-console");
        let taken =
            eventually("the letter is taken", async || stack.take("ScoreDlqUrl", is_consoles).await.pop()).await;
        stack.send("ScoreQueueUrl", &taken).await;
        stack.until(console, |entry| entry.state() == "sent").await;

        let cause = CauseFilter::parse("answered 422").unwrap();
        let rate = Rate::parse("50/s").ok();
        let order = RedriveOrder { cause: Some(cause), rate, dry_run: true, ..RedriveOrder::default() };
        let would_be = redrive(&stack, DlqName::Stage(StageName::Score), &order).await;
        assert_eq!((would_be.redriven, would_be.closed, would_be.others), (1, 1, 1), "{would_be:?}");
        let done = redrive(&stack, DlqName::Stage(StageName::Score), &RedriveOrder { dry_run: false, ..order }).await;
        assert_eq!(done, would_be);

        stack.until(here, |entry| entry.state() == "sent").await;
        let closed = |entry: &Entry| matches!(entry.progress(), Progress::Skipped { reason: SkipReason::Closed, .. });
        stack.until(gone, closed).await;
        assert_eq!([here, console, gone].map(|customer| stack.mails(customer)), [1, 1, 0]);

        let rest = redrive(&stack, DlqName::Stage(StageName::Score), &RedriveOrder::default()).await;
        assert_eq!((rest.way, rest.redriven, rest.stuck.len()), (Way::Fallback, 0, 1), "{rest:?}");
        assert_eq!(look(&stack, DlqName::Stage(StageName::Score)).await.looked_at, 1);
    });
}

/// What the scheduler writes into its dead-letter queue.
fn request(customer: &Customer) -> String {
    let input = format!(r#"{{"v":1,"customer":"{}","scheduled":"2026-11-10T11:30:00Z"}}"#, customer.id);
    serde_json::json!({ "MessageBody": input, "QueueUrl": "https://sqs/gone" }).to_string()
}

async fn send_as_the_scheduler(stack: &DeployedStack, customer: &Customer) {
    let attribute = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let send = sdk::sqs_client(&stack.stack.aws)
        .send_message()
        .queue_url(stack.stack.outputs.get("ScheduleDlqUrl").unwrap())
        .message_body(request(customer))
        .message_attributes("ERROR_CODE", attribute("AWS.SimpleQueueService.NonExistentQueue").unwrap())
        .message_attributes("ERROR_MESSAGE", attribute("The specified queue does not exist.").unwrap())
        .message_attributes("SCHEDULED_TIME", attribute("2026-11-10T11:30:00Z").unwrap());
    send.send().await.unwrap();
}

#[test]
fn what_the_scheduler_could_not_deliver_is_told_by_its_code_and_mailed_after_all() {
    RUNTIME.block_on(async {
        let stack = DeployedStack::build(shared(), "undelivered", "stack", std::time::Duration::from_millis(50)).await;
        let customers = ["c-late", "c-later", "c-by-hand"].map(customer);
        stack.enroll(&customers).await;
        for customer in &customers[..2] {
            send_as_the_scheduler(&stack, customer).await;
        }
        let report = look(&stack, DlqName::Schedules).await;
        let [group] = report.causes.as_slice() else { panic!("{report:?}") };
        assert_eq!((group.cause.as_str(), group.count), ("AWS.SimpleQueueService.NonExistentQueue", 2));

        let redriven = redrive(&stack, DlqName::Schedules, &RedriveOrder::default()).await;
        assert_eq!((redriven.redriven, redriven.is_complete()), (2, true), "{redriven:?}");
        // By hand, a letter may go to the score queue as it is.
        stack.send("ScoreQueueUrl", &request(&customers[2])).await;
        for customer in &customers {
            let sent = stack.until(customer, |entry| entry.state() == "sent").await;
            assert_eq!((sent.id().run.to_string().as_str(), stack.mails(customer)), ("2026-11", 1));
        }
        assert_eq!(stack.stack.dead_letters(DlqName::Schedules).unwrap().count().await, Ok(0));
    });
}
