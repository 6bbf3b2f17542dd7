//! The score function: takes batches from the score queue and runs the score stage on them.

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    clock::SystemClock,
    config::{Environment, ScoreConfig, process_variable},
    host::StageHost,
    sdk, telemetry,
};
use pulse_core::{
    ports::Scorer,
    stage::{MeteredScorer, ScoreStep, StageRunner, Step as _},
};
use pulse_providers::{Connections, HttpScorer, secret, secret::SecretStores};

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<ScoreStep>,
    host: StageHost,
    connections: Connections,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, or the secret can't be read.
    pub async fn start() -> Result<Self> {
        Self::start_with(|scorer| scorer).await
    }

    /// The same with something around the scoring provider, as tests have it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(around: impl FnOnce(Arc<dyn Scorer>) -> Arc<dyn Scorer>) -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = ScoreConfig::read(env)?;
        let aws = sdk::load().await?;
        let authorization = match &config.secret_name {
            Some(name) => Some(secret::authorization(&SecretStores::new(&aws), name, Arc::new(SystemClock)).await?),
            None => None,
        };
        let scorer = HttpScorer::new(&config.url, authorization, config.stage.worker.call_timeout)
            .context("the scoring API's client can't be built")?;
        let connections = scorer.connections();
        let host = StageHost::new(&aws, ScoreStep::STAGE, config.stage);
        let step = ScoreStep {
            entries: host.entries(),
            scorer: Arc::new(MeteredScorer {
                scorer: around(Arc::new(scorer)),
                meter: Arc::clone(&host.meter),
                clock: Arc::new(SystemClock),
            }),
            clock: Arc::new(SystemClock),
        };
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
