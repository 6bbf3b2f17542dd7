use async_trait::async_trait;

use crate::{
    entry::StageName,
    failure::Cause,
    lanes::{LaneSettings, Step},
};

/// A stage's lanes couldn't be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {stage} stage's lanes can't be reached: {cause}")]
pub struct LaneError {
    /// Which stage.
    pub stage: StageName,
    /// Why.
    pub cause: Cause,
}

/// What the lanes of a stage hang on, and the ways to change it.
#[async_trait]
pub trait LaneControl: Send + Sync {
    /// How a stage is set now.
    async fn settings(&self, stage: StageName) -> Result<LaneSettings, LaneError>;

    /// Takes one step, and returns when it is in force. A step that was taken already does no harm. None of them
    /// enables or disables the stage's mapping.
    async fn take(&self, stage: StageName, step: Step) -> Result<(), LaneError>;
}
