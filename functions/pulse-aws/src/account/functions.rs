//! Functions that are started to see whether they start.

use std::time::Duration;

use aws_sdk_lambda::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use pulse_core::{
    customer::EmailAddress,
    entry::StageName,
    failure::Cause,
    ports::{AccountError, Start, TestMail},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{StackAccount, unanswered};
use crate::{
    sdk,
    test_mail::{TestMailAnswer, TestMailOrder},
};

/// Longer than a function takes to start and to call its provider once.
const LONGEST: Duration = Duration::from_mins(1);

enum Invoked {
    Answer(Value),
    Throttled,
    Fails(Cause),
}

/// What a function says that ends with an error (AWS Lambda Developer Guide, "Lambda runtime API": invocation and
/// initialization errors).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(default)]
    error_message: String,
}

impl StackAccount {
    pub(super) async fn start_with_nothing(&self, stage: StageName) -> Result<Start, AccountError> {
        Ok(match self.invoke(stage, &json!({ "Records": [] })).await? {
            Invoked::Answer(_) => Start::Fine,
            Invoked::Throttled => Start::Throttled,
            Invoked::Fails(cause) => Start::Fails(cause),
        })
    }

    pub(super) async fn test_mail(&self, to: &EmailAddress) -> Result<TestMail, AccountError> {
        let order = json!(TestMailOrder { test_mail_to: to.clone() });
        let cause = match self.invoke(StageName::Email, &order).await? {
            Invoked::Answer(answer) => match serde_json::from_value(answer) {
                Ok(TestMailAnswer::Accepted { provider_id }) => return Ok(TestMail::Accepted { provider_id }),
                Ok(TestMailAnswer::Failed { cause }) => cause,
                Err(_) => Cause::new("The function's answer can't be read: deploy this version of it."),
            },
            Invoked::Throttled => {
                Cause::new("The function may not run now: its reserved concurrency is used up, or 0.")
            }
            Invoked::Fails(cause) => cause,
        };
        Ok(TestMail::Failed(cause))
    }

    /// Once: a second test mail would be one too many.
    async fn invoke(&self, stage: StageName, payload: &Value) -> Result<Invoked, AccountError> {
        let function = self.stack.of_stage(stage, "FunctionName").map_err(|error| AccountError(error.to_string()))?;
        let once = aws_sdk_lambda::config::Builder::default()
            .timeout_config(
                TimeoutConfig::builder().operation_timeout(LONGEST).operation_attempt_timeout(LONGEST).build(),
            )
            .retry_config(RetryConfig::disabled());
        let invoke = sdk::lambda_client(&self.stack.aws)
            .invoke()
            .function_name(function)
            .payload(Blob::new(payload.to_string()))
            .customize()
            .config_override(once);
        let answer = match invoke.send().await {
            Err(error) if error.as_service_error().is_some_and(InvokeError::is_too_many_requests_exception) => {
                return Ok(Invoked::Throttled);
            }
            answer => answer.map_err(unanswered("The function can't be started"))?,
        };
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_some() {
            let said = serde_json::from_slice(body).map(|failure: Failure| failure.error_message).unwrap_or_default();
            return Ok(Invoked::Fails(Cause::new(if said.is_empty() {
                "It doesn't say why.".to_owned()
            } else {
                said
            })));
        }
        Ok(Invoked::Answer(serde_json::from_slice(body).unwrap_or_default()))
    }
}
