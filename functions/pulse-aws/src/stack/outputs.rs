//! What a deployed stack says of itself.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_cloudformation::{
    Client, Config,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::describe_stacks::DescribeStacksError,
    types::Stack,
};

use crate::sdk::failure::{self, CallFailure, because};

/// For how long the first question to AWS is asked: whoever types a wrong Region, or has no network, is to hear of it.
const FIRST_ANSWER: Duration = Duration::from_secs(12);
const FIRST_ATTEMPT: Duration = Duration::from_secs(5);

/// A stack's outputs, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackOutputs {
    stack: String,
    values: BTreeMap<String, String>,
}

impl StackOutputs {
    /// Those that a function knows of its own stack by its environment.
    pub(crate) fn known(stack: &str, values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { stack: stack.to_owned(), values: values.into_iter().collect() }
    }

    /// The stack's name.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The output of this name, if the stack has it: earlier templates hadn't all.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The output of this name.
    ///
    /// # Errors
    /// When the stack has none: it was deployed from another version of the template.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.find(name).with_context(|| {
            format!(
                "The stack {} has no output {name}: deploy this version of template.yaml to it, and run this again.",
                self.stack
            )
        })
    }
}

impl From<&Stack> for StackOutputs {
    fn from(stack: &Stack) -> Self {
        let pair = |output: &aws_sdk_cloudformation::types::Output| {
            Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
        };
        Self {
            stack: stack.stack_name().unwrap_or_default().to_owned(),
            values: stack.outputs().iter().filter_map(pair).collect(),
        }
    }
}

/// Reads the outputs of a deployed stack.
///
/// # Errors
/// When `CloudFormation` can't be asked, or has no such stack. The words name where it was looked for.
pub async fn outputs(aws: &SdkConfig, stack: &str) -> Result<StackOutputs> {
    let soon = Config::builder()
        .timeout_config(
            TimeoutConfig::builder().operation_attempt_timeout(FIRST_ATTEMPT).operation_timeout(FIRST_ANSWER).build(),
        )
        .retry_config(RetryConfig::standard());
    let asked = Client::new(aws).describe_stacks().stack_name(stack).customize().config_override(soon).send().await;
    let found = match asked {
        Ok(answer) => answer.stacks.unwrap_or_default().pop(),
        Err(error) if is_missing(&error) => None,
        Err(error) => return Err(unanswered(aws, stack, &error)),
    };
    match found {
        Some(found) => Ok((&found).into()),
        None => bail!(
            "There is no stack {stack} in {}: deploy it, or name another by --stack or PULSE_STACK, another Region by \
             AWS_REGION, another account by AWS_PROFILE.",
            place_and_account(aws).await
        ),
    }
}

fn unanswered(aws: &SdkConfig, stack: &str, error: &SdkError<DescribeStacksError>) -> anyhow::Error {
    let place = place(aws);
    let what = format!("CloudFormation in {place} can't be asked for the stack {stack}");
    let see = "see to the network, a proxy, and whether Region and AWS_ENDPOINT_URL are as they should be";
    match failure::read(failure::CLOUDFORMATION, error) {
        CallFailure::Denied(why) if error.code().is_none() => anyhow!("{what}: {why}"),
        _ if error.code().is_none() => {
            anyhow!("{what}: {}; {see}.", failure::reason(error).trim_end_matches(['.', '?']))
        }
        _ => anyhow!("{what}: {}", failure::reason(error)),
    }
}

/// A stack as `CloudFormation` describes it, or None when there is none of that name.
///
/// # Errors
/// When `CloudFormation` can't be asked.
pub async fn describe(client: &Client, stack: &str) -> Result<Option<Stack>> {
    match client.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().pop()),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(because(format!("CloudFormation could not be asked for the stack {stack}"))(error)),
    }
}

/// The API has no error of its own for this (AWS CloudFormation API Reference, `DescribeStacks`).
fn is_missing(error: &SdkError<DescribeStacksError>) -> bool {
    error.message().is_some_and(|message| message.contains("does not exist"))
}

/// Where a stack is looked for: in a Region, or at an endpoint that somebody has set.
fn place(aws: &SdkConfig) -> String {
    let region = aws.region().map_or("no Region", |region| region.as_ref());
    match aws.endpoint_url() {
        Some(endpoint) => format!("{region} at {endpoint}"),
        None => region.to_owned(),
    }
}

/// The same with the account, where that can be told.
async fn place_and_account(aws: &SdkConfig) -> String {
    let place = place(aws);
    #[cfg(feature = "account")]
    if let Ok(Ok(caller)) = tokio::time::timeout(FIRST_ATTEMPT, crate::account::caller(aws)).await {
        return format!("{place}, account {}", caller.account);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudformation::types::Output;

    #[test]
    fn a_missing_output_is_named_together_with_the_stack() {
        let table = Output::builder().output_key("TableName").output_value("pulse-table").build();
        let stack = Stack::builder().stack_name("pulse").outputs(table).build();
        let outputs = StackOutputs::from(&stack);
        assert_eq!(outputs.get("TableName").unwrap(), "pulse-table");
        assert_eq!(
            outputs.get("ScoreQueueUrl").unwrap_err().to_string(),
            "The stack pulse has no output ScoreQueueUrl: deploy this version of template.yaml to it, and run this again."
        );
    }
}
