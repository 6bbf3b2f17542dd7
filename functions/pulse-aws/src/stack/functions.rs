use crate::{
    config::{DeliverConfig, EmailConfig, Environment, TickConfig},
    sdk::{self, because},
    stages::{LambdaStages, StageAddress},
};
use anyhow::{Context, Result};
use pulse_core::{control::BreakerPolicy, stage::PerStage, tick::SweepPolicy};

use super::Stack;

impl Stack {
    /// The stages from outside.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn stages(&self) -> Result<LambdaStages> {
        Ok(LambdaStages::new(&self.aws, self.outputs.stack(), self.addresses()?))
    }

    /// Where the stages are; none, of one that the stack hasn't.
    pub(super) fn addresses(&self) -> Result<PerStage<Option<StageAddress>>> {
        let deployed = self.stages_deployed();
        PerStage::try_from_fn(|stage| {
            if !deployed.has(stage) {
                return Ok(None);
            }
            let output = |suffix| self.of_stage(stage, suffix).map(str::to_owned);
            Ok(Some(StageAddress {
                function: output("FunctionName")?,
                mapping: output("MappingId")?,
                queue_url: output("QueueUrl")?,
                dlq_url: output("DlqUrl")?,
            }))
        })
    }

    /// How the deployed email function is configured.
    ///
    /// # Errors
    /// When the function can't be asked, or its configuration can't be read.
    pub async fn email_config(&self) -> Result<EmailConfig> {
        self.configured("EmailFunctionName", |env| Ok(EmailConfig::read(env)?)).await
    }

    /// How the deployed deliver function is configured.
    ///
    /// # Errors
    /// When the function can't be asked, or its configuration can't be read.
    pub async fn deliver_config(&self) -> Result<DeliverConfig> {
        self.configured("DeliverFunctionName", |env| Ok(DeliverConfig::read(env)?)).await
    }

    /// When an entry counts as overdue, as the deployed tick function has it.
    ///
    /// # Errors
    /// When the function can't be asked, or its configuration can't be read.
    pub async fn sweep_policy(&self) -> Result<SweepPolicy> {
        self.configured("TickFunctionName", |env| Ok(TickConfig::read(env)?.policy)).await
    }

    /// When a provider is taken to be out of order, as the deployed tick function has it.
    ///
    /// # Errors
    /// When the function can't be asked, or its configuration can't be read.
    pub async fn breaker_policy(&self) -> Result<BreakerPolicy> {
        self.configured("TickFunctionName", |env| Ok(TickConfig::read(env)?.breaker)).await
    }

    async fn configured<T>(&self, output: &str, read: impl FnOnce(Environment<'_>) -> Result<T>) -> Result<T> {
        let function = self.outputs.get(output)?;
        let client = sdk::lambda_client(&self.aws);
        let configuration = client.get_function_configuration().function_name(function).send().await;
        let configuration = configuration.map_err(because(format!("The function {function} can't be asked")))?;
        let variables = configuration.environment.and_then(|environment| environment.variables).unwrap_or_default();
        read(Environment::new(&|name| variables.get(name).cloned()))
            .with_context(|| format!("The configuration of the function {function} can't be read"))
    }
}
