//! The stages from outside, as Lambda and SQS tell of them.

mod deployment;
mod probe;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_sqs::{error::SdkError, types::QueueAttributeName};
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Probed, SetEnabled, StageError, StageStatus, Stages, Switch},
    stage::{NoSuchStage, PerStage, StageSet},
};

use crate::sdk::{
    self, SdkConfig,
    failure::{self, LAMBDA, SQS_CONTROL, Service},
};

/// For how long after a deployment a change of the stages is taken to be its doing: until a few ticks have seen it.
const DEPLOYED_WITHIN: Duration = Duration::from_mins(3);

/// Where a stage is on AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageAddress {
    /// Its function's name.
    pub function: String,
    /// The UUID of the mapping that hands it the queue's messages.
    pub mapping: String,
    /// Its queue's URL.
    pub queue_url: String,
    /// Its dead-letter queue's URL.
    pub dlq_url: String,
}

/// The stages on Lambda and SQS.
///
/// Needs `lambda:GetEventSourceMapping` on the mappings, `lambda:GetFunctionConcurrency` on the functions
/// and `sqs:GetQueueAttributes` on the queues to look; `lambda:UpdateEventSourceMapping` on the mappings to
/// turn; `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility` on the queues and
/// `lambda:InvokeFunction` on the functions to probe; `cloudformation:DescribeStackEvents` on the
/// stack.
#[derive(Debug)]
pub struct LambdaStages {
    lambda: aws_sdk_lambda::Client,
    sqs: aws_sdk_sqs::Client,
    cloudformation: aws_sdk_cloudformation::Client,
    stack: String,
    deployed_within: Duration,
    addresses: PerStage<Option<StageAddress>>,
}

impl LambdaStages {
    /// The stages at these addresses, in a stack of this name.
    #[must_use]
    pub fn new(aws: &SdkConfig, stack: impl Into<String>, addresses: PerStage<Option<StageAddress>>) -> Self {
        Self {
            lambda: sdk::lambda_client(aws),
            sqs: sdk::sqs_client(aws),
            cloudformation: sdk::cloudformation_client(aws),
            stack: stack.into(),
            deployed_within: DEPLOYED_WITHIN,
            addresses,
        }
    }

    /// The same, for which a deployment that ended longer ago is over.
    #[must_use]
    pub fn with_deployments_over_after(self, deployed_within: Duration) -> Self {
        Self { deployed_within, ..self }
    }

    fn address(&self, stage: StageName) -> Result<&StageAddress, StageError> {
        let missing = || StageError { stage, cause: Cause::new(NoSuchStage { stage }.to_string()) };
        self.addresses[stage].as_ref().ok_or_else(missing)
    }

    async fn mapping(&self, stage: StageName) -> Result<Switch, StageError> {
        let mapping = self.lambda.get_event_source_mapping().uuid(&self.address(stage)?.mapping).send().await;
        let mapping = mapping.map_err(|error| failed(stage, LAMBDA, &error))?;
        Ok(switch(mapping.state().unwrap_or_default()))
    }

    /// With a reserved concurrency of 0 the function may not run at all.
    async fn reserved(&self, stage: StageName) -> Result<Option<u32>, StageError> {
        let function = &self.address(stage)?.function;
        let concurrency = self.lambda.get_function_concurrency().function_name(function).send().await;
        let concurrency = concurrency.map_err(|error| failed(stage, LAMBDA, &error))?;
        Ok(concurrency.reserved_concurrent_executions().and_then(|reserved| u32::try_from(reserved).ok()))
    }

    async fn depth(&self, stage: StageName) -> Result<(u64, u64), StageError> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.address(stage)?.queue_url)
            .attribute_names(waiting.clone())
            .attribute_names(in_flight.clone())
            .send()
            .await
            .map_err(|error| failed(stage, SQS_CONTROL, &error))?;
        let count = |name| {
            let count = answer.attributes().and_then(|all| all.get(name)?.parse().ok());
            let cause = || Cause::new(format!("SQS doesn't say how many messages the {stage} queue holds."));
            count.ok_or_else(|| StageError { stage, cause: cause() })
        };
        Ok((count(&waiting)?, count(&in_flight)?))
    }
}

#[async_trait]
impl Stages for LambdaStages {
    fn deployed(&self) -> StageSet {
        StageSet::of(|stage| self.addresses[stage].is_some())
    }

    async fn status(&self, stage: StageName) -> Result<StageStatus, StageError> {
        let (mapping, reserved, (waiting, in_flight)) =
            futures::try_join!(self.mapping(stage), self.reserved(stage), self.depth(stage))?;
        Ok(StageStatus { mapping, reserved, waiting, in_flight })
    }

    /// A mapping that is changing takes no other change (AWS Lambda API Reference,
    /// `UpdateEventSourceMapping`: `ResourceInUseException`).
    async fn set_enabled(&self, stage: StageName, on: bool) -> Result<SetEnabled, StageError> {
        let update = self.lambda.update_event_source_mapping().uuid(&self.address(stage)?.mapping).enabled(on);
        match update.send().await {
            Ok(_) => Ok(SetEnabled::Done),
            Err(error) if is_busy(error.code()) => Ok(SetEnabled::Busy),
            Err(error) => Err(failed(stage, LAMBDA, &error)),
        }
    }

    async fn probe(&self, stage: StageName, at_most: usize) -> Result<Probed, StageError> {
        self.hand_over_a_few(stage, at_most).await
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        self.was_deployed_lately().await
    }
}

/// Reads a mapping's state (AWS Lambda API Reference, `GetEventSourceMapping`: State). One that is being
/// updated goes on as it was, which is not told: it is on in every case but a pause, and then the next tick
/// sees that it is off.
fn switch(state: &str) -> Switch {
    match state {
        "Disabled" | "Deleting" => Switch::Off,
        "Disabling" => Switch::TurningOff,
        "Enabling" | "Creating" | "Updating" => Switch::TurningOn,
        _ => Switch::On,
    }
}

fn is_busy(code: Option<&str>) -> bool {
    matches!(code, Some("ResourceInUseException" | "ResourceConflictException"))
}

fn failed<E>(stage: StageName, service: Service, error: &SdkError<E>) -> StageError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    StageError { stage, cause: failure::read(service, error).into_cause() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_mappings_are_read() {
        use Switch::{Off, On, TurningOff, TurningOn};

        let states = ["Enabled", "Disabling", "Disabled", "Enabling", "Updating", "Creating", ""];
        let switches = states.map(switch);
        assert_eq!(switches, [On, TurningOff, Off, TurningOn, TurningOn, TurningOn, On]);
    }
}
