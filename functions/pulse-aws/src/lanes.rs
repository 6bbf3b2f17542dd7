//! A stage's lanes, as they hang on its mapping, its function's reserved concurrency and its variables.

mod read;
mod write;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_lambda::{
    error::{ProvideErrorMetadata, SdkError},
    types::AccountLimit,
};
use pulse_core::{
    entry::StageName,
    failure::Cause,
    lanes::{LaneSettings, Step},
    ports::{Clock, LaneControl, LaneError},
    stage::{NoSuchStage, PerStage},
};
use tokio::time::sleep;

use crate::{
    sdk::failure::{self, CallFailure},
    stages::StageAddress,
};

/// Calls in flight per invocation.
const IN_FLIGHT: &str = "IN_FLIGHT";
/// By how many the email function divides its provider's rate.
const RATE_DIVISOR: &str = "MAX_CONCURRENCY";

/// How often something that is busy is asked again.
const TRIES: u32 = 90;
/// How long between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// What Lambda answers while a function or a mapping is being changed, or was changed by somebody else in between
/// (AWS Lambda API Reference, `UpdateEventSourceMapping`, `UpdateFunctionConfiguration`: Errors).
const BUSY: [&str; 3] = ["ResourceInUseException", "ResourceConflictException", "PreconditionFailedException"];

/// The lanes on Lambda.
///
/// Reading needs `lambda:GetEventSourceMapping` on the mappings, and `lambda:GetFunctionConcurrency` and
/// `lambda:GetFunctionConfiguration` on the functions. Changing needs `lambda:UpdateEventSourceMapping`,
/// `lambda:PutFunctionConcurrency` and `lambda:UpdateFunctionConfiguration` too, and `lambda:GetAccountSettings`.
pub struct LambdaLaneControl {
    lambda: aws_sdk_lambda::Client,
    clock: Arc<dyn Clock>,
    addresses: PerStage<Option<StageAddress>>,
}

/// A call that didn't work out.
enum Attempt {
    /// Worth another.
    Busy(Cause),
    /// Not worth another.
    Failed(Cause),
}

impl LambdaLaneControl {
    /// The lanes at these addresses.
    #[must_use]
    pub fn new(
        lambda: aws_sdk_lambda::Client,
        clock: Arc<dyn Clock>,
        addresses: PerStage<Option<StageAddress>>,
    ) -> Self {
        Self { lambda, clock, addresses }
    }

    fn address(&self, stage: StageName) -> Result<&StageAddress, LaneError> {
        let missing = || LaneError { stage, cause: Cause::new(NoSuchStage { stage }.to_string()) };
        self.addresses[stage].as_ref().ok_or_else(missing)
    }
}

impl fmt::Debug for LambdaLaneControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaLaneControl").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

#[async_trait]
impl LaneControl for LambdaLaneControl {
    async fn settings(&self, stage: StageName) -> Result<LaneSettings, LaneError> {
        self.read(stage).await
    }

    async fn unreserved(&self, stage: StageName) -> Result<u32, LaneError> {
        let answer = self.lambda.get_account_settings().send().await.map_err(|error| failed(stage, &error))?;
        let left = answer.account_limit().and_then(AccountLimit::unreserved_concurrent_executions);
        Ok(left.and_then(|left| left.try_into().ok()).unwrap_or_default())
    }

    async fn take(&self, stage: StageName, step: Step) -> Result<(), LaneError> {
        match step {
            Step::Reserve(invocations) => self.reserve(stage, invocations).await,
            Step::Maximum(invocations) => self.set_maximum(stage, invocations).await,
            Step::Configure { in_flight, rate_divisor } => self.configure(stage, in_flight, rate_divisor).await,
            Step::Drain => self.drain(stage).await,
        }
    }
}

impl From<LaneError> for Attempt {
    fn from(error: LaneError) -> Self {
        Self::Failed(error.cause)
    }
}

/// Makes a call until it works out, for a minute and a half.
async fn patiently<T, F>(stage: StageName, call: impl Fn() -> F) -> Result<T, LaneError>
where
    F: Future<Output = Result<T, Attempt>>,
{
    let mut last = Cause::new("Nothing was tried.");
    for _ in 0..TRIES {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(Attempt::Failed(cause)) => return Err(LaneError { stage, cause }),
            Err(Attempt::Busy(cause)) => last = cause,
        }
        sleep(PAUSE).await;
    }
    let cause = Cause::new(format!("It was tried {TRIES} times, {} s apart. {last}", PAUSE.as_secs()));
    Err(LaneError { stage, cause })
}

fn attempt<E>(error: &SdkError<E>) -> Attempt
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let busy = error.code().is_some_and(|code| BUSY.contains(&code));
    match failure::read(failure::LAMBDA, error) {
        CallFailure::Again(cause) => Attempt::Busy(cause),
        CallFailure::Refused(cause) | CallFailure::Denied(cause) if busy => Attempt::Busy(cause),
        CallFailure::Refused(cause) | CallFailure::Denied(cause) => Attempt::Failed(cause),
    }
}

fn failed<E>(stage: StageName, error: &SdkError<E>) -> LaneError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (Attempt::Busy(cause) | Attempt::Failed(cause)) = attempt(error);
    LaneError { stage, cause }
}
