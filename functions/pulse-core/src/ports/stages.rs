use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::{entry::StageName, failure::Cause};

/// A stage couldn't be looked at. Always worth another try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {stage} stage can't be looked at right now: {cause}")]
pub struct StageError {
    /// Which stage.
    pub stage: StageName,
    /// Why.
    pub cause: Cause,
}

/// How a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageSight {
    /// Whether its queue is handed to its function: it isn't paused in any way.
    pub flowing: bool,
    /// About how many messages wait to be handed over.
    pub waiting: u64,
}

/// The two stages from outside.
#[async_trait]
pub trait Stages: Send + Sync {
    /// Looks at a stage.
    async fn look(&self, stage: StageName) -> Result<StageSight, StageError>;
}

/// What is remembered of a stage from one tick to the next.
#[async_trait]
pub trait StageMemory: Send + Sync {
    /// When the stage was last seen held up: paused, or behind a backlog.
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError>;

    /// Remembers that it was seen held up.
    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError>;
}
