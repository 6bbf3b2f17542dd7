//! Redrives and surveys that are told to stop, or whose queue fails.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    dead_letters::{Redrive, RedriveOrder, Survey},
    entry::StageName,
    failure::Cause,
    ports::{DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt},
};
use pulse_sim::dead_letters::{MemoryDeadLetters, MemoryReader};
use pulse_tests::in_memory_stack::InMemoryStack;

use super::{assert_everyone_is_mailed_once, die};

#[tokio::test]
async fn a_redrive_that_is_told_to_stop_leaves_the_rest_in_sight() {
    let stack = InMemoryStack::new();
    let customers = die(&stack, 30).await;
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    let asked = AtomicUsize::new(0);
    let twice = || asked.fetch_add(1, Ordering::Relaxed) == 2;
    let redriven = redrive.run(&RedriveOrder::default(), &mut |_| {}, &twice).await.unwrap();
    assert_eq!((redriven.redriven, redriven.interrupted), (20, true));
    assert_eq!(stack.score.dlq.depth().visible, 10);
    redrive.run(&RedriveOrder::default(), &mut |_| {}, &|| false).await.unwrap();
    assert_everyone_is_mailed_once(&stack, &customers).await;

    let survey =
        Survey { letters: &letters, ledger: &*stack.ledger, deliveries: &*stack.ledger, intake: &MemoryReader };
    stack.score.dlq.send_body("not json");
    let report = survey.look(10, &|| true).await.unwrap();
    assert_eq!((report.looked_at, report.more, stack.score.dlq.depth().visible), (0, true, 1));
}

/// A queue that hands out one page, and is gone then.
struct Failing<'a>(&'a MemoryDeadLetters, AtomicUsize);

#[async_trait]
impl DeadLetters for Failing<'_> {
    fn name(&self) -> DlqName {
        self.0.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.0.count().await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.0.hidden().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        if self.1.fetch_add(1, Ordering::Relaxed) == 1 {
            return Err(QueueError::Refused { queue: self.name().queue(), cause: Cause::new("SQS can't be reached.") });
        }
        self.0.take(most, hidden_for).await
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.0.hide(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.0.delete(receipts).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.0.send_back(letter).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.0.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.0.follow_move(ticket).await
    }
}

#[tokio::test]
async fn a_queue_that_fails_half_way_through_has_all_that_was_not_moved_back_in_sight() {
    let stack = InMemoryStack::new();
    die(&stack, 15).await;
    let letters = stack.dead_letters(DlqName::Stage(StageName::Score));
    let failing = Failing(&letters, AtomicUsize::new(0));
    let looked =
        Survey { letters: &failing, ledger: &*stack.ledger, deliveries: &*stack.ledger, intake: &MemoryReader }
            .look(100, &|| false)
            .await;
    assert!(looked.unwrap_err().to_string().contains("SQS can't be reached"));
    assert_eq!(stack.score.dlq.depth().visible, 15);

    let failing = Failing(&letters, AtomicUsize::new(0));
    let redrive = Redrive {
        letters: &failing,
        queue: Some(&*stack.score.queue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    let dry = RedriveOrder { dry_run: true, ..RedriveOrder::default() };
    let redriven = redrive.run(&dry, &mut |_| {}, &|| false).await.unwrap();
    assert_eq!(redriven.redriven, 10);
    assert!(redriven.trouble.is_some() && !redriven.is_complete());
    assert_eq!(stack.score.dlq.depth().visible, 15);
}
