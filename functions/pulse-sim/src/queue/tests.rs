mod disorder;
mod fair;
mod limits;
mod model;
mod moves;
mod redrive;
mod retention;

use futures::FutureExt as _;

use super::*;
use crate::clock::VirtualClock;

const VISIBILITY: Duration = Duration::from_mins(1);

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::starting_at("2026-11-03T10:00:00Z".parse().unwrap()))
}

fn queue(clock: &Arc<VirtualClock>) -> MemoryQueue {
    MemoryQueue::new(clock.clone(), VISIBILITY, None)
}

/// A queue whose messages go to the other after so many receives.
fn pair(clock: &Arc<VirtualClock>, max_receive_count: u32) -> (MemoryQueue, Arc<MemoryQueue>) {
    let dlq = Arc::new(queue(clock));
    let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count };
    (MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive)), dlq)
}

fn send_many(queue: &MemoryQueue, count: usize) {
    (0..count).for_each(|n| queue.send_body(&n.to_string()));
}

fn receive_one(queue: &MemoryQueue) -> Received {
    let received = queue.receive(10);
    assert_eq!(received.len(), 1);
    received.into_iter().next().unwrap()
}

fn bodies(queue: &MemoryQueue) -> Vec<String> {
    queue.receive(usize::MAX).into_iter().map(|received| received.body).collect()
}

fn hide(queue: &MemoryQueue, received: &Received, hidden_for: Duration) {
    let change = Visibility { receipt: received.receipt.clone(), hidden_for };
    queue.hide(&[change]).now_or_never().unwrap().unwrap();
}

#[test]
fn a_queue_that_behaves_well_hands_out_in_turn() {
    let clock = clock();
    let queue = queue(&clock);
    send_many(&queue, 4);
    let first = queue.receive(2);
    clock.advance(Duration::from_secs(1));
    // Both become visible again; the second before the first, and after those that were visible all along.
    hide(&queue, &first[1], Duration::ZERO);
    hide(&queue, &first[0], Duration::from_secs(1));
    clock.advance(Duration::from_secs(1));
    queue.send_body("4");
    assert_eq!(bodies(&queue), ["2", "3", "1", "0", "4"]);
}

// Amazon SQS Developer Guide, "Amazon SQS queue and message identifiers": "Every time you receive a
// message from a queue, you receive a receipt handle for that message", and the most recent deletes.
#[test]
fn only_the_last_receipt_deletes() {
    let clock = clock();
    let queue = queue(&clock);
    queue.send_body("hello");
    let first = receive_one(&queue).receipt;
    clock.advance(VISIBILITY);
    let second = receive_one(&queue).receipt;
    assert!(!queue.delete(&first));
    assert_eq!(queue.depth(), QueueDepth { visible: 0, in_flight: 1 });
    assert!(queue.delete(&second));
    assert!(!queue.delete(&second));
    assert_eq!(queue.depth(), QueueDepth::default());
}

#[test]
fn no_receipt_of_a_message_that_has_gone_is_good_for_the_one_in_its_place() {
    let clock = clock();
    let queue = queue(&clock);
    queue.send_body("gone");
    let gone = receive_one(&queue);
    assert!(queue.delete(&gone.receipt));
    queue.send_body("new");
    for made_up in ["0", "1", "-1", "", "x", "18446744073709551615"] {
        assert!(!queue.delete(&Receipt(made_up.to_owned())), "{made_up}");
    }
    assert!(!queue.delete(&gone.receipt));
    let new = receive_one(&queue);
    assert!(!queue.delete(&gone.receipt));
    assert_eq!(queue.purge(), 1);
    queue.send_body("newer");
    assert!(!queue.delete(&new.receipt));
    assert_eq!(bodies(&queue), ["newer"]);
}

// Amazon SQS Developer Guide, "Amazon SQS visibility timeout": a message reappears when it ends, and a
// message that has not been deleted may be received again.
#[test]
fn a_receipt_deletes_even_after_its_message_has_reappeared_but_hides_it_no_more() {
    let clock = clock();
    let queue = queue(&clock);
    queue.send_body("hello");
    let received = receive_one(&queue);
    clock.advance(VISIBILITY);
    hide(&queue, &received, VISIBILITY);
    assert_eq!(queue.depth(), QueueDepth { visible: 1, in_flight: 0 });
    assert!(queue.delete(&received.receipt));
    assert_eq!(queue.depth(), QueueDepth::default());
    assert_eq!(queue.receive(1), []);
}

// Amazon SQS API Reference, PurgeQueue: "Deletes available messages in a queue (including in-flight
// messages)".
#[test]
fn a_purged_queue_is_empty_and_works_on() {
    let clock = clock();
    let queue = queue(&clock);
    send_many(&queue, 5);
    let in_flight = queue.receive(2);
    assert_eq!(queue.purge(), 5);
    assert_eq!((queue.depth(), queue.next_visible_at()), (QueueDepth::default(), None));
    assert!(!queue.delete(&in_flight[0].receipt));
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(10), []);
    queue.send_body("new");
    assert_eq!(bodies(&queue), ["new"]);
}

#[test]
fn whoever_waits_is_told_when_a_message_comes_sooner_than_expected() {
    let clock = clock();
    let (queue, dlq) = pair(&clock, 1);
    let is_told = |queue: &MemoryQueue, act: &dyn Fn()| {
        let wait = queue.arrivals().wait();
        act();
        wait.now_or_never().is_some()
    };
    assert!(is_told(&queue, &|| queue.send_body("a")));
    queue.send_body("b");
    let received = queue.receive(2);
    // b is the second now that reappears, then the first.
    assert!(is_told(&queue, &|| hide(&queue, &received[0], Duration::from_secs(10))));
    assert!(!is_told(&queue, &|| hide(&queue, &received[1], Duration::from_secs(20))));
    assert!(is_told(&queue, &|| hide(&queue, &received[1], Duration::from_secs(5))));
    assert!(!is_told(&queue, &|| hide(&queue, &received[1], Duration::from_secs(7))));
    assert_eq!(queue.next_visible_at(), Some(clock.now() + Duration::from_secs(7)));
    clock.advance(Duration::from_secs(10));
    assert!(is_told(&dlq, &|| assert_eq!(queue.receive(2), [])));
    assert_eq!(dlq.next_visible_at(), Some(clock.now()));
    assert!(is_told(&queue, &|| assert_eq!(dlq.move_to(&queue), 2)));
}

// Amazon SQS pricing bills requests; one batch request carries up to ten messages.
#[test]
fn calls_are_counted_as_a_client_makes_them_that_batches() {
    let clock = clock();
    let queue = queue(&clock);
    send_many(&queue, 25);
    let received = queue.receive(25);
    assert_eq!(queue.receive(10), []);
    let changes: Vec<_> = received[..11]
        .iter()
        .map(|received| Visibility { receipt: received.receipt.clone(), hidden_for: VISIBILITY })
        .collect();
    queue.hide(&changes).now_or_never().unwrap().unwrap();
    queue.hide(&[]).now_or_never().unwrap().unwrap();
    assert_eq!(queue.delete_all(received[..21].iter().map(|received| &received.receipt)), 21);
    assert!(queue.delete(&received[21].receipt));
    let calls = queue.calls();
    assert_eq!(calls, QueueCalls { sends: 25, receives: 4, deletes: 4, changes: 2 });
    assert_eq!(calls.total(), 35);
}
