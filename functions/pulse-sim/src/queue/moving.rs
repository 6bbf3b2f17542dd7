//! The work of message move tasks.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    MemoryQueue,
    holding::Holding,
    message::Message,
    move_task::{FASTEST, MoveStatus, MoveTask, MoveTaskRefused},
};
use crate::time::VirtualTime;

/// The longest that a task runs (Amazon SQS Developer Guide, "Learn how to configure a dead-letter
/// queue redrive").
const LONGEST: Duration = Duration::from_hours(36);

impl MemoryQueue {
    /// Starts to move this dead-letter queue's visible messages, the oldest first: all of them to `to`,
    /// or else those that a redrive policy moved here back to the queues they came from. Those that
    /// were sent here straight stay then. A moved message is new: its id, its time, its receive count
    /// (Amazon SQS API Reference, `StartMessageMoveTask`).
    ///
    /// # Errors
    /// When this is no dead-letter queue, another task is under way, or the rate is out of range.
    pub fn start_move_task(
        &self,
        to: Option<&Self>,
        rate_per_second: u32,
        time: &VirtualTime,
    ) -> Result<MoveTask, MoveTaskRefused> {
        if !(1..=FASTEST).contains(&rate_per_second) {
            return Err(MoveTaskRefused::RateOutOfRange(rate_per_second));
        }
        if self.held.sources().is_empty() {
            return Err(MoveTaskRefused::NotADeadLetterQueue);
        }
        if std::mem::replace(&mut self.held.messages().is_moving, true) {
            return Err(MoveTaskRefused::AlreadyMoving);
        }
        let of = self.depth().visible as u64;
        let task = MoveTask::of_messages(of);
        *self.held.task() = Some(task.clone());
        let mover = Mover {
            from: Arc::clone(&self.held),
            to: to.map(|to| Arc::clone(&to.held)),
            rate: u64::from(rate_per_second),
            last: None,
        };
        time.spawn(mover.run(task.clone(), time.clone()));
        Ok(task)
    }

    /// The task that was the last to be started here, whoever did (Amazon SQS API Reference,
    /// `ListMessageMoveTasks`).
    #[must_use]
    pub fn last_move_task(&self) -> Option<MoveTask> {
        self.held.task().clone()
    }
}

/// The work of a task.
struct Mover {
    from: Arc<Holding>,
    to: Option<Arc<Holding>>,
    rate: u64,
    /// When the message was sent that was looked at last, and its serial number.
    last: Option<(Timestamp, u64)>,
}

impl Mover {
    async fn run(mut self, task: MoveTask, time: VirtualTime) {
        let ends_at = self.from.clock.now().saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        while task.status() == MoveStatus::Running {
            let moved = self.move_some();
            task.add(moved);
            if moved < self.rate {
                task.end(MoveStatus::Completed);
            } else if self.from.clock.now() >= ends_at {
                task.end(MoveStatus::Failed);
            } else {
                time.sleep(Duration::from_secs(1)).await;
            }
        }
        self.from.messages().is_moving = false;
    }

    /// Moves as many as may be moved in a second. Fewer when there are no more.
    fn move_some(&mut self) -> u64 {
        let mut moved = 0;
        while moved < self.rate {
            let Some((to, message)) = self.take() else { break };
            to.send(message.body, message.group);
            moved += 1;
        }
        moved
    }

    /// Takes the next message out that has somewhere to go.
    fn take(&mut self) -> Option<(Arc<Holding>, Message)> {
        let mut messages = self.from.messages();
        messages.settle(self.from.clock.now());
        loop {
            let (moment, slot) = messages.visible_after(self.last)?;
            self.last = Some(moment);
            let source = messages.message(slot)?.source;
            let back = || source.and_then(|source| self.from.source(source));
            if let Some(to) = self.to.clone().or_else(back) {
                return messages.remove(slot).map(|message| (to, message));
            }
        }
    }
}
