//! A redrive that is killed, at every call that it makes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future};
use pulse_core::{
    dead_letters::{Redrive, RedriveOrder},
    entry::StageName,
    message::WorkMessage,
    ports::{
        DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt, StageQueue,
        Visibility,
    },
};
use pulse_sim::{
    dead_letters::{MemoryDeadLetters, MemoryReader},
    queue::MemoryQueue,
};
use pulse_tests::in_memory_stack::InMemoryStack;

use super::{assert_everyone_is_mailed_once, die};

/// A port that never answers again once its life is over: what it stands in is killed there.
pub(super) struct Mortal<Port> {
    pub(super) port: Arc<Port>,
    pub(super) calls_left: Arc<AtomicUsize>,
}

impl<Port> Mortal<Port> {
    pub(super) async fn live(&self) -> &Port {
        let left = self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            future::pending::<()>().await;
        }
        &self.port
    }
}

#[async_trait]
impl DeadLetters for Mortal<MemoryDeadLetters> {
    fn name(&self) -> DlqName {
        self.port.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.live().await.count().await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.live().await.hidden().await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        self.live().await.take(most, hidden_for).await
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.live().await.hide(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.live().await.delete(receipts).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.live().await.send_back(letter).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.live().await.start_move(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.live().await.follow_move(ticket).await
    }
}

#[async_trait]
impl StageQueue for Mortal<MemoryQueue> {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.live().await.send(message).await
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        self.live().await.hide(changes).await
    }
}

#[tokio::test]
async fn wherever_a_redrive_is_killed_nobody_is_lost_and_nobody_mailed_twice() {
    let mut killed = 0;
    for calls in 0.. {
        let stack = InMemoryStack::new();
        let customers = die(&stack, 12).await;
        let letters = Arc::new(stack.dead_letters(DlqName::Stage(StageName::Score)));
        let calls_left = Arc::new(AtomicUsize::new(calls));
        let mortal_letters = Mortal { port: Arc::clone(&letters), calls_left: Arc::clone(&calls_left) };
        let mortal_queue = Mortal { port: Arc::clone(&stack.score.queue), calls_left };
        let order = RedriveOrder::default();
        let redrive = Redrive {
            letters: &mortal_letters,
            queue: Some(&mortal_queue),
            ledger: &*stack.ledger,
            deliveries: &*stack.ledger,
            sleeper: &*stack.clock,
            intake: &MemoryReader,
        };
        let ended = redrive.run(&order, &mut |_| {}, &|| false).now_or_never();
        // What was out of sight is back; and part of it was queued already, and worked on meanwhile.
        stack.drain().await;
        stack.clock.advance(Duration::from_mins(10));
        let again = Redrive { letters: &*letters, queue: Some(&*stack.score.queue), ..redrive };
        let redriven = again.run(&order, &mut |_| {}, &|| false).await.unwrap();
        assert!(redriven.is_complete(), "{redriven:?}");
        assert_everyone_is_mailed_once(&stack, &customers).await;
        if ended.is_some() {
            break;
        }
        killed += 1;
    }
    // Every take, every send and every delete was the last one once.
    assert!(killed >= 12 + 2 + 2, "{killed}");
}
