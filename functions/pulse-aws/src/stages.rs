//! The stages from outside, as Lambda and SQS tell of them.

use async_trait::async_trait;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_sqs::{error::SdkError, types::QueueAttributeName};
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{StageError, StageSight, Stages},
};

use crate::sdk::failure::{self, CallFailure};

/// Where a stage is on AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageAddress {
    /// Its function's name.
    pub function: String,
    /// The UUID of the mapping that hands it the queue's messages.
    pub mapping: String,
    /// Its queue's URL.
    pub queue_url: String,
}

/// The stages on Lambda and SQS.
///
/// Needs `lambda:GetEventSourceMapping` on the mappings, `lambda:GetFunctionConcurrency` on the functions
/// and `sqs:GetQueueAttributes` on the queues.
#[derive(Debug)]
pub struct LambdaStages {
    lambda: aws_sdk_lambda::Client,
    sqs: aws_sdk_sqs::Client,
    score: StageAddress,
    email: StageAddress,
}

impl LambdaStages {
    /// The stages at these addresses.
    #[must_use]
    pub fn new(
        lambda: aws_sdk_lambda::Client,
        sqs: aws_sdk_sqs::Client,
        score: StageAddress,
        email: StageAddress,
    ) -> Self {
        Self { lambda, sqs, score, email }
    }

    fn address(&self, stage: StageName) -> &StageAddress {
        match stage {
            StageName::Score => &self.score,
            StageName::Email => &self.email,
        }
    }

    /// Whether the mapping is enabled, or about to be (AWS Lambda API Reference, `GetEventSourceMapping`:
    /// State).
    async fn is_enabled(&self, stage: StageName) -> Result<bool, StageError> {
        let mapping = self.lambda.get_event_source_mapping().uuid(&self.address(stage).mapping).send().await;
        let mapping = mapping.map_err(|error| failed(stage, "Lambda", &error))?;
        Ok(!matches!(mapping.state(), Some("Disabled" | "Disabling" | "Deleting")))
    }

    /// Whether the function may run at all: with a reserved concurrency of 0 it may not.
    async fn may_run(&self, stage: StageName) -> Result<bool, StageError> {
        let function = &self.address(stage).function;
        let concurrency = self.lambda.get_function_concurrency().function_name(function).send().await;
        let concurrency = concurrency.map_err(|error| failed(stage, "Lambda", &error))?;
        Ok(concurrency.reserved_concurrent_executions() != Some(0))
    }

    async fn waiting(&self, stage: StageName) -> Result<u64, StageError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let queue = &self.address(stage).queue_url;
        let answer = self.sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await;
        let answer = answer.map_err(|error| failed(stage, "SQS", &error))?;
        let waiting = answer.attributes().and_then(|all| all.get(&name)?.parse().ok());
        let cause = || Cause::new(format!("SQS doesn't say how many messages wait in the {stage} queue."));
        waiting.ok_or_else(|| StageError { stage, cause: cause() })
    }
}

#[async_trait]
impl Stages for LambdaStages {
    async fn look(&self, stage: StageName) -> Result<StageSight, StageError> {
        let (enabled, may_run, waiting) =
            futures::try_join!(self.is_enabled(stage), self.may_run(stage), self.waiting(stage))?;
        Ok(StageSight { flowing: enabled && may_run, waiting })
    }
}

fn failed<E>(stage: StageName, service: &str, error: &SdkError<E>) -> StageError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (CallFailure::Refused(cause) | CallFailure::Again(cause)) = failure::read(service, error);
    StageError { stage, cause }
}
