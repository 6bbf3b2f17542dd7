//! What happens to healthy messages when the function isn't free for them.

use std::{collections::BTreeSet, time::Duration};

use super::house::*;

const MINUTE: u64 = 60;

/// 1,000 healthy messages for a function that may run twice at once.
fn rush(maximum_concurrency: Option<u32>) -> House {
    let house = House::working(settings(10, 0, maximum_concurrency), Duration::from_secs(25));
    house.function.set_reserved_concurrency(Some(2));
    house.send(1_000);
    house.pass(60 * MINUTE);
    house
}

#[test]
fn over_pulling_dead_letters_healthy_messages_that_the_handler_never_saw() {
    // AWS re:Post Knowledge Center, "Why isn't my Lambda function with an Amazon SQS event source
    // optimally scaling?": mappings don't account for reserved concurrency.
    let house = rush(None);
    let (dead, handled) = (house.dead(), house.handled());
    let unseen: BTreeSet<_> = dead.difference(&handled).collect();
    assert!(unseen.len() >= 50, "{} of {} dead messages were never seen", unseen.len(), dead.len());
    // Some are both: a batch that ran late is visible again before it is done.
    assert_eq!(dead.union(&handled).count(), 1_000);
    assert!(house.mapping.used().dropped > 0 && house.function.used().throttles > 0);
}

#[test]
fn with_maximum_concurrency_no_more_than_reserved_nothing_is_throttled_nor_dead() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": maximum
    // concurrency and reserved concurrency.
    let house = rush(Some(2));
    assert_eq!((house.dead().len(), house.handled().len()), (0, 1_000));
    assert_eq!((house.function.used().throttles, house.mapping.used().dropped), (0, 0));
    assert!(house.seen().iter().flat_map(|seen| &seen.messages).all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn a_reserved_concurrency_of_zero_burns_receives_until_all_is_in_the_dlq() {
    // AWS Lambda Developer Guide, "Configuring reserved concurrency for a function": 0 "stops your
    // function from processing any events"; the mapping goes on reading them.
    let house = House::working(settings(10, 0, None), Duration::from_secs(1));
    house.function.set_reserved_concurrency(Some(0));
    house.send(50);
    house.pass(14 * MINUTE);
    assert_eq!(house.dlq.depth().visible, 0);
    house.pass(4 * MINUTE);
    assert_eq!(house.dead().len(), 50);
    let used = house.function.used();
    assert_eq!((used.invocations, house.seen().len()), (0, 0));
    assert!(used.throttles > 50, "a throttled batch is tried again: {used:?}");
}

#[test]
fn a_throttled_batch_runs_as_soon_as_it_may_if_its_messages_are_still_hidden() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": backoff strategy
    // for failed invocations.
    let house = House::working(settings(10, 0, None), Duration::from_secs(1));
    house.function.set_reserved_concurrency(Some(0));
    house.send(10);
    house.pass(2 * MINUTE);
    house.function.set_reserved_concurrency(None);
    house.pass(31);
    assert_eq!(house.seen().len(), 1);
    assert!(house.seen()[0].messages.iter().all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn without_a_maximum_it_grows_by_three_hundred_batches_a_minute() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings".
    let house = House::working(settings(1, 0, None), Duration::from_secs(29));
    house.send(2_000);
    house.pass(0);
    assert_eq!(house.mapping.in_flight(), 5);
    house.pass(20);
    assert_eq!((house.mapping.in_flight(), house.function.running()), (105, 105));
}
