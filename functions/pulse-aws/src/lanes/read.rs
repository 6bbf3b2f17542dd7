use std::time::Duration;

use aws_sdk_lambda::{
    operation::{
        get_event_source_mapping::GetEventSourceMappingOutput,
        get_function_configuration::GetFunctionConfigurationOutput,
    },
    types::ScalingConfig,
};
use jiff::Timestamp;
use pulse_core::{entry::StageName, failure::Cause, lanes::LaneSettings, ports::LaneError};

use super::{IN_FLIGHT, LambdaLaneControl, RATE_DIVISOR, failed};

/// What an invocation may outlive its function's timeout by, with the time that Lambda takes to hear of a change.
const SLACK: Duration = Duration::from_secs(3);

impl LambdaLaneControl {
    pub(super) async fn read(&self, stage: StageName) -> Result<LaneSettings, LaneError> {
        let function = &self.address(stage)?.function;
        let concurrency = async {
            let concurrency = self.lambda.get_function_concurrency().function_name(function).send().await;
            concurrency.map_err(|error| failed(stage, &error))
        };
        let (mapping, configuration, concurrency) =
            futures::try_join!(self.mapping(stage), self.configuration(stage), concurrency)?;
        let unset = |what: &str| LaneError {
            stage,
            cause: Cause::new(format!("{what} isn't set, or is no number: deploy the stack again.")),
        };
        let maximum = mapping.scaling_config().and_then(ScalingConfig::maximum_concurrency).and_then(positive);
        let since = self.clock.now().duration_since(changed_at(&mapping, &configuration).unwrap_or(Timestamp::MAX));
        let outlived = Duration::try_from(since).is_ok_and(|since| since > longest_run(&configuration));
        Ok(LaneSettings {
            maximum_concurrency: maximum.ok_or_else(|| unset("The mapping's MaximumConcurrency"))?,
            reserved_concurrency: concurrency.reserved_concurrent_executions().and_then(positive),
            in_flight: variable(&configuration, IN_FLIGHT).ok_or_else(|| unset("The function's IN_FLIGHT"))?,
            rate_divisor: variable(&configuration, RATE_DIVISOR),
            enabled: !matches!(mapping.state(), Some("Disabled" | "Disabling" | "Deleting")),
            changed_lately: !outlived,
        })
    }

    pub(super) async fn mapping(&self, stage: StageName) -> Result<GetEventSourceMappingOutput, LaneError> {
        let mapping = self.lambda.get_event_source_mapping().uuid(&self.address(stage)?.mapping).send().await;
        mapping.map_err(|error| failed(stage, &error))
    }

    pub(super) async fn configuration(&self, stage: StageName) -> Result<GetFunctionConfigurationOutput, LaneError> {
        let function = &self.address(stage)?.function;
        let configuration = self.lambda.get_function_configuration().function_name(function).send().await;
        configuration.map_err(|error| failed(stage, &error))
    }
}

/// For how long an invocation may run on, with the settings that it was started with.
pub(super) fn longest_run(configuration: &GetFunctionConfigurationOutput) -> Duration {
    // Without a timeout, the longest that there is.
    let timeout = configuration.timeout().and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(900);
    Duration::from_secs(timeout) + SLACK
}

fn variable(configuration: &GetFunctionConfigurationOutput, name: &str) -> Option<u32> {
    configuration.environment()?.variables()?.get(name)?.parse().ok()
}

fn positive(number: i32) -> Option<u32> {
    number.try_into().ok()
}

/// When the mapping or the function was changed last. `None` if that can't be read.
fn changed_at(
    mapping: &GetEventSourceMappingOutput,
    configuration: &GetFunctionConfigurationOutput,
) -> Option<Timestamp> {
    let mapping = Timestamp::from_second(mapping.last_modified()?.secs()).ok()?;
    Some(mapping.max(moment(configuration.last_modified()?)?))
}

/// A moment as Lambda writes it: `2026-11-03T10:00:00.000+0000` (AWS Lambda API Reference, `FunctionConfiguration`:
/// `LastModified`).
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_s_moments_are_read() {
        let expected = "2026-11-03T10:00:00Z".parse().ok();
        assert_eq!(moment("2026-11-03T10:00:00.000+0000"), expected);
        assert_eq!(moment("2026-11-03T10:00:00Z"), expected);
        assert_eq!(moment("yesterday"), None);
    }
}
