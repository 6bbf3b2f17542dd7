//! Deploys the template through `CloudFormation`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, Parameter, ResourceStatus, Stack, StackEvent, StackStatus,
};
use tokio::time::{sleep, timeout};

use pulse_aws::sdk::reason;
use pulse_aws::stack::{StackOutputs, describe, outputs};

const CHANGE_SET: &str = "pulse-local";
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// An emulator takes seconds.
const PATIENCE: Duration = Duration::from_mins(5);

/// Creates the stack from the template at an S3 URL, or brings it up to date, and waits until that is done. As the
/// template has a transform, it goes through a change set (AWS `CloudFormation` User Guide, "Using transforms").
///
/// # Errors
/// When `CloudFormation` refuses the template or the parameters, or can't make a resource; with its reason.
pub async fn deploy(
    aws: &SdkConfig,
    stack: &str,
    template: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<StackOutputs> {
    let client = Client::new(aws);
    let deployment = Deploying { client: &client, stack };
    let found = describe(&client, stack).await?.filter(is_more_than_a_draft);
    let change = if found.is_some() { ChangeSetType::Update } else { ChangeSetType::Create };
    let all = async {
        deployment.propose(template, parameters, change).await?;
        if deployment.is_proposal_worth_it().await? {
            deployment.execute().await?;
        }
        outputs(aws, stack).await
    };
    let too_late = || {
        format!(
            "The stack {stack} was not deployed within {} s: the emulator's log may say what it waits for. One that runs functions in containers loads their image first: run this again when it has.",
            PATIENCE.as_secs()
        )
    };
    timeout(PATIENCE, all).await.with_context(too_late)?
}

/// A change set that was never executed leaves a stack without resources.
fn is_more_than_a_draft(stack: &Stack) -> bool {
    !matches!(stack.stack_status(), Some(StackStatus::ReviewInProgress | StackStatus::DeleteComplete) | None)
}

struct Deploying<'a> {
    client: &'a Client,
    stack: &'a str,
}

impl Deploying<'_> {
    async fn propose(
        &self,
        template: &str,
        parameters: &BTreeMap<String, String>,
        change: ChangeSetType,
    ) -> Result<()> {
        // One that was refused, by an earlier run, would still have the name. There mostly is none.
        let _ = self.client.delete_change_set().stack_name(self.stack).change_set_name(CHANGE_SET).send().await;
        let parameter =
            |(key, value): (&String, &String)| Parameter::builder().parameter_key(key).parameter_value(value).build();
        self.client
            .create_change_set()
            .stack_name(self.stack)
            .change_set_name(CHANGE_SET)
            .change_set_type(change)
            .template_url(template)
            .set_parameters(Some(parameters.iter().map(parameter).collect()))
            .capabilities(Capability::CapabilityNamedIam)
            .capabilities(Capability::CapabilityAutoExpand)
            .send()
            .await
            .map_err(|error| self.refusal(&reason(&error)))?;
        Ok(())
    }

    /// Whether the change set changes anything.
    async fn is_proposal_worth_it(&self) -> Result<bool> {
        loop {
            let found = self
                .client
                .describe_change_set()
                .stack_name(self.stack)
                .change_set_name(CHANGE_SET)
                .send()
                .await
                .map_err(|error| self.refusal(&reason(&error)))?;
            match found.status() {
                Some(ChangeSetStatus::CreateComplete) => return Ok(true),
                Some(ChangeSetStatus::Failed) => {
                    let reason = found.status_reason().unwrap_or("no reason given");
                    // There is no code for it, only these words.
                    if reason.contains("didn't contain changes") || reason.contains("No updates are to be performed") {
                        return Ok(false);
                    }
                    return Err(self.refusal(&reason));
                }
                _ => sleep(BETWEEN_LOOKS).await,
            }
        }
    }

    async fn execute(&self) -> Result<()> {
        self.client
            .execute_change_set()
            .stack_name(self.stack)
            .change_set_name(CHANGE_SET)
            .send()
            .await
            .map_err(|error| self.refusal(&reason(&error)))?;
        loop {
            let stack = describe(self.client, self.stack).await?;
            let status = stack.as_ref().and_then(Stack::stack_status);
            match status {
                Some(StackStatus::CreateComplete | StackStatus::UpdateComplete) => return Ok(()),
                Some(status) if is_in_progress(status) => sleep(BETWEEN_LOOKS).await,
                _ => return Err(self.refusal(&self.first_failure().await?)),
            }
        }
    }

    /// What went wrong first: later failures are mostly cancellations that follow from it.
    async fn first_failure(&self) -> Result<String> {
        let events = self
            .client
            .describe_stack_events()
            .stack_name(self.stack)
            .send()
            .await
            .map_err(|error| self.refusal(&reason(&error)))?;
        // The newest comes first.
        let failed = events.stack_events().iter().rev().find(|event| has_failed(event));
        Ok(failed.map_or_else(
            || "no event says why".to_owned(),
            |event| {
                format!(
                    "{} ({}): {}",
                    event.logical_resource_id().unwrap_or_default(),
                    event.resource_type().unwrap_or_default(),
                    event.resource_status_reason().unwrap_or("no reason given")
                )
            },
        ))
    }

    fn refusal(&self, reason: &dyn std::fmt::Display) -> anyhow::Error {
        anyhow::anyhow!("The stack {} could not be deployed: {reason}", self.stack)
    }
}

fn is_in_progress(status: &StackStatus) -> bool {
    status.as_str().ends_with("_IN_PROGRESS")
}

fn has_failed(event: &StackEvent) -> bool {
    let failures = [ResourceStatus::CreateFailed, ResourceStatus::UpdateFailed, ResourceStatus::DeleteFailed];
    event.resource_status().is_some_and(|status| failures.contains(status))
}
