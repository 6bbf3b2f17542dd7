use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future};
use pulse_core::ports::{StageQueue as _, Visibility};

use super::{
    super::{Answer, MappingState, WindowMissing},
    stack::*,
};
use crate::queue::QueueDepth;

const SECOND: Duration = Duration::from_secs(1);

fn sizes(stack: &StageStack) -> Vec<usize> {
    stack.seen().iter().map(|seen| seen.messages.len()).collect()
}

#[test]
fn a_batch_is_handed_over_when_it_is_full_or_its_window_is_over() {
    // AWS Lambda Developer Guide, "How Lambda processes records from stream and queue-based event
    // sources": batching behavior.
    let stack = StageStack::working(settings(25, 10, Some(2)), SECOND * 5);
    stack.send(60);
    stack.pass(4);
    assert_eq!(sizes(&stack), [25, 25]);
    stack.pass(26);
    let rest = stack.seen().split_off(2);
    assert_eq!(rest.iter().map(|seen| seen.messages.len()).sum::<usize>(), 10);
    let begun = stack.seen()[0].at + SECOND * 5;
    for seen in rest {
        let waited = seen.at.duration_since(begun).as_millis();
        assert!((10_000..11_000).contains(&waited), "it waited {waited} ms");
    }
    assert_eq!(stack.queue.depth(), QueueDepth::default());
}

#[test]
fn without_a_window_a_batch_is_what_one_receive_gives() {
    let stack = StageStack::working(settings(10, 0, Some(50)), SECOND);
    stack.send(35);
    stack.pass(1);
    let mut sizes = sizes(&stack);
    // Which starts first is up to the environments.
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10, 10]);
}

#[test]
fn a_batch_of_more_than_ten_is_refused_without_a_window() {
    // AWS Lambda API Reference, `CreateEventSourceMapping`: `BatchSize` above 10 needs a window of a second at least.
    assert_eq!(settings(11, 0, None).checked().unwrap_err(), WindowMissing);
    let stack = StageStack::working(settings(10, 0, None), SECOND);
    assert_eq!(stack.mapping.deploy(settings(80, 0, Some(2))), Err(WindowMissing));
    assert_eq!((stack.mapping.state(), stack.mapping.settings().batch_size), (MappingState::Enabled, 10));
    assert_eq!(stack.mapping.deploy(settings(80, 1, Some(2))), Ok(()));
}

#[test]
fn few_messages_are_spread_over_the_pollers_and_make_small_batches() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": five
    // batches at a time to begin with.
    let stack = StageStack::working(settings(100, 60, None), SECOND);
    for _ in 0..30 {
        stack.send(1);
        stack.pass(1);
    }
    stack.pass(120);
    let sizes = sizes(&stack);
    assert_eq!(sizes.iter().sum::<usize>(), 30);
    assert!((2..=5).contains(&sizes.len()), "{sizes:?}");
}

#[test]
fn at_its_maximum_concurrency_it_stops_reading() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings":
    // maximum concurrency.
    let stack = StageStack::working(settings(10, 0, Some(3)), SECOND * 20);
    stack.send(100);
    stack.pass(10);
    assert_eq!(stack.queue.depth(), QueueDepth { visible: 70, in_flight: 30 });
    assert_eq!((stack.function.running(), stack.mapping.in_flight()), (3, 3));
    stack.pass(300);
    assert_eq!((stack.queue.depth(), stack.dead().len()), (QueueDepth::default(), 0));
    assert_eq!(stack.handled().len(), 100);
}

#[test]
fn another_maximum_takes_a_while_and_what_is_read_until_then_is_read_as_before() {
    // AWS Lambda API Reference, `EventSourceMappingConfiguration`: `State` is Updating meanwhile. That the next batches may
    // still be of the old settings was seen on AWS.
    let stack = StageStack::working(settings(10, 0, Some(3)), SECOND * 20);
    stack.send(500);
    for (maximum, before) in [(5, 3), (2, 5)] {
        stack.pass(1);
        stack.mapping.set_maximum_concurrency(Some(maximum)).unwrap();
        assert_eq!(stack.mapping.state(), MappingState::Updating);
        let busy = stack.mapping.set_enabled(false).unwrap_err();
        assert_eq!(busy.state, MappingState::Updating);
        stack.pass(4);
        assert_eq!(stack.mapping.in_flight(), before);
        stack.pass(60 + 20);
        assert_eq!((stack.mapping.state(), stack.mapping.in_flight()), (MappingState::Enabled, maximum));
    }
}

#[test]
fn a_batch_that_never_reaches_the_function_comes_again_and_a_receive_is_gone() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": what isn't deleted reappears.
    let stack = StageStack::working(settings(10, 0, Some(2)), SECOND);
    stack.lose_batches(1);
    stack.send(10);
    stack.pass(60);
    assert_eq!((stack.seen().len(), stack.queue.depth().in_flight), (0, 10));
    stack.pass(180);
    assert!(stack.seen()[0].messages.iter().all(|(_, receive_count)| *receive_count == 2));
    assert_eq!(stack.queue.depth(), QueueDepth::default());
}

#[test]
fn the_messages_that_did_not_fail_are_deleted() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": implementing
    // partial batch responses.
    let stack = StageStack::replying(time(), settings(10, 0, Some(2)), 1, |batch, _| {
        let failed = batch.iter().filter(|delivery| delivery.body == "3" && delivery.receive_count == 1);
        future::ready(Answer::failures(failed.map(|delivery| &delivery.message_id))).boxed()
    });
    stack.send(10);
    stack.pass(100);
    assert_eq!(stack.queue.depth(), QueueDepth { visible: 0, in_flight: 1 });
    stack.pass(100);
    let seen = stack.seen();
    assert_eq!((seen.len(), &seen[1].messages[..]), (2, &[("3".to_owned(), 2)][..]));
    let waited = Duration::try_from(seen[1].at.duration_since(start())).unwrap();
    assert_eq!(waited, VISIBILITY);
    assert_eq!(stack.queue.depth(), QueueDepth::default());
}

#[test]
fn an_answer_that_cannot_be_read_fails_the_whole_batch() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": success and
    // failure conditions.
    let bad = [r#"{"batchItemFailures":[{"foo":"x"}]}"#, r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, "?"];
    let payloads = bad.map(|answer| Answer::Payload(answer.as_bytes().to_vec()));
    for answer in payloads.into_iter().chain([Answer::Error]) {
        let stack = StageStack::replying(time(), settings(10, 0, Some(2)), 1, move |_, _| {
            future::ready(answer.clone()).boxed()
        });
        stack.send(10);
        stack.pass(100);
        assert_eq!(stack.queue.depth(), QueueDepth { visible: 0, in_flight: 10 });
        stack.pass(20 * 60);
        assert_eq!(stack.dead().len(), 10);
        assert_eq!(stack.seen().iter().map(|seen| seen.messages.len()).sum::<usize>(), 50);
    }
}

#[test]
fn a_batch_whose_invocation_times_out_or_dies_comes_again_when_it_is_visible_again() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda".
    for kill in [true, false] {
        let time = time();
        let inner = time.clone();
        let stack = StageStack::replying(time, settings(10, 0, Some(2)), 1, move |batch, invocation| {
            let time = inner.clone();
            async move {
                if batch[0].receive_count == 1 {
                    time.sleep(SECOND * 5).await;
                    if kill {
                        invocation.kill_switch.strike().await;
                    }
                    time.sleep(SECOND * 60).await;
                }
                Answer::failures([])
            }
            .boxed()
        });
        stack.send(10);
        stack.pass(200);
        let counts: Vec<_> = stack.seen().iter().map(|seen| seen.messages[0].1).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(Duration::try_from(stack.seen()[1].at.duration_since(start())).unwrap().as_secs(), 180);
        assert_eq!(stack.queue.depth(), QueueDepth::default());
        let used = stack.function.used();
        assert_eq!((used.deaths, used.timeouts), (u64::from(kill), u64::from(!kill)));
    }
}

#[test]
fn a_message_that_the_handler_hides_comes_when_it_is_due_even_while_the_handler_runs() {
    // Amazon SQS API Reference, `ChangeMessageVisibility`.
    let time = time();
    let queue: Arc<std::sync::OnceLock<_>> = Arc::default();
    let (inner, hand) = (time.clone(), queue.clone());
    let stack = StageStack::replying(time, settings(10, 0, Some(2)), 1, move |batch, _| {
        let (time, queue) = (inner.clone(), hand.get().cloned());
        async move {
            let delivery = &batch[0];
            if delivery.receive_count > 1 {
                return Answer::failures([]);
            }
            let change = Visibility { receipt: delivery.receipt.clone(), hidden_for: SECOND * 7 };
            let queue: Arc<crate::queue::MemoryQueue> = queue.unwrap();
            queue.hide(&[change]).await.unwrap();
            time.sleep(SECOND * 20).await;
            Answer::failures([&delivery.message_id])
        }
        .boxed()
    });
    assert!(queue.set(stack.queue.clone()).is_ok());
    stack.send(1);
    stack.pass(30);
    let waits = stack.seen()[1].at.duration_since(stack.seen()[0].at);
    assert!((7_000..7_500).contains(&waits.as_millis()), "it came after {waits:?}");
    assert_eq!(stack.queue.depth(), QueueDepth::default());
}

#[test]
fn an_idle_mapping_polls_nine_hundred_times_an_hour_and_holds_up_nothing() {
    // Amazon SQS Developer Guide, "Amazon SQS short and long polling"; five pollers.
    let stack = StageStack::working(settings(10, 5, Some(2)), SECOND);
    stack.pass(3600);
    let used = stack.mapping.used();
    assert_eq!((used.receives, used.empty_receives, used.batches), (0, 900, 0));
    assert_eq!(stack.queue.calls().receives, 0);
    stack.send(1);
    stack.pass(60);
    let used = stack.mapping.used();
    assert_eq!((used.receives, used.batches, used.messages), (1, 1, 1));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let time = time();
        let inner = time.clone();
        let stack = StageStack::replying(time, settings(10, 3, None), seed, move |batch, _| {
            let slept = inner.sleep(SECOND * 3);
            let failed = batch.iter().filter(|delivery| delivery.body.ends_with('7'));
            let answer = Answer::failures(failed.map(|delivery| &delivery.message_id));
            slept.map(|()| answer).boxed()
        });
        stack.function.set_reserved_concurrency(Some(4));
        for _ in 0..30 {
            stack.send(40);
            stack.pass(20);
        }
        stack.pass(7200);
        (stack.seen(), stack.function.used(), stack.mapping.used(), stack.dead())
    };
    let first = trace(5);
    assert!(first.0.len() > 100);
    assert_eq!(first, trace(5));
    assert_ne!(first, trace(6));
}
