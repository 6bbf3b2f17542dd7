//! Redrives at a rate, and redrives that would never end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    dead_letters::{CauseFilter, Redrive, RedriveOrder},
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, DlqName, QueueError, Rate, StageQueue, Visibility},
};
use pulse_sim::{clock::VirtualClock, dead_letters::MemoryReader, queue::MemoryQueue};
use pulse_tests::in_memory_stack::InMemoryStack;

use super::die;

#[tokio::test]
async fn no_more_letters_than_the_rate_allows_are_sent_in_any_second() {
    for (rate, count) in [(1, 12), (7, 23), (50, 120), (500, 600)] {
        let stack = InMemoryStack::new();
        die(&stack, count).await;
        let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
        let redrive = Redrive {
            letters: &letters,
            queue: Some(&*stack.score.queue),
            ledger: &*stack.ledger,
            deliveries: &*stack.ledger,
            sleeper: &*stack.clock,
            intake: &MemoryReader,
        };
        let began = stack.clock.now();
        let order = RedriveOrder { rate: Some(Rate::parse(&rate.to_string()).unwrap()), ..RedriveOrder::default() };
        let redriven = redrive.run(&order, &mut |_| {}, &|| false).await.unwrap();
        assert_eq!(redriven.redriven, count as u64);
        let mut sent: Vec<Timestamp> =
            stack.score.queue.receive(count).into_iter().map(|message| message.sent_at).collect();
        sent.sort_unstable();
        assert_eq!((sent.len(), sent[0]), (count, began));
        for window in sent.windows(rate + 1) {
            assert!(window[rate].duration_since(window[0]).as_millis() >= 1_000, "at {rate}/s: {window:?}");
        }
    }
}

#[tokio::test]
async fn letters_that_come_back_in_sight_during_a_long_redrive_are_counted_once() {
    let stack = InMemoryStack::new();
    die(&stack, 1_300).await;
    for n in 0..40 {
        stack.score.dlq.send_body(&format!("not json {n}"));
    }
    stack.clock.advance(Duration::from_secs(1));
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    // 1,300 seconds, more than twice as long as letters are out of sight.
    let cause = Some(CauseFilter::parse("422").unwrap());
    let order = RedriveOrder { cause, rate: Some(Rate::parse("1").unwrap()), ..RedriveOrder::default() };
    let redriven = redrive.run(&order, &mut |_| {}, &|| false).await.unwrap();
    assert_eq!((redriven.redriven, redriven.others, redriven.failed), (1_300, 40, 0));
    assert_eq!(stack.score.dlq.depth().visible, 40);
}

/// A stage that gives everything up at once, a second after it is queued; and takes no more than a hundred.
struct Hopeless {
    dlq: Arc<MemoryQueue>,
    clock: Arc<VirtualClock>,
    taken: AtomicUsize,
}

#[async_trait]
impl StageQueue for Hopeless {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        if self.taken.fetch_add(1, Ordering::Relaxed) == 100 {
            return Err(QueueError::Unavailable { queue: "score".into(), cause: Cause::new("It goes on and on.") });
        }
        self.clock.advance(Duration::from_secs(1));
        self.dlq.send_body(&message.body());
        Ok(())
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}

#[tokio::test]
async fn letters_that_die_again_at_once_are_left_for_another_time() {
    let stack = InMemoryStack::new();
    die(&stack, 25).await;
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let queue = Hopeless { dlq: stack.score.dlq.clone(), clock: stack.clock.clone(), taken: AtomicUsize::new(0) };
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    let redriven = redrive.run(&RedriveOrder::default(), &mut |_| {}, &|| false).await.unwrap();
    assert_eq!((redriven.redriven, redriven.newer), (25, 25));
    assert_eq!(stack.score.dlq.depth().visible, 25);
}
