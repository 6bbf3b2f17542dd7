use anyhow::{Context, Result};
use pulse_aws::sdk;
use pulse_core::entry::StageName;
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
        let prefix = match stage {
            StageName::Score => "Score",
            StageName::Email => "Email",
        };
        let output = |suffix: &str| stack.outputs.get(&format!("{prefix}{suffix}"));
        let client = sdk::lambda_client(&stack.aws);
        let mapping = client
            .get_event_source_mapping()
            .uuid(output("MappingId")?)
            .send()
            .await
            .with_context(|| format!("The {stage} stage's event source mapping can't be read"))?;
        let concurrency = client
            .get_function_concurrency()
            .function_name(output("FunctionName")?)
            .send()
            .await
            .with_context(|| format!("The {stage} function's concurrency can't be read"))?;
        let positive = |number: i32| u32::try_from(number).unwrap_or(0);
        Ok(Self {
            stage,
            maximum_concurrency: mapping
                .scaling_config()
                .and_then(aws_sdk_lambda::types::ScalingConfig::maximum_concurrency)
                .map(positive)
                .with_context(|| {
                    format!("The {stage} stage's mapping has no MaximumConcurrency: deploy the stack anew")
                })?,
            reserved_concurrency: concurrency.reserved_concurrent_executions().map(positive),
            in_flight: output("InFlight")?.parse().with_context(|| format!("{prefix}InFlight is no number"))?,
            mapping: Mapping(mapping.state().unwrap_or("unknown").to_owned()),
        })
    }
}
