use std::{fmt, sync::Arc};

use crate::{clock::SystemClock, lanes::LambdaLaneControl, sdk};
use anyhow::{Context, Result};
use pulse_core::{entry::StageName, ports::LaneControl as _};
use serde::Serialize;

use super::Stack;

/// A stage's lanes: how many calls its provider can see at once.
#[derive(Debug, Clone, Serialize)]
pub struct Lanes {
    /// Which stage.
    pub stage: StageName,
    /// Most invocations at once, by the mapping.
    pub maximum_concurrency: u32,
    /// Most invocations at once, by the function's reserved concurrency.
    pub reserved_concurrency: Option<u32>,
    /// Calls that one invocation keeps in flight.
    pub in_flight: u32,
    /// Whether the mapping hands messages to the function.
    pub mapping: Mapping,
}

/// A mapping's state, by its own word (AWS Lambda API Reference, `GetEventSourceMapping`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mapping(pub String);

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} invocations x {} calls", self.count(), self.maximum_concurrency, self.in_flight)?;
        match self.reserved_concurrency {
            Some(reserved) => write!(f, " (reserved concurrency {reserved})"),
            None => f.write_str(" (no reserved concurrency)"),
        }
    }
}

impl Lanes {
    /// `MaximumConcurrency` x calls in flight.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.maximum_concurrency * self.in_flight
    }

    /// Asks Lambda for a stage's lanes.
    ///
    /// # Errors
    /// When the stack lacks an output, or Lambda can't be asked.
    pub async fn of(stack: &Stack, stage: StageName) -> Result<Self> {
        let settings = stack.lane_control()?.settings(stage).await?;
        let mapping = sdk::lambda_client(&stack.aws)
            .get_event_source_mapping()
            .uuid(stack.of_stage(stage, "MappingId")?)
            .send()
            .await
            .with_context(|| format!("The {stage} stage's event source mapping can't be read"))?;
        Ok(Self {
            stage,
            maximum_concurrency: settings.maximum_concurrency,
            reserved_concurrency: settings.reserved_concurrency,
            in_flight: settings.in_flight,
            mapping: Mapping(mapping.state().unwrap_or("unknown").to_owned()),
        })
    }
}

impl Stack {
    /// What the stages' lanes hang on.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn lane_control(&self) -> Result<LambdaLaneControl> {
        Ok(LambdaLaneControl::new(sdk::lambda_client(&self.aws), Arc::new(SystemClock), self.addresses()?))
    }
}
