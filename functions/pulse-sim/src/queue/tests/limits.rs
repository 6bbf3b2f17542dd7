use super::*;

// Amazon SQS Developer Guide, "Amazon SQS visibility timeout": 12 hours at most.
#[test]
fn no_message_is_hidden_for_more_than_twelve_hours() {
    let clock = clock();
    let queue = MemoryQueue::new(clock.clone(), Duration::from_hours(13), None);
    queue.send_body("hello");
    let received = receive_one(&queue);
    assert_eq!(queue.next_visible_at(), Some(clock.now() + LONGEST));
    hide(&queue, &received, Duration::MAX);
    assert_eq!(queue.next_visible_at(), Some(clock.now() + LONGEST));
}

// Amazon SQS Developer Guide, "Amazon SQS message quotas": "approximately 120,000 in-flight messages" of a
// standard queue.
#[test]
fn nothing_is_received_while_too_much_is_in_flight() {
    let clock = clock();
    let queue = queue(&clock);
    send_many(&queue, 120_005);
    let received = queue.receive(usize::MAX);
    assert_eq!(received.len(), 120_000);
    assert_eq!(queue.receive(10), []);
    assert_eq!(queue.depth(), QueueDepth { visible: 5, in_flight: 120_000 });
    assert_eq!(queue.next_visible_at(), Some(clock.now() + VISIBILITY));
    assert!(queue.delete(&received[7].receipt));
    assert_eq!(queue.receive(10).len(), 1);
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(10).len(), 10);
}
