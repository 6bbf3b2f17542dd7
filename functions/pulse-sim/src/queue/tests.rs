use super::*;
use crate::clock::VirtualClock;

const VISIBILITY: Duration = Duration::from_mins(1);

fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::starting_at("2026-11-03T10:00:00Z".parse().unwrap()))
}

#[test]
fn a_message_goes_to_the_dlq_when_it_has_been_received_too_often() {
    let clock = clock();
    let dlq = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None));
    let redrive = Redrive { dlq: dlq.clone(), max_receive_count: 2 };
    let queue = MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive));
    let sent_at = clock.now();
    queue.send_body("hello");
    for count in 1..=2 {
        assert_eq!(queue.receive(10)[0].receive_count, count);
        assert_eq!(queue.receive(10), []);
        clock.advance(VISIBILITY);
    }
    assert_eq!(dlq.depth(), Depth::default());
    assert_eq!(queue.receive(10), []);
    assert_eq!(queue.depth(), Depth::default());
    let dead = dlq.receive(10);
    assert_eq!((dead[0].body.as_str(), dead[0].sent_at, dead[0].receive_count), ("hello", sent_at, 1));
}

#[test]
fn a_message_that_is_moved_back_starts_anew() {
    let clock = clock();
    let (dlq, queue) = [(); 2].map(|()| MemoryQueue::new(clock.clone(), VISIBILITY, None)).into();
    dlq.send_body("hello");
    clock.advance(VISIBILITY);
    assert_eq!(dlq.move_to(&queue), 1);
    let again = &queue.receive(1)[0];
    assert_eq!((again.receive_count, again.sent_at), (1, clock.now()));
    assert_eq!(dlq.depth(), Depth::default());
}

#[test]
fn only_the_last_receipt_deletes() {
    let clock = clock();
    let queue = MemoryQueue::new(clock.clone(), VISIBILITY, None);
    queue.send_body("hello");
    let first = queue.receive(1)[0].receipt.clone();
    clock.advance(VISIBILITY);
    let second = queue.receive(1)[0].receipt.clone();
    assert!(!queue.delete(&first));
    assert_eq!(queue.depth(), Depth { visible: 0, in_flight: 1 });
    assert!(queue.delete(&second));
    assert!(!queue.delete(&second));
    assert_eq!(queue.depth(), Depth::default());
}
