use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{failure::Cause, message::WorkMessage, pacing::MayPass, stage_spec::PerStage};

/// A queue call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Try again.
    #[error("the {queue} queue can't be used right now: {}", .cause.clause())]
    Unavailable {
        /// The queue's name.
        queue: String,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// Another try is refused too: a permission is missing, the credentials are over, or there is no such queue.
    #[error("the {queue} queue can't be used: {}", .cause.clause())]
    Refused {
        /// The queue's name.
        queue: String,
        /// The cause, in words for an operator.
        cause: Cause,
    },
}

impl MayPass for QueueError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// What a received message is told by, until it is received again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// For how long a received message is to stay invisible from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    /// The message, by its latest receive.
    pub receipt: Receipt,
    /// How long, rounded up to whole seconds, at most 12 hours.
    pub hidden_for: Duration,
}

/// All stages' queues.
pub type Queues = PerStage<Arc<dyn StageQueue>>;

/// One stage's queue, as the workers use it.
#[async_trait]
pub trait StageQueue: Send + Sync {
    /// Queues a message.
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError>;

    /// Queues messages, as many in one call as the queue takes, and says what came of each, in their order.
    async fn send_all(&self, messages: &[WorkMessage]) -> Vec<Result<(), QueueError>> {
        let mut sent = Vec::with_capacity(messages.len());
        for message in messages {
            sent.push(self.send(message).await);
        }
        sent
    }

    /// Changes for how long messages stay invisible. A receipt that is no longer good is passed
    /// over: its message is someone else's now.
    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError>;
}
