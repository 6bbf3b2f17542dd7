use async_trait::async_trait;
use serde::Serialize;

use crate::{entry::StageName, failure::Cause};

/// What a stage's lanes hang on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LaneSettings {
    /// Invocations at once that the mapping makes.
    pub maximum_concurrency: u32,
    /// Invocations at once that the function may have. `None` is what the account has left.
    pub reserved_concurrency: Option<u32>,
    /// Calls that an invocation keeps in flight.
    pub in_flight: u32,
    /// By how many the function divides the rate that its provider allows it, if it does.
    #[serde(rename = "sharers")]
    pub rate_divisor: Option<u32>,
    /// Whether the mapping hands messages to the function.
    pub enabled: bool,
    /// Whether some of this was changed so lately that invocations of before may still be running.
    pub changed_lately: bool,
}

impl LaneSettings {
    /// Calls that the provider can see at once.
    #[must_use]
    pub fn lanes(&self) -> u32 {
        self.maximum_concurrency * self.in_flight
    }
}

/// One step from one number of lanes to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Sets the function's reserved concurrency.
    Reserve(u32),
    /// Sets the mapping's `MaximumConcurrency`.
    Maximum(u32),
    /// Sets the function's variables.
    Configure {
        /// Calls that an invocation keeps in flight.
        in_flight: u32,
        /// By how many it divides its provider's rate, if it does.
        #[serde(rename = "sharers")]
        rate_divisor: Option<u32>,
    },
    /// Waits until the invocations that are running now have ended.
    Drain,
}

/// A stage's lanes couldn't be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {stage} stage's lanes can't be reached: {}", .cause.clause())]
pub struct LaneError {
    /// The stage concerned.
    pub stage: StageName,
    /// The cause, in words for an operator.
    pub cause: Cause,
}

/// What the lanes of a stage hang on, and the ways to change it.
#[async_trait]
pub trait LaneControl: Send + Sync {
    /// How a stage is set now.
    async fn settings(&self, stage: StageName) -> Result<LaneSettings, LaneError>;

    /// How many invocations at once of the account no function has reserved (AWS Lambda API Reference, `AccountLimit`:
    /// `UnreservedConcurrentExecutions`).
    async fn unreserved(&self, stage: StageName) -> Result<u32, LaneError>;

    /// Takes one step, and returns when it is in force. A step that was taken already does no harm. None of them
    /// enables or disables the stage's mapping.
    async fn take(&self, stage: StageName, step: Step) -> Result<(), LaneError>;
}
