//! Functions that are started to see whether they start, and what comes of it.

use std::time::Duration;

use aws_sdk_lambda::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    operation::invoke::InvokeError,
    primitives::Blob,
    types::LogType,
};
use pulse_core::{
    customer::EmailAddress,
    delivery::EndpointName,
    entry::StageName,
    failure::Cause,
    ports::{AccountError, Start, TestMail, TestWord, TestedLetter},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{StackAccount, unanswered};
use crate::{
    sdk,
    test_mail::{TestMailAnswer, TestMailOrder},
    test_word::{TestWordAnswer, TestWordOrder},
};

const UNREADABLE: &str = "The function's answer can't be read: deploy this version of it.";
const THROTTLED: &str = "The function may not run now: all its lanes are busy, or its reserved concurrency is 0. Try again \
                         in a few minutes, or resume the stage if somebody holds it.";

/// Longer than a function takes to start and to call its provider once.
const LONGEST: Duration = Duration::from_mins(1);

/// What a program wrote when it ended as it began. Of that, Lambda itself only says that it exited (AWS Lambda API
/// Reference, `Invoke`: the `LogResult` is the last 4 KB of the log, in base64).
fn last_words(log: &str) -> Option<String> {
    let log = String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, log).ok()?).ok()?;
    let line = log.lines().rev().find_map(|line| line.strip_prefix("Error: "))?;
    Some(line.trim().to_owned())
}

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

/// How a function that can't read a secret names it, by where it is kept.
const IN_A_STORE: [&str; 2] = ["the secret ", "the parameter "];

impl StackAccount {
    pub(super) async fn start_with_nothing(&self, stage: StageName) -> Result<Start, AccountError> {
        Ok(match self.invoke(stage, &json!({ "Records": [] })).await? {
            Invoked::Answer(_) => Start::Fine,
            Invoked::Throttled => Start::Throttled,
            // In the words of what reads it as the function starts.
            Invoked::Fails(cause) if IN_A_STORE.iter().any(|words| cause.as_str().contains(words)) => {
                Start::NoSecret(cause)
            }
            Invoked::Fails(cause) => Start::Fails(cause),
        })
    }

    pub(super) async fn test_mail(
        &self,
        to: &EmailAddress,
        campaign: Option<&TestedLetter>,
    ) -> Result<TestMail, AccountError> {
        let order = json!(TestMailOrder { test_mail_to: to.clone(), campaign: campaign.cloned() });
        let cause = match self.invoke(StageName::Email, &order).await? {
            Invoked::Answer(answer) => match serde_json::from_value(answer) {
                Ok(TestMailAnswer::Accepted { provider_id }) => return Ok(TestMail::Accepted { provider_id }),
                Ok(TestMailAnswer::Failed { cause }) => cause,
                Err(_) => Cause::new(UNREADABLE),
            },
            Invoked::Throttled => Cause::new(THROTTLED),
            Invoked::Fails(cause) => cause,
        };
        Ok(TestMail::Failed(cause))
    }

    pub(super) async fn test_word(&self, endpoint: &EndpointName) -> Result<TestWord, AccountError> {
        let order = json!(TestWordOrder { test_endpoint: endpoint.clone() });
        let cause = match self.invoke(StageName::Deliver, &order).await? {
            Invoked::Answer(answer) => match serde_json::from_value(answer) {
                Ok(TestWordAnswer::Accepted { took_ms }) => {
                    return Ok(TestWord::Accepted { took: Duration::from_millis(took_ms) });
                }
                Ok(TestWordAnswer::Failed { cause }) => cause,
                Err(_) => Cause::new(UNREADABLE),
            },
            Invoked::Throttled => Cause::new(THROTTLED),
            Invoked::Fails(cause) => cause,
        };
        Ok(TestWord::Failed(cause))
    }

    /// Once: a second test would be one too many.
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
            .log_type(LogType::Tail)
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
            let logged = answer.log_result().and_then(last_words);
            return Ok(Invoked::Fails(Cause::new(match logged {
                Some(logged) => logged,
                None if said.is_empty() => "It doesn't say why.".to_owned(),
                None => said,
            })));
        }
        Ok(Invoked::Answer(serde_json::from_slice(body).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_program_are_read_from_its_log() {
        let encode = |log: &str| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, log);
        let log = "INIT_START Runtime Version: x\nError: the secret pulse/score can't be read (AccessDeniedException)\n\
                   INIT_REPORT Status: error\nEND RequestId: 1\n";
        let words = last_words(&encode(log));
        assert_eq!(words.as_deref(), Some("the secret pulse/score can't be read (AccessDeniedException)"));
        assert_eq!(last_words(&encode("END RequestId: 1\n")), None);
        assert_eq!(last_words("no base64"), None);
    }
}
