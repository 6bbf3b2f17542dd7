use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use aws_sdk_lambda::types::InvocationType;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Depth, GaugeError, Gauges, IntakeReader, KeySource, Ports, ProviderSuppressions, StageLanes, TickStarter},
};

use super::{Stack, depths, retention};
use crate::{
    clock::SystemClock,
    outbox::outbox,
    sdk::{self, because},
};

impl Stack {
    /// All that an operator's use cases stand on. `intake` reads what came in from outside. The keys under which suppressed
    /// addresses are kept are read from `keys` when they matter; where there are none, digests are made without.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn ports(
        &self,
        intake: Arc<dyn IntakeReader>,
        keys: Option<Arc<dyn KeySource>>,
        ses_suppressions: Arc<dyn ProviderSuppressions>,
    ) -> Result<Ports> {
        // One ledger that counts what reading costs: the inquiry into a run tells it.
        let ledger = self.ledger()?.metered();
        let ledger = Arc::new(match keys {
            Some(keys) => ledger.with_keys_of(keys),
            None => ledger,
        });
        let queues = self.queues()?;
        Ok(Ports {
            ledger: Arc::new(outbox(&ledger, Arc::clone(&queues[StageName::Deliver]))),
            open: ledger.clone(),
            campaigns: ledger.clone(),
            in_campaigns: ledger.clone(),
            endpoints: ledger.clone(),
            endpoint_controls: ledger.clone(),
            deliveries: ledger.clone(),
            reports: ledger.clone(),
            notes: ledger.clone(),
            suppressions: ledger.clone(),
            ses_suppressions,
            feedback: ledger.clone(),
            queues,
            dead_letters: self.dead_letter_queues()?,
            intake,
            schedules: Arc::new(self.schedules()?.without_retries()),
            audits: ledger.clone(),
            orders: ledger.clone(),
            tick: Arc::new(self.clone()),
            stages: Arc::new(self.stages()?),
            controls: ledger.clone(),
            outcomes: ledger.clone(),
            memory: ledger.clone(),
            snapshots: ledger,
            lanes: Arc::new(self.lane_control()?),
            gauges: Arc::new(self.clone()),
            sleeper: Arc::new(SystemClock),
        })
    }
}

/// Needs `lambda:InvokeFunction` on the tick function, or the next minute's tick does it.
#[async_trait]
impl TickStarter for Stack {
    async fn start_tick(&self) -> Result<(), Cause> {
        let told = |error: anyhow::Error| Cause::new(format!("{error:#}"));
        let function = self.outputs.get("TickFunctionName").map_err(told)?;
        let client = sdk::lambda_client(&self.aws);
        let invoke = client.invoke().function_name(function).invocation_type(InvocationType::Event).send().await;
        invoke.map(drop).map_err(because("The tick function can't be started")).map_err(told)
    }

    fn carries_orders_out(&self) -> bool {
        self.outputs.find("TickCarriesOutOrders").is_some()
    }
}

#[async_trait]
impl Gauges for Stack {
    async fn depths(&self) -> Result<Vec<Depth>, GaugeError> {
        depths(self).await.map_err(|error| unread(&error))
    }

    async fn retention(&self, stage: StageName) -> Result<Duration, GaugeError> {
        retention(self, stage).await.map_err(|error| unread(&error))
    }

    async fn lanes(&self, stage: StageName) -> Result<StageLanes, GaugeError> {
        Stack::lanes(self, stage).await.map_err(|error| unread(&error))
    }
}

/// With its causes, on one line.
fn unread(error: &anyhow::Error) -> GaugeError {
    GaugeError(format!("{error:#}"))
}
