//! The dead-letter queues in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    failure::Cause,
    ports::{
        DeadLetter, DeadLetters, DlqName, IntakeReader, MoveProgress, MoveStart, MoveStatus, MoveTicket, QueueError,
        Rate, Receipt, StageQueue as _, Visibility,
    },
};

use crate::{
    queue::{self, MemoryQueue, MoveTask, MoveTaskRefused, Received},
    time::VirtualTime,
};

/// The most messages that SQS hands out in one call.
const PAGE: usize = 10;

/// As fast as a move task may be told to go.
const FASTEST: u32 = 500;

/// A dead-letter queue, and the queue that its letters belong to.
#[derive(Debug)]
pub struct MemoryDeadLetters {
    name: DlqName,
    letters: Arc<MemoryQueue>,
    to: Arc<MemoryQueue>,
    time: Option<VirtualTime>,
}

impl MemoryDeadLetters {
    /// The letters of the queue `to`, without tasks that move them, like an emulator.
    #[must_use]
    pub fn new(name: DlqName, letters: Arc<MemoryQueue>, to: Arc<MemoryQueue>) -> Self {
        Self { name, letters, to, time: None }
    }

    /// With tasks that move letters, as time passes.
    #[must_use]
    pub fn with_move_tasks(self, time: VirtualTime) -> Self {
        Self { time: Some(time), ..self }
    }

    async fn show_again_after(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        let changes: Vec<_> =
            receipts.iter().map(|receipt| Visibility { receipt: receipt.clone(), hidden_for }).collect();
        self.letters.hide(&changes).await
    }
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    fn name(&self) -> DlqName {
        self.name
    }

    async fn count(&self) -> Result<u64, QueueError> {
        Ok(self.letters.depth().visible as u64)
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        Ok(self.letters.depth().in_flight as u64)
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        let taken: Vec<_> = self.letters.receive(most.min(PAGE)).into_iter().map(letter).collect();
        let receipts: Vec<_> = taken.iter().map(|letter| letter.receipt.clone()).collect();
        self.show_again_after(&receipts, hidden_for).await?;
        Ok(taken)
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.show_again_after(receipts, hidden_for).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.letters.delete_all(receipts);
        Ok(())
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.to.send_in_group(&letter.body, letter.group().as_deref());
        Ok(())
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        let Some(time) = &self.time else { return Ok(MoveStart::Unsupported) };
        let rate = rate.map_or(FASTEST, Rate::per_second);
        match self.letters.start_move_task(Some(&*self.to), rate, time) {
            Ok(_) => Ok(MoveStart::Started(MoveTicket(String::new()))),
            Err(MoveTaskRefused::AlreadyMoving) => Ok(MoveStart::AlreadyMoving(MoveTicket(String::new()))),
            Err(MoveTaskRefused::NotADeadLetterQueue) => Ok(MoveStart::Unsupported),
            Err(refused @ MoveTaskRefused::RateOutOfRange(_)) => {
                Err(QueueError::Refused { queue: self.name.queue(), cause: Cause::new(refused.to_string()) })
            }
        }
    }

    async fn follow_move(&self, _: &MoveTicket) -> Result<MoveProgress, QueueError> {
        let no_task =
            || QueueError::Refused { queue: self.name.queue(), cause: Cause::new("Nothing moves its letters.") };
        self.letters.last_move_task().map(|task| progress(&task)).ok_or_else(no_task)
    }
}

/// Reads letters of the intake that say so: all but those that are `unreadable`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryReader;

impl IntakeReader for MemoryReader {
    fn read(&self, letter: &DeadLetter) -> Result<Option<Cause>, Cause> {
        if letter.body == "unreadable" { Err(Cause::new("It says that it is unreadable.")) } else { Ok(None) }
    }
}

fn progress(task: &MoveTask) -> MoveProgress {
    let status = match task.status() {
        queue::MoveStatus::Running => MoveStatus::Running,
        queue::MoveStatus::Completed => MoveStatus::Completed,
        queue::MoveStatus::Cancelled => MoveStatus::Cancelled,
        queue::MoveStatus::Failed => {
            MoveStatus::Failed(Cause::new("The move task ran for 36 hours, which is the longest that one may."))
        }
    };
    MoveProgress { status, moved: task.moved(), of: Some(task.of()) }
}

fn letter(received: Received) -> DeadLetter {
    DeadLetter {
        id: received.id,
        receipt: received.receipt,
        body: received.body,
        sent_at: received.sent_at,
        undelivered: received.undelivered.map(Arc::unwrap_or_clone),
        attributes: std::collections::BTreeMap::new(),
    }
}
