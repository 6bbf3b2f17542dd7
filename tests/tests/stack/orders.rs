//! Orders, carried out by the deployed tick with its own role.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt as _, stream};
use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    dead_letters::CauseFilter,
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    orders::{Order, OrderAction, OrderPreview, OrderState},
    ports::{Clock as _, DlqName, Ledger as _, Orders as _, TickStarter as _},
    run::RunId,
};
use pulse_local::emulator::EmulatorOptions;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually, kill_lambdas},
    emulator::start,
    in_memory_stack::customer,
};

use super::RUNTIME;

const STAGE: StageName = StageName::Score;
const OTHERS: usize = 20;

/// Letters of entries that the score stage gave up: some of one cause, and a few of another.
async fn bury(stack: &DeployedStack, meant: usize) {
    let (ledger, now) = (stack.ledger(), SystemClock.now());
    let buried = stream::iter(0..meant + OTHERS).map(async |n| {
        let customer = customer(&format!("buried-{n}"));
        let id = EntryId::of(customer.id.clone(), RunId::parse("2020-01").unwrap());
        let words = if n < meant { "It answered 503." } else { "It answered 422." };
        let entry = Entry::scheduled(id.clone(), now, None);
        assert!(ledger.save_customer(&customer).await.unwrap() && ledger.open(&entry).await.unwrap());
        ledger.apply(&entry.fail(STAGE, Cause::new(words), now, None).unwrap()).await.unwrap();
        stack.send("ScoreDlqUrl", &WorkMessage::for_entry(&id).body()).await;
    });
    buried.buffer_unordered(16).collect::<Vec<_>>().await;
}

/// What is redriven stays in the stage's queue.
async fn hold(stack: &DeployedStack) {
    let mapping = stack.output("ScoreMappingId");
    sdk::lambda_client(&stack.stack.aws)
        .update_event_source_mapping()
        .uuid(mapping)
        .enabled(false)
        .send()
        .await
        .unwrap();
    stack.until_mapping("ScoreMappingId", "Disabled").await;
}

/// How many messages there are in a queue, told by its output, in sight or not.
async fn waiting(stack: &DeployedStack, queue: &str) -> u64 {
    let names =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    let client = sdk::sqs_client(&stack.stack.aws);
    let asked = client.get_queue_attributes().queue_url(stack.output(queue));
    let answer = asked.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
    answer.attributes().unwrap().values().map(|count| count.parse::<u64>().unwrap()).sum()
}

async fn letters_are_redriven_although_tick_is_killed(meant: usize) {
    // Its own, so that nobody else's Lambdas are killed.
    let emulator = start(&EmulatorOptions { enforce_iam: true, ..EmulatorOptions::default() });
    let stack = DeployedStack::build(&emulator, "ordered", "stack", Duration::from_millis(50)).await;
    hold(&stack).await;
    bury(&stack, meant).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let action = OrderAction::Redrive {
        queue: DlqName::Stage(STAGE),
        cause: CauseFilter::parse("answered 503").ok(),
        endpoint: None,
        rate: None,
    };
    let (ledger, now) = (stack.ledger(), SystemClock.now());
    let preview = OrderPreview::of(&action, now, meant as u64);
    let order = Order::given(action, "night-shift".into(), None, preview, now);
    assert_eq!(ledger.save_order(&order).await, Ok(true));
    assert_eq!(stack.stack.start_tick().await, Ok(()));
    let read = async || ledger.order(&order.id).await.unwrap().expect("an order");
    eventually("some letters are counted", async || (read().await.progress.carried_out() > 0).then_some(())).await;
    assert!(kill_lambdas(&emulator) > 0, "no Lambda was there to be killed");
    let killed = read().await;
    assert_eq!(killed.state, OrderState::Running, "it was killed in the middle");

    let moved = || async { read().await.state };
    for _ in 0..20 {
        // Minutes are the emulator's own.
        if !moved().await.is_open() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let _ = stack.stack.start_tick().await;
    }
    let order = read().await;
    let came_to = (&order.state, order.progress.moved, order.progress.others, order.progress.looked_at());
    assert_eq!(came_to, (&OrderState::Done, meant as u64, OTHERS as u64, (meant + OTHERS) as u64), "{order:?}");
    // Those that the killed tick looked at are out of sight until the round ends; what it had in hand may have been sent twice.
    assert_eq!(waiting(&stack, "ScoreDlqUrl").await, OTHERS as u64);
    let queued = waiting(&stack, "ScoreQueueUrl").await;
    assert!((meant as u64..=meant as u64 + 100).contains(&queued), "{queued}");
}

#[test]
fn a_redrive_by_cause_ends_and_adds_up_although_tick_is_killed_in_the_middle() {
    RUNTIME.block_on(letters_are_redriven_although_tick_is_killed(600));
}

#[test]
#[ignore = "two thousand letters take minutes on the emulator"]
fn a_redrive_of_two_thousand_ends_and_adds_up_although_tick_is_killed_in_the_middle() {
    RUNTIME.block_on(letters_are_redriven_although_tick_is_killed(2_000));
}
