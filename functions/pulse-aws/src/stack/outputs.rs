//! What a deployed stack says of itself.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use aws_sdk_cloudformation::types::Stack;

use crate::sdk::failure::because;

/// A stack's outputs, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackOutputs {
    stack: String,
    values: BTreeMap<String, String>,
}

impl StackOutputs {
    /// The stack's name.
    #[must_use]
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The output of this name.
    ///
    /// # Errors
    /// When the stack has none: it was deployed from another version of the template.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.values.get(name).map(String::as_str).with_context(|| {
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
/// When `CloudFormation` can't be asked, or has no such stack.
pub async fn outputs(aws: &SdkConfig, stack: &str) -> Result<StackOutputs> {
    let Some(found) = describe(&Client::new(aws), stack).await? else {
        bail!("There is no stack {stack} here: deploy it, or name another one.");
    };
    Ok((&found).into())
}

/// A stack as `CloudFormation` describes it, or None when there is none of that name.
///
/// # Errors
/// When `CloudFormation` can't be asked.
pub async fn describe(client: &Client, stack: &str) -> Result<Option<Stack>> {
    match client.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().pop()),
        // The API has no error of its own for this (AWS CloudFormation API Reference, DescribeStacks).
        Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => Ok(None),
        Err(error) => Err(because(format!("CloudFormation could not be asked for the stack {stack}"))(error)),
    }
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
