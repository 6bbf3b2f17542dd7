//! What happens to healthy messages when the function isn't free for them.

use std::{collections::BTreeSet, time::Duration};

use super::stack::*;

const MINUTE: u64 = 60;

/// 1,000 healthy messages for a function that may run twice at once.
fn rush(maximum_concurrency: Option<u32>) -> StageStack {
    let stack = StageStack::working(settings(10, 0, maximum_concurrency), Duration::from_secs(25));
    stack.function.set_reserved_concurrency(Some(2));
    stack.send(1_000);
    stack.pass(60 * MINUTE);
    stack
}

#[test]
fn over_pulling_dead_letters_healthy_messages_that_the_handler_never_saw() {
    // AWS re:Post Knowledge Center, "Why isn't my Lambda function with an Amazon SQS event source
    // optimally scaling?": mappings don't account for reserved concurrency.
    let stack = rush(None);
    let (dead, handled) = (stack.dead(), stack.handled());
    let unseen: BTreeSet<_> = dead.difference(&handled).collect();
    assert!(unseen.len() >= 50, "{} of {} dead messages were never seen", unseen.len(), dead.len());
    // Some are both: a batch that ran late is visible again before it is done.
    assert_eq!(dead.union(&handled).count(), 1_000);
    assert!(stack.mapping.used().dropped > 0 && stack.function.used().throttles > 0);
}

#[test]
fn with_maximum_concurrency_no_more_than_reserved_nothing_is_throttled_nor_dead() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": maximum
    // concurrency and reserved concurrency.
    let stack = rush(Some(2));
    assert_eq!((stack.dead().len(), stack.handled().len()), (0, 1_000));
    assert_eq!((stack.function.used().throttles, stack.mapping.used().dropped), (0, 0));
    assert!(stack.seen().iter().flat_map(|seen| &seen.messages).all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn a_reserved_concurrency_of_zero_burns_receives_until_all_is_in_the_dlq() {
    // AWS Lambda Developer Guide, "Configuring reserved concurrency for a function": 0 "stops your
    // function from processing any events"; the mapping goes on reading them.
    let stack = StageStack::working(settings(10, 0, None), Duration::from_secs(1));
    stack.function.set_reserved_concurrency(Some(0));
    stack.send(50);
    stack.pass(14 * MINUTE);
    assert_eq!(stack.dlq.depth().visible, 0);
    stack.pass(4 * MINUTE);
    assert_eq!(stack.dead().len(), 50);
    let used = stack.function.used();
    assert_eq!((used.invocations, stack.seen().len()), (0, 0));
    assert!(used.throttles > 50, "a throttled batch is tried again: {used:?}");
}

#[test]
fn a_throttled_batch_runs_as_soon_as_it_may_if_its_messages_are_still_hidden() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": backoff strategy
    // for failed invocations.
    let stack = StageStack::working(settings(10, 0, None), Duration::from_secs(1));
    stack.function.set_reserved_concurrency(Some(0));
    stack.send(10);
    stack.pass(2 * MINUTE);
    stack.function.set_reserved_concurrency(None);
    stack.pass(31);
    assert_eq!(stack.seen().len(), 1);
    assert!(stack.seen()[0].messages.iter().all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn without_a_maximum_it_grows_by_three_hundred_batches_a_minute() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
    let stack = StageStack::working(settings(1, 0, None), Duration::from_secs(29));
    stack.send(2_000);
    stack.pass(0);
    assert_eq!(stack.mapping.in_flight(), 5);
    stack.pass(20);
    assert_eq!((stack.mapping.in_flight(), stack.function.running()), (105, 105));
}
