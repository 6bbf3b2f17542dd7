use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future};
use pulse_core::ports::{StageQueue as _, Visibility};

use super::{super::Answer, house::*};
use crate::queue::Depth;

const SECOND: Duration = Duration::from_secs(1);

fn sizes(house: &House) -> Vec<usize> {
    house.seen().iter().map(|seen| seen.messages.len()).collect()
}

#[test]
fn a_batch_is_handed_over_when_it_is_full_or_its_window_is_over() {
    // AWS Lambda Developer Guide, "How Lambda processes records from stream and queue-based event
    // sources": batching behavior.
    let house = House::working(settings(25, 10, Some(2)), SECOND * 5);
    house.send(60);
    house.pass(4);
    assert_eq!(sizes(&house), [25, 25]);
    house.pass(26);
    let rest = house.seen().split_off(2);
    assert_eq!(rest.iter().map(|seen| seen.messages.len()).sum::<usize>(), 10);
    let begun = house.seen()[0].at + SECOND * 5;
    for seen in rest {
        let waited = seen.at.duration_since(begun).as_millis();
        assert!((10_000..11_000).contains(&waited), "it waited {waited} ms");
    }
    assert_eq!(house.queue.depth(), Depth::default());
}

#[test]
fn without_a_window_a_batch_is_what_one_receive_gives() {
    // AWS Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": a
    // batch of more than ten needs a window of a second.
    let house = House::working(settings(100, 0, Some(50)), SECOND);
    house.send(35);
    house.pass(1);
    let mut sizes = sizes(&house);
    // Which starts first is up to the environments.
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10, 10]);
}

#[test]
fn few_messages_are_spread_over_the_pollers_and_make_small_batches() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": five
    // batches at a time to begin with.
    let house = House::working(settings(100, 60, None), SECOND);
    for _ in 0..30 {
        house.send(1);
        house.pass(1);
    }
    house.pass(120);
    let sizes = sizes(&house);
    assert_eq!(sizes.iter().sum::<usize>(), 30);
    assert!((2..=5).contains(&sizes.len()), "{sizes:?}");
}

#[test]
fn at_its_maximum_concurrency_it_stops_reading() {
    // AWS Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings":
    // maximum concurrency.
    let house = House::working(settings(10, 0, Some(3)), SECOND * 20);
    house.send(100);
    house.pass(10);
    assert_eq!(house.queue.depth(), Depth { visible: 70, in_flight: 30 });
    assert_eq!((house.function.running(), house.mapping.in_flight()), (3, 3));
    house.mapping.set_maximum_concurrency(Some(5)).unwrap();
    house.pass(1);
    assert_eq!(house.queue.depth(), Depth { visible: 50, in_flight: 50 });
    house.mapping.set_maximum_concurrency(Some(2)).unwrap();
    house.pass(9 + 12);
    assert_eq!(house.mapping.in_flight(), 2, "three ended and two went on; now as many as may");
    house.pass(300);
    assert_eq!((house.queue.depth(), house.dead().len()), (Depth::default(), 0));
    assert_eq!(house.handled().len(), 100);
}

#[test]
fn the_messages_that_did_not_fail_are_deleted() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": implementing
    // partial batch responses.
    let house = House::replying(time(), settings(10, 0, Some(2)), 1, |batch, _| {
        let failed = batch.into_iter().filter(|delivery| delivery.body == "3" && delivery.receive_count == 1);
        future::ready(Answer::Failures(failed.map(|delivery| delivery.message_id).collect())).boxed()
    });
    house.send(10);
    house.pass(100);
    assert_eq!(house.queue.depth(), Depth { visible: 0, in_flight: 1 });
    house.pass(100);
    let seen = house.seen();
    assert_eq!((seen.len(), &seen[1].messages[..]), (2, &[("3".to_owned(), 2)][..]));
    let waited = Duration::try_from(seen[1].at.duration_since(start())).unwrap();
    assert_eq!(waited, VISIBILITY);
    assert_eq!(house.queue.depth(), Depth::default());
}

#[test]
fn an_answer_that_cannot_be_read_fails_the_whole_batch() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": success and
    // failure conditions.
    let bad = [Answer::Failures(vec![String::new()]), Answer::Failures(vec!["unknown".into()]), Answer::Unreadable];
    for answer in bad {
        let house = House::replying(time(), settings(10, 0, Some(2)), 1, move |batch, _| {
            let answer = match &answer {
                Answer::Failures(ids) => {
                    Answer::Failures(ids.iter().cloned().chain([batch[0].message_id.clone()]).collect())
                }
                Answer::Unreadable => Answer::Unreadable,
            };
            future::ready(answer).boxed()
        });
        house.send(10);
        house.pass(100);
        assert_eq!(house.queue.depth(), Depth { visible: 0, in_flight: 10 });
        house.pass(20 * 60);
        assert_eq!(house.dead().len(), 10);
        assert_eq!(house.seen().iter().map(|seen| seen.messages.len()).sum::<usize>(), 50);
    }
}

#[test]
fn a_batch_whose_invocation_times_out_or_dies_comes_again_when_it_is_visible_again() {
    // AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda".
    for kill in [true, false] {
        let time = time();
        let inner = time.clone();
        let house = House::replying(time, settings(10, 0, Some(2)), 1, move |batch, invocation| {
            let time = inner.clone();
            async move {
                if batch[0].receive_count == 1 {
                    time.sleep(SECOND * 5).await;
                    if kill {
                        invocation.doom.strike().await;
                    }
                    time.sleep(SECOND * 60).await;
                }
                Answer::Failures(Vec::new())
            }
            .boxed()
        });
        house.send(10);
        house.pass(200);
        let counts: Vec<_> = house.seen().iter().map(|seen| seen.messages[0].1).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(Duration::try_from(house.seen()[1].at.duration_since(start())).unwrap().as_secs(), 180);
        assert_eq!(house.queue.depth(), Depth::default());
        let used = house.function.used();
        assert_eq!((used.deaths, used.timeouts), (u64::from(kill), u64::from(!kill)));
    }
}

#[test]
fn a_message_that_the_handler_hides_comes_when_it_is_due_even_while_the_handler_runs() {
    // Amazon SQS API Reference, `ChangeMessageVisibility`.
    let time = time();
    let queue: Arc<std::sync::OnceLock<_>> = Arc::default();
    let (inner, hand) = (time.clone(), queue.clone());
    let house = House::replying(time, settings(10, 0, Some(2)), 1, move |batch, _| {
        let (time, queue) = (inner.clone(), hand.get().cloned());
        async move {
            let delivery = &batch[0];
            if delivery.receive_count > 1 {
                return Answer::Failures(Vec::new());
            }
            let change = Visibility { receipt: delivery.receipt.clone(), hidden_for: SECOND * 7 };
            let queue: Arc<crate::queue::MemoryQueue> = queue.unwrap();
            queue.hide(&[change]).await.unwrap();
            time.sleep(SECOND * 20).await;
            Answer::Failures(vec![delivery.message_id.clone()])
        }
        .boxed()
    });
    assert!(queue.set(house.queue.clone()).is_ok());
    house.send(1);
    house.pass(30);
    let waits = house.seen()[1].at.duration_since(house.seen()[0].at);
    assert!((7_000..7_500).contains(&waits.as_millis()), "it came after {waits:?}");
    assert_eq!(house.queue.depth(), Depth::default());
}

#[test]
fn an_idle_mapping_polls_nine_hundred_times_an_hour_and_holds_up_nothing() {
    // Amazon SQS Developer Guide, "Amazon SQS short and long polling"; five pollers.
    let house = House::working(settings(10, 5, Some(2)), SECOND);
    house.pass(3600);
    let used = house.mapping.used();
    assert_eq!((used.receives, used.empty_receives, used.batches), (0, 900, 0));
    assert_eq!(house.queue.calls().receives, 0);
    house.send(1);
    house.pass(60);
    let used = house.mapping.used();
    assert_eq!((used.receives, used.batches, used.messages), (1, 1, 1));
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let time = time();
        let inner = time.clone();
        let house = House::replying(time, settings(10, 3, None), seed, move |batch, _| {
            let slept = inner.sleep(SECOND * 3);
            let failed = batch.into_iter().filter(|delivery| delivery.body.ends_with('7'));
            let answer = Answer::Failures(failed.map(|delivery| delivery.message_id).collect());
            slept.map(|()| answer).boxed()
        });
        house.function.set_reserved_concurrency(Some(4));
        for _ in 0..30 {
            house.send(40);
            house.pass(20);
        }
        house.pass(7200);
        (house.seen(), house.function.used(), house.mapping.used(), house.dead())
    };
    let first = trace(5);
    assert!(first.0.len() > 100);
    assert_eq!(first, trace(5));
    assert_ne!(first, trace(6));
}
