use super::*;
use crate::time::VirtualTime;

/// A queue and its dead-letter queue, which holds so many of its messages.
fn dead_letters(count: usize) -> (VirtualTime, MemoryQueue, Arc<MemoryQueue>) {
    let clock = clock();
    let time = VirtualTime::of(clock.clone());
    let (queue, dlq) = pair(&clock, 1);
    send_many(&queue, count);
    queue.receive(count);
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(count), []);
    assert_eq!(dlq.depth(), QueueDepth { visible: count, in_flight: 0 });
    (time, queue, dlq)
}

fn seconds(time: &VirtualTime, seconds: u64) {
    time.run_until(time.now() + Duration::from_secs(seconds));
}

#[test]
fn a_message_that_is_moved_back_starts_anew() {
    let clock = clock();
    let (dlq, queue) = (queue(&clock), queue(&clock));
    dlq.send_body("hello");
    clock.advance(VISIBILITY);
    assert_eq!(dlq.move_to(&queue), 1);
    let again = receive_one(&queue);
    assert_eq!((again.receive_count, again.sent_at), (1, clock.now()));
    assert_eq!(dlq.depth(), QueueDepth::default());
}

// Amazon SQS API Reference, StartMessageMoveTask; Developer Guide, "Learn how to configure a dead-letter
// queue redrive": redriven messages are new, with a new messageID and enqueueTime. So their receives count anew, or a
// letter would be back in the dead-letter queue after one.
#[test]
fn a_task_moves_dead_letters_back_to_where_they_came_from_as_new_messages() {
    let (time, queue, dlq) = dead_letters(1);
    let before = time.now();
    seconds(&time, 60);
    let task = dlq.start_move_task(None, 500, &time).unwrap();
    assert_eq!((task.status(), task.moved()), (MoveStatus::Running, 0));
    seconds(&time, 1);
    assert_eq!((task.status(), task.moved()), (MoveStatus::Completed, 1));
    let back = receive_one(&queue);
    assert_eq!((back.receive_count, back.sent_at), (1, before + Duration::from_mins(1)));
    assert_eq!(dlq.depth(), QueueDepth::default());
}

// Amazon SQS API Reference, StartMessageMoveTask: MaxNumberOfMessagesPerSecond, at most 500.
#[test]
fn a_task_keeps_to_its_rate() {
    let (time, queue, dlq) = dead_letters(1_000);
    for refused in [0, 501] {
        let refusal = dlq.start_move_task(None, refused, &time).unwrap_err();
        assert_eq!(refusal, MoveTaskRefused::RateOutOfRange(refused));
    }
    let task = dlq.start_move_task(None, 100, &time).unwrap();
    seconds(&time, 0);
    assert_eq!(queue.depth().visible, 100);
    seconds(&time, 8);
    assert_eq!((queue.depth().visible, task.status()), (900, MoveStatus::Running));
    seconds(&time, 2);
    assert_eq!((queue.depth().visible, dlq.depth().visible), (1_000, 0));
    assert_eq!((task.moved(), task.status()), (1_000, MoveStatus::Completed));
}

// Amazon SQS API Reference, StartMessageMoveTask: "Only one active message movement task is supported per
// queue at any given time."
#[test]
fn one_task_at_a_time_moves_a_queues_messages_until_it_ends_or_is_cancelled() {
    let (time, queue, dlq) = dead_letters(1_000);
    let task = dlq.start_move_task(None, 100, &time).unwrap();
    let refused = dlq.start_move_task(None, 100, &time).unwrap_err();
    assert_eq!(refused, MoveTaskRefused::AlreadyMoving);
    assert!(refused.to_string().starts_with("There is already a task running."), "{refused}");
    seconds(&time, 2);
    assert!(task.cancel());
    assert!(!task.cancel());
    seconds(&time, 1);
    assert_eq!((task.moved(), task.status()), (300, MoveStatus::Cancelled));
    assert_eq!((queue.depth().visible, dlq.depth().visible), (300, 700));
    let rest = dlq.start_move_task(None, 500, &time).unwrap();
    seconds(&time, 2);
    assert_eq!((rest.moved(), rest.status()), (700, MoveStatus::Completed));
    assert!(!rest.cancel());
}

// The same page: without a DestinationArn messages go "back to their respective original source queues",
// which only the redrive policy knows.
#[test]
fn what_was_sent_to_a_dead_letter_queue_straight_stays_unless_a_destination_is_named() {
    let (time, queue, dlq) = dead_letters(2);
    dlq.send_body("straight");
    let task = dlq.start_move_task(None, 500, &time).unwrap();
    seconds(&time, 1);
    assert_eq!((task.moved(), task.status()), (2, MoveStatus::Completed));
    assert_eq!((queue.depth().visible, dlq.depth().visible), (2, 1));
    let task = dlq.start_move_task(Some(&queue), 500, &time).unwrap();
    seconds(&time, 1);
    assert_eq!(task.moved(), 1);
    assert_eq!(bodies(&queue), ["0", "1", "straight"]);
}

// The same page: "currently limited to supporting message redrive from queues that are configured as
// dead-letter queues (DLQs) of other Amazon SQS queues only".
#[test]
fn only_the_messages_of_a_dead_letter_queue_are_moved() {
    let (time, queue, _) = dead_letters(0);
    let refused = queue.start_move_task(None, 1, &time).unwrap_err();
    assert_eq!(refused, MoveTaskRefused::NotADeadLetterQueue);
    assert_eq!(refused.to_string(), "Source queue must be configured as a Dead Letter Queue.");
}

#[test]
fn each_dead_letter_finds_its_own_queue() {
    let clock = clock();
    let time = VirtualTime::of(clock.clone());
    let dlq = Arc::new(queue(&clock));
    let queues = [(); 2].map(|()| {
        let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: 1 };
        MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive))
    });
    for (queue, body) in queues.iter().zip(["first", "second"]) {
        queue.send_body(body);
        queue.receive(1);
    }
    clock.advance(VISIBILITY);
    for queue in &queues {
        assert_eq!(queue.receive(1), []);
    }
    dlq.start_move_task(None, 500, &time).unwrap();
    seconds(&time, 1);
    assert_eq!(queues.each_ref().map(bodies), [["first"], ["second"]]);
}
