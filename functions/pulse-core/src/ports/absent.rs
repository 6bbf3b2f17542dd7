use std::time::Duration;

use async_trait::async_trait;

use super::{
    DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt, StageQueue,
    Visibility,
};
use crate::{entry::StageName, failure::Cause, message::WorkMessage, stage_spec::NoSuchStage};

/// The queues of a stage that the stack hasn't: whatever is asked of them is refused, with what to do.
#[derive(Debug, Clone, Copy)]
pub struct AbsentStage(pub StageName);

impl AbsentStage {
    fn refused<T>(self) -> Result<T, QueueError> {
        let cause = Cause::new(NoSuchStage { stage: self.0 }.to_string());
        Err(QueueError::Refused { queue: self.0.to_string(), cause })
    }
}

#[async_trait]
impl StageQueue for AbsentStage {
    async fn send(&self, _: &WorkMessage) -> Result<(), QueueError> {
        self.refused()
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        self.refused()
    }
}

#[async_trait]
impl DeadLetters for AbsentStage {
    fn name(&self) -> DlqName {
        DlqName::Stage(self.0)
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.refused()
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.refused()
    }

    async fn take(&self, _: usize, _: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        self.refused()
    }

    async fn hide(&self, _: &[Receipt], _: Duration) -> Result<(), QueueError> {
        self.refused()
    }

    async fn delete(&self, _: &[Receipt]) -> Result<(), QueueError> {
        self.refused()
    }

    async fn send_back(&self, _: &DeadLetter) -> Result<(), QueueError> {
        self.refused()
    }

    async fn start_move(&self, _: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.refused()
    }

    async fn follow_move(&self, _: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.refused()
    }
}
