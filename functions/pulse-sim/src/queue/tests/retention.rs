use super::*;

const DAY: Duration = Duration::from_hours(24);
const MOMENT: Duration = Duration::from_secs(30);

// Amazon SQS Developer Guide, "Amazon SQS message quotas": message retention.
#[test]
fn a_message_older_than_the_retention_is_gone_wherever_it_was() {
    let clock = clock();
    let queue = queue(&clock).with_retention(DAY);
    send_many(&queue, 3);
    clock.advance(DAY.saturating_sub(MOMENT));
    queue.send_body("younger");
    let old = queue.receive(1);
    assert_eq!(queue.depth(), QueueDepth { visible: 3, in_flight: 1 });
    assert_eq!(queue.oldest_visible(clock.now()), Some(DAY.saturating_sub(MOMENT)));

    clock.advance(MOMENT);
    assert_eq!(queue.depth(), QueueDepth { visible: 1, in_flight: 0 });
    assert_eq!(queue.oldest_visible(clock.now()), Some(MOMENT));
    assert!(!queue.delete(&old[0].receipt));
    assert_eq!(bodies(&queue), ["younger"]);
    assert_eq!(queue.expired(), 3);
}

// Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS": the expiration of a message in a
// standard queue's dead-letter queue "is always based on its original enqueue timestamp".
#[test]
fn a_dead_letter_expires_by_when_it_was_sent_first() {
    let clock = clock();
    let dlq = Arc::new(queue(&clock).with_retention(DAY * 4));
    let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: 1 };
    let queue = MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive));
    queue.send_body("hello");
    clock.advance(DAY * 3);
    queue.receive(1);
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(1), []);
    assert_eq!(dlq.depth().visible, 1);
    assert_eq!(dlq.oldest_visible(clock.now()), Some(DAY * 3 + VISIBILITY));
    clock.advance(DAY.saturating_sub(VISIBILITY));
    assert_eq!((dlq.depth().visible, dlq.expired()), (0, 1));
}

// The same page: so a dead-letter queue has to retain for longer than its source queue.
#[test]
fn a_dead_letter_that_is_too_old_on_arrival_is_never_seen() {
    let clock = clock();
    let dlq = Arc::new(queue(&clock).with_retention(DAY));
    let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: 1 };
    let queue = MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive)).with_retention(DAY * 4);
    queue.send_body("hello");
    clock.advance(DAY * 2);
    queue.receive(1);
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(1), []);
    assert_eq!(dlq.receive(1), []);
    assert_eq!((dlq.depth(), dlq.expired(), queue.expired()), (QueueDepth::default(), 1, 0));
}

#[test]
fn those_behind_many_that_have_expired_are_received_in_turn() {
    let clock = clock();
    let queue = queue(&clock).with_retention(DAY);
    send_many(&queue, 500);
    clock.advance(MOMENT);
    queue.send_body("a");
    queue.send_body("b");
    clock.advance(DAY.saturating_sub(MOMENT));
    queue.send_body("c");
    assert_eq!(bodies(&queue), ["a", "b", "c"]);
    assert_eq!(queue.expired(), 500);
}

#[test]
fn without_a_retention_messages_stay() {
    let clock = clock();
    let queue = queue(&clock);
    queue.send_body("hello");
    clock.advance(DAY * 3_650);
    assert_eq!(bodies(&queue), ["hello"]);
}
