//! Whether the stack is being deployed.

use std::time::Duration;

use aws_sdk_cloudformation::types::StackEvent;
use jiff::Timestamp;
use pulse_core::{
    entry::Plan,
    failure::Cause,
    ports::{Clock as _, StageError},
};

use super::{LambdaStages, failed};
use crate::{clock::SystemClock, sdk::failure::CLOUDFORMATION};

/// The resource type of the stack itself, whose last event ends a deployment.
const STACK: &str = "AWS::CloudFormation::Stack";

impl LambdaStages {
    /// By the stack's last event (AWS `CloudFormation` API Reference, `DescribeStackEvents`: "in reverse
    /// chronological order").
    pub(super) async fn was_deployed_lately(&self) -> Result<bool, StageError> {
        // It is the same stack for all stages: an error names the first.
        let stage = Plan::MONTHLY.first();
        let answer = self.cloudformation.describe_stack_events().stack_name(&self.stack).send().await;
        let answer = answer.map_err(|error| failed(stage, CLOUDFORMATION, &error))?;
        let missing = || StageError { stage, cause: Cause::new("CloudFormation has no event of the stack.") };
        let last = answer.stack_events().first().ok_or_else(missing)?;
        Ok(is_recent(last, SystemClock.now(), self.deployed_within))
    }
}

/// Whether a deployment whose last event this is goes on, or ended within so long.
fn is_recent(last: &StackEvent, now: Timestamp, within: Duration) -> bool {
    let status = last.resource_status().map_or("", |status| status.as_str());
    let has_ended = last.resource_type() == Some(STACK) && !status.ends_with("_IN_PROGRESS");
    let at = last.timestamp().and_then(|moment| Timestamp::from_second(moment.secs()).ok());
    let age = at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
    !has_ended || age.is_some_and(|age| age < within)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::{primitives::DateTime, types::ResourceStatus};

    use super::*;

    #[test]
    fn a_deployment_is_recent_while_it_goes_on_and_a_while_after() {
        let event = |kind: &str, status| {
            StackEvent::builder()
                .resource_type(kind)
                .resource_status(status)
                .timestamp(DateTime::from_secs(1_000))
                .build()
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let within = Duration::from_mins(3);
        assert!(is_recent(&event("AWS::Lambda::Function", ResourceStatus::UpdateComplete), at(9_000), within));
        assert!(is_recent(&event(STACK, ResourceStatus::UpdateInProgress), at(9_000), within));
        let ended = event(STACK, ResourceStatus::UpdateComplete);
        assert!(is_recent(&ended, at(1_179), within));
        assert!(!is_recent(&ended, at(1_180), within));
    }
}
