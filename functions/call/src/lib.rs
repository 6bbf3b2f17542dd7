//! The call function: takes batches from the call queue and runs the call stage on them.

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    clock::SystemClock,
    config::{CallConfig, Environment, process_variable},
    host::StageHost,
    sdk, telemetry,
};
use pulse_core::stage::{CallStep, MeteredPartner, StageRunner, Step as _};
use pulse_providers::{Connections, HttpPartner, secret, secret::SecretStores};

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<CallStep>,
    host: StageHost,
    connections: Connections,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, or the secret can't be read.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = CallConfig::read(env)?;
        let aws = sdk::load().await?;
        let authorization = match &config.secret_name {
            Some(name) => Some(secret::authorization(&SecretStores::new(&aws), name, Arc::new(SystemClock)).await?),
            None => None,
        };
        let partner = HttpPartner::new(&config.url, authorization, config.stage.worker.call_timeout)
            .context("the partner's client can't be built")?;
        let connections = partner.connections();
        let host = StageHost::new(&aws, CallStep::STAGE, config.stage);
        let (meter, log, clock) = (Arc::clone(&host.meter), host.outcomes(), Arc::new(SystemClock));
        let partner = Arc::new(MeteredPartner { partner: Arc::new(partner), meter, log, clock });
        let step = CallStep { entries: host.entries(), partner };
        Ok(Self { stage: host.runner(step), host, connections })
    }

    /// Works on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, event: SqsEvent, deadline: u64) -> Result<SqsBatchResponse, BatchError> {
        self.connections.renew();
        self.host.work(&self.stage, event, deadline).await
    }
}
