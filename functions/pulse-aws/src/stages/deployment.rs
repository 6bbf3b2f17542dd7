//! Whether the stack is being deployed.

use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Clock as _, StageError},
};

use super::{LambdaStages, failed};
use crate::clock::SystemClock;

/// For how long after a deployment's beginning a change is taken to be its doing.
const LATELY: Duration = Duration::from_mins(15);

impl LambdaStages {
    /// AWS `CloudFormation` API Reference, "Stack": `StackStatus`, `LastUpdatedTime`.
    pub(super) async fn was_deployed_lately(&self) -> Result<bool, StageError> {
        // It is the same stack for both stages.
        let stage = StageName::Score;
        let answer = self.cloudformation.describe_stacks().stack_name(&self.stack).send().await;
        let answer = answer.map_err(|error| failed(stage, "CloudFormation", &error))?;
        let missing = || StageError { stage, cause: Cause::new("CloudFormation knows no stack of that name.") };
        let stack = answer.stacks().first().ok_or_else(missing)?;
        let under_way = stack.stack_status().is_some_and(|status| status.as_str().ends_with("_IN_PROGRESS"));
        let began = stack.last_updated_time().or(stack.creation_time());
        let began = began.and_then(|moment| Timestamp::from_second(moment.secs()).ok());
        let now = SystemClock.now();
        let age = |began: Timestamp| Duration::try_from(now.duration_since(began)).unwrap_or_default();
        Ok(under_way || began.is_some_and(|began| age(began) < LATELY))
    }
}
