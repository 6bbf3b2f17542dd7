use std::collections::BTreeSet;

use super::*;
use crate::random::Randomness;

fn disorderly(clock: &Arc<VirtualClock>, disorder: Disorder) -> MemoryQueue {
    queue(clock).with_disorder(Randomness::of_seed(7).stream("queue"), disorder)
}

// Amazon SQS Developer Guide, "Amazon SQS at-least-once delivery": "you might get that message copy again
// when you receive messages".
#[test]
fn a_message_may_be_received_twice_at_once_under_one_id() {
    let clock = clock();
    let queue = disorderly(&clock, Disorder { duplicate: 0.1, ..Disorder::default() });
    send_many(&queue, 1_000);
    let first = queue.receive(1_000);
    let once: BTreeSet<_> = first.iter().map(|received| &received.id).collect();
    assert_eq!(once.len(), 1_000, "none comes twice in one receive");
    let again = queue.receive(1_000);
    assert!((70..130).contains(&again.len()), "{} came twice", again.len());
    for copy in &again {
        let original = first.iter().find(|received| received.id == copy.id).unwrap();
        assert_eq!((&copy.body, copy.sent_at), (&original.body, original.sent_at));
        assert_ne!(copy.receipt, original.receipt);
    }
    // Each copy is deleted by its own receipt.
    let receipts = |received: &[Received]| received.iter().map(|one| one.receipt.clone()).collect::<Vec<_>>();
    assert_eq!(queue.delete_all(&receipts(&first)), 1_000);
    assert_eq!(queue.depth().in_flight, again.len());
    assert_eq!(queue.delete_all(&receipts(&again)), again.len());
}

// Amazon SQS Developer Guide, "Amazon SQS at-least-once delivery": a server might be unavailable when you
// "delete a message", and "the copy of the message isn't deleted on that unavailable server".
#[test]
fn a_delete_may_be_forgotten_though_it_was_answered_well() {
    let clock = clock();
    let queue = disorderly(&clock, Disorder { forgotten_delete: 0.1, ..Disorder::default() });
    send_many(&queue, 1_000);
    let received = queue.receive(1_000);
    assert_eq!(queue.delete_all(received.iter().map(|received| &received.receipt)), 1_000);
    assert_eq!(queue.depth().visible, 0);
    clock.advance(VISIBILITY);
    let back = queue.receive(1_000);
    assert!((70..130).contains(&back.len()), "{} came back", back.len());
    assert!(back.iter().all(|back| back.receive_count == 2));
}

// Amazon SQS API Reference, ReceiveMessage: a weighted random set of machines is sampled, "repeat the request".
#[test]
fn a_receive_may_give_fewer_messages_than_there_are_or_none() {
    let clock = clock();
    let queue = disorderly(&clock, Disorder { fewer: 1.0, ..Disorder::default() });
    send_many(&queue, 1_000);
    let sizes: Vec<_> = (0..100).map(|_| queue.receive(10).len()).collect();
    assert!(sizes.contains(&0) && sizes.contains(&10) && sizes.iter().all(|size| *size <= 10), "{sizes:?}");
    assert_eq!(queue.depth().visible, 1_000 - sizes.iter().sum::<usize>());
}

// Amazon SQS API Reference, GetQueueAttributes: counts are approximate for a minute at least.
#[test]
fn counts_may_be_a_minute_old_and_no_older() {
    let clock = clock();
    let random = Randomness::of_seed(7).stream("counts");
    let queue = queue(&clock).with_lagging_counts(random, Duration::from_mins(1));
    let mut told = Vec::new();
    for _ in 0..30 {
        clock.advance(Duration::from_secs(10));
        queue.send_body("hello");
        told.push((queue.reported_depth().visible, queue.depth().visible));
    }
    assert!(told.iter().all(|(told, there)| told <= there && there - told <= 6), "{told:?}");
    assert!(told.iter().any(|(told, there)| there - told >= 4), "{told:?}");
    clock.advance(Duration::from_mins(2));
    assert_eq!((queue.reported_depth(), queue.depth().visible), (queue.depth(), 30));
}

// Amazon SQS Developer Guide, "Amazon SQS standard queues": "best-effort ordering".
#[test]
fn an_unordered_queue_hands_out_anyone_next() {
    let clock = clock();
    let queue = disorderly(&clock, Disorder { unordered: true, ..Disorder::default() });
    send_many(&queue, 100);
    let received = bodies(&queue);
    let once: BTreeSet<_> = received.iter().collect();
    assert_eq!(once.len(), 100, "each comes once");
    let first_half = received[..50].iter().filter(|body| body.parse::<usize>().unwrap() < 50).count();
    assert!((15..35).contains(&first_half), "{first_half} of the first half came in the first half");
}

#[test]
fn the_same_seed_brings_the_same_disorder() {
    let run = || {
        let clock = clock();
        let disorder = Disorder { duplicate: 0.2, forgotten_delete: 0.2, unordered: true, fewer: 0.2 };
        let queue = disorderly(&clock, disorder);
        send_many(&queue, 50);
        let mut trace = Vec::new();
        for _ in 0..20 {
            let received = queue.receive(10);
            queue.delete_all(received.iter().map(|received| &received.receipt));
            trace.extend(received);
            clock.advance(VISIBILITY / 2);
        }
        trace
    };
    assert_eq!(run(), run());
    assert!(run().len() > 50);
}
