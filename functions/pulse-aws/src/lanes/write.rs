use aws_sdk_lambda::types::{Environment, LastUpdateStatus, ScalingConfig};
use pulse_core::{entry::StageName, failure::Cause, ports::LaneError};
use tokio::time::sleep;

use super::{Attempt, IN_FLIGHT, LambdaLaneControl, RATE_DIVISOR, attempt, patiently, read::longest_run};

impl LambdaLaneControl {
    pub(super) async fn reserve(&self, stage: StageName, invocations: u32) -> Result<(), LaneError> {
        let (function, invocations) = (&self.address(stage)?.function, signed(invocations));
        patiently(stage, async || {
            let call = self.lambda.put_function_concurrency().function_name(function);
            let answer = call.reserved_concurrent_executions(invocations).send().await;
            answer.map(drop).map_err(|error| attempt(&error))
        })
        .await
    }

    /// Leaves the mapping enabled or disabled, as it is.
    pub(super) async fn set_maximum(&self, stage: StageName, invocations: u32) -> Result<(), LaneError> {
        let mapping = &self.address(stage)?.mapping;
        let scaling = ScalingConfig::builder().maximum_concurrency(signed(invocations)).build();
        patiently(stage, async || {
            let call = self.lambda.update_event_source_mapping().uuid(mapping).scaling_config(scaling.clone());
            call.send().await.map(drop).map_err(|error| attempt(&error))
        })
        .await?;
        patiently(stage, async || {
            let mapping = self.lambda.get_event_source_mapping().uuid(mapping).send().await;
            let mapping = mapping.map_err(|error| attempt(&error))?;
            match mapping.state() {
                Some("Enabled" | "Disabled") => Ok(()),
                other => Err(busy(format!("The mapping is {}.", other.unwrap_or("in no state")))),
            }
        })
        .await
    }

    /// Sets the two variables and leaves the others alone.
    pub(super) async fn configure(
        &self,
        stage: StageName,
        in_flight: u32,
        rate_divisor: Option<u32>,
    ) -> Result<(), LaneError> {
        patiently(stage, async || self.set_variables(stage, in_flight, rate_divisor).await).await?;
        let function = &self.address(stage)?.function;
        patiently(stage, async || {
            let found = self.lambda.get_function_configuration().function_name(function).send().await;
            let found = found.map_err(|error| attempt(&error))?;
            match found.last_update_status() {
                Some(LastUpdateStatus::InProgress) => Err(busy("The function is being updated.".into())),
                Some(LastUpdateStatus::Failed) => {
                    let reason = found.last_update_status_reason().unwrap_or("Lambda doesn't say why");
                    Err(Attempt::Failed(Cause::new(format!("The function couldn't be updated: {reason}."))))
                }
                _ => Ok(()),
            }
        })
        .await
    }

    async fn set_variables(&self, stage: StageName, in_flight: u32, rate_divisor: Option<u32>) -> Result<(), Attempt> {
        let function = &self.address(stage)?.function;
        let found = self.lambda.get_function_configuration().function_name(function).send().await;
        let found = found.map_err(|error| attempt(&error))?;
        // What is set replaces all that was: what can't be read must not be lost.
        let variables = found.environment().filter(|environment| environment.error().is_none());
        let Some(mut variables) = variables.and_then(|environment| environment.variables().cloned()) else {
            let cause = "The function's variables can't be read, so they can't be changed without losing others.";
            return Err(Attempt::Failed(Cause::new(cause)));
        };
        variables.insert(IN_FLIGHT.into(), in_flight.to_string());
        if let Some(rate_divisor) = rate_divisor {
            variables.insert(RATE_DIVISOR.into(), rate_divisor.to_string());
        }
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let update = self.lambda.update_function_configuration().function_name(function).environment(environment);
        // Refused if somebody else has changed the function since it was read.
        let update = update.set_revision_id(found.revision_id().map(ToOwned::to_owned));
        update.send().await.map(drop).map_err(|error| attempt(&error))
    }

    /// Nothing tells which invocations were started when: waits for as long as one may run.
    pub(super) async fn drain(&self, stage: StageName) -> Result<(), LaneError> {
        let configuration = self.configuration(stage).await?;
        sleep(longest_run(&configuration)).await;
        Ok(())
    }
}

fn busy(why: String) -> Attempt {
    Attempt::Busy(Cause::new(why))
}

/// Numbers of invocations are at most 1,000.
fn signed(number: u32) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
