//! SQS's message move tasks, which the emulator hasn't: what is asked of SQS, and what is made of its answers
//! (Amazon SQS API Reference, `StartMessageMoveTask` and `ListMessageMoveTasks`).

use pulse_aws::{
    sdk::{for_emulator, sqs_client},
    sqs::SqsDeadLetters,
};
use pulse_core::{
    dead_letters::{DeadLetterError, Redrive, RedriveOrder, RedriveProgress, Redriven, Way},
    entry::StageName,
    ports::{DlqName, Rate},
};
use pulse_sim::{clock::VirtualClock, dead_letters::MemoryReader, ledger::MemoryLedger};
use pulse_tests::{
    conformance::samples::due,
    in_memory_stack::BrokenQueue,
    providers::aws_server::{AwsAnswer, AwsServer},
};
use serde_json::{Value, json};

fn arn(queue: &str) -> AwsAnswer {
    AwsAnswer::Json(json!({"Attributes": {"QueueArn": format!("arn:aws:sqs:eu-west-1:123456789012:{queue}")}}))
}

fn tasks(tasks: &Value) -> AwsAnswer {
    AwsAnswer::Json(json!({ "Results": tasks }))
}

fn task(status: &str, moved: u64, started: u64) -> Value {
    json!({
        "Status": status, "ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 50,
        "StartedTimestamp": started,
    })
}

/// What a redrive makes of these answers, what it asked, and what it told of its progress.
async fn redrive(
    answers: impl IntoIterator<Item = AwsAnswer>,
) -> (Result<Redriven, DeadLetterError>, Vec<Value>, Vec<(u64, Option<u64>)>) {
    let server = AwsServer::start().await.unwrap();
    server.answer_next(answers);
    let client = sqs_client(&for_emulator(server.url()));
    let letters = SqsDeadLetters::new(client, DlqName::Stage(StageName::Email), server.url(), server.url());
    let (ledger, clock) = (MemoryLedger::default(), VirtualClock::starting_at(due()));
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&BrokenQueue),
        ledger: &ledger,
        deliveries: &ledger,
        sleeper: &clock,
        intake: &MemoryReader,
    };
    let order = RedriveOrder { rate: Rate::parse("20/s").ok(), ..RedriveOrder::default() };
    let mut told = Vec::new();
    let mut watch = |progress: RedriveProgress| told.push((progress.done, progress.of));
    let redriven = redrive.run(&order, &mut watch, &|| false).await;
    (redriven, server.done(), told)
}

#[tokio::test]
async fn sqs_is_told_what_to_move_where_and_how_fast_and_followed_to_the_end() {
    let last_week = task("COMPLETED", 7, 1);
    let (redriven, asked, told) = redrive([
        arn("pulse-email-dlq"),
        tasks(&json!([last_week])),
        arn("pulse-email"),
        AwsAnswer::Json(json!({"TaskHandle": "h"})),
        // It isn't listed yet.
        tasks(&json!([last_week])),
        tasks(&json!([task("RUNNING", 20, 2)])),
        tasks(&json!([task("COMPLETED", 50, 2)])),
    ])
    .await;
    let redriven = redriven.unwrap();
    assert_eq!((redriven.way, redriven.redriven, redriven.is_complete()), (Way::MoveTask, 50, true));
    assert_eq!(told, [(0, None), (20, Some(50)), (50, Some(50))]);
    let start = json!({
        "SourceArn": "arn:aws:sqs:eu-west-1:123456789012:pulse-email-dlq",
        "DestinationArn": "arn:aws:sqs:eu-west-1:123456789012:pulse-email",
        "MaxNumberOfMessagesPerSecond": 20,
    });
    assert_eq!((&asked[3], asked.len()), (&start, 7), "{asked:?}");
}

#[tokio::test]
async fn a_task_that_someone_has_started_is_followed_instead() {
    let (redriven, asked, _) = redrive([
        arn("pulse-email-dlq"),
        tasks(&json!([task("RUNNING", 10, 2)])),
        tasks(&json!([task("CANCELLING", 30, 2)])),
        tasks(&json!([task("CANCELLED", 31, 2)])),
    ])
    .await;
    let redriven = redriven.unwrap();
    assert_eq!((redriven.way, redriven.redriven), (Way::SomeonesMoveTask, 31));
    assert!(redriven.trouble.is_some() && asked.iter().all(|call| call["DestinationArn"].is_null()), "{asked:?}");
}

#[tokio::test]
async fn a_task_that_fails_and_one_that_is_refused_say_why() {
    let start = [arn("pulse-email-dlq"), tasks(&json!([])), arn("pulse-email")];
    let mut failed = task("FAILED", 3, 2);
    failed["FailureReason"] = "AccessDenied".into();
    let answers = [AwsAnswer::Json(json!({"TaskHandle": "h"})), tasks(&json!([failed]))];
    let (redriven, ..) = redrive(start.clone().into_iter().chain(answers)).await;
    let redriven = redriven.unwrap();
    assert!(redriven.trouble.is_some_and(|why| why.as_str().contains("AccessDenied")) && redriven.redriven == 3);

    let denied = AwsAnswer::Error(403, "AccessDenied", "not authorized to perform: sqs:startmessagemovetask");
    let (refused, ..) = redrive(start.into_iter().chain([denied])).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("email dead-letter") && refused.contains("startmessagemovetask"), "{refused}");
}

/// As recorded on AWS, where no other code tells it from any other invalid parameter.
#[tokio::test]
async fn a_task_that_someone_starts_in_the_same_moment_is_followed_too() {
    let start = [arn("pulse-email-dlq"), tasks(&json!([])), arn("pulse-email")];
    let running =
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
    let answers = [AwsAnswer::Error(400, "InvalidParameterValue", running), tasks(&json!([task("COMPLETED", 50, 2)]))];
    let (redriven, ..) = redrive(start.into_iter().chain(answers)).await;
    let redriven = redriven.unwrap();
    assert_eq!((redriven.way, redriven.redriven, redriven.is_complete()), (Way::SomeonesMoveTask, 50, true));
}

/// As recorded on AWS: a queue that no queue's redrive policy names, or names any more, has letters all the same.
#[tokio::test]
async fn letters_of_a_queue_that_no_queue_names_are_moved_one_by_one() {
    let no_dlq =
        || AwsAnswer::Error(400, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.");
    let asked_first = vec![arn("pulse-email-dlq"), no_dlq()];
    let told_at_the_start = vec![arn("pulse-email-dlq"), tasks(&json!([])), arn("pulse-email"), no_dlq()];
    for answers in [asked_first, told_at_the_start] {
        let (redriven, ..) = redrive(answers).await;
        let redriven = redriven.unwrap();
        assert_eq!((redriven.way, redriven.trouble), (Way::Fallback, None));
    }
}
