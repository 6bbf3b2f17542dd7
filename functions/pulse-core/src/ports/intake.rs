use async_trait::async_trait;

use crate::failure::Cause;

/// The intake can't be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the intake's queue can't be looked at: {}", .0.clause())]
pub struct IntakeError(pub Cause);

/// Where providers' feedback comes in, from outside.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Whether what has come in is read as it comes.
    async fn is_caught_up(&self) -> Result<bool, IntakeError>;
}
