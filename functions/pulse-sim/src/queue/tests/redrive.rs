use super::*;

// Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS": a message moves when its receive
// count "exceeds" maxReceiveCount, and for standard queues its enqueue timestamp is "unchanged".
#[test]
fn a_message_goes_to_the_dlq_when_it_has_been_received_too_often() {
    let clock = clock();
    let (queue, dlq) = pair(&clock, 2);
    let sent_at = clock.now();
    queue.send_body("hello");
    for count in 1..=2 {
        assert_eq!(receive_one(&queue).receive_count, count);
        assert_eq!(queue.receive(10), []);
        clock.advance(VISIBILITY);
    }
    // Received as often as it may be, and not too often yet.
    assert_eq!(queue.depth(), QueueDepth { visible: 1, in_flight: 0 });
    assert_eq!(dlq.depth(), QueueDepth::default());
    assert_eq!(queue.receive(10), []);
    assert_eq!(queue.depth(), QueueDepth::default());
    let dead = receive_one(&dlq);
    // Its receives in the first queue count: AWS was seen to hand out a letter of a maxReceiveCount of 1 with 2.
    assert_eq!((dead.body.as_str(), dead.sent_at, dead.receive_count), ("hello", sent_at, 3));
}

#[test]
fn a_receive_passes_over_dead_letters_to_those_behind_them() {
    let clock = clock();
    let (queue, dlq) = pair(&clock, 1);
    send_many(&queue, 3);
    queue.receive(3);
    clock.advance(VISIBILITY);
    queue.send_body("fresh");
    assert_eq!(bodies(&queue), ["fresh"]);
    assert_eq!(dlq.depth().visible, 3);
}

// Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS": several source queues may share a
// dead-letter queue, to which messages move with their original ids.
#[test]
fn dead_letters_of_two_queues_keep_their_ids_and_never_share_one() {
    let clock = clock();
    let dlq = Arc::new(queue(&clock));
    let queues = [(); 2].map(|()| {
        let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: 1 };
        MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive))
    });
    let mut ids = Vec::new();
    for queue in &queues {
        queue.send_body("hello");
        ids.push(receive_one(queue).id);
    }
    clock.advance(VISIBILITY);
    for queue in &queues {
        assert_eq!(queue.receive(1), []);
    }
    dlq.send_body("hello");
    let dead: Vec<_> = dlq.receive(10).into_iter().map(|dead| dead.id).collect();
    assert_eq!(dead[..2], ids);
    assert!(dead[0] != dead[1] && dead[1] != dead[2] && dead[0] != dead[2], "{dead:?}");
}
