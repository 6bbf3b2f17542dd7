//! The score function: takes batches from the score queue and runs the score stage on them.

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::{self, BatchError},
    clock::SystemClock,
    config::{Environment, ScoreConfig, process_variable},
    dynamodb::DynamoDbLedger,
    providers::{HttpScorer, secret},
    sdk,
    sqs::SqsQueue,
    telemetry::{self, CountedLedger, Metrics, Transitions},
};
use pulse_core::{
    control::{BreakerPolicy, Meter, MeteredScorer, ProviderWatch},
    entry::StageName,
    ports::Clock as _,
    stage::{ScoreStage, Worker, WorkerSettings},
};

/// The function, with its clients built once.
pub struct Function {
    stage: ScoreStage,
    queue: SqsQueue,
    clock: SystemClock,
    settings: WorkerSettings,
    breaker: BreakerPolicy,
    ledger: DynamoDbLedger,
    meter: Arc<Meter>,
    moved: Arc<Transitions>,
    metrics: Metrics,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, or the secret can't be read.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = ScoreConfig::read(env)?;
        let aws = sdk::load().await?;
        let authorization = match &config.secret_name {
            Some(name) => Some(secret::authorization(&sdk::secrets_client(&aws), name).await?),
            None => None,
        };
        let scorer = HttpScorer::new(&config.url, authorization, config.stage.worker.call_timeout)
            .context("the scoring API's client can't be built")?;
        let sqs = sdk::sqs_client(&aws);
        let ledger = DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.stage.table);
        let (meter, moved) = (Arc::new(Meter::default()), Arc::new(Transitions::default()));
        Ok(Self {
            stage: ScoreStage {
                ledger: Arc::new(CountedLedger { ledger: ledger.clone(), moved: moved.clone() }),
                scorer: Arc::new(MeteredScorer {
                    scorer: Arc::new(scorer),
                    meter: meter.clone(),
                    clock: Arc::new(SystemClock),
                }),
                email_queue: Arc::new(SqsQueue::new(sqs.clone(), StageName::Email, config.stage.email_queue_url)),
                clock: Arc::new(SystemClock),
            },
            queue: SqsQueue::new(sqs, StageName::Score, config.stage.score_queue_url),
            clock: SystemClock,
            settings: config.stage.worker,
            breaker: config.stage.breaker,
            metrics: Metrics::new(config.stage.stack, config.stage.detailed_metrics),
            ledger,
            meter,
            moved,
        })
    }

    /// Works on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, event: SqsEvent, deadline: u64) -> Result<SqsBatchResponse, BatchError> {
        let provider = ProviderWatch {
            stage: StageName::Score,
            meter: &self.meter,
            log: &self.ledger,
            controls: &self.ledger,
            policy: self.breaker,
        };
        let worker =
            Worker { stage: &self.stage, queue: &self.queue, clock: &self.clock, settings: self.settings, provider };
        batch::answer(event, async |deliveries| {
            let done = worker.work(deliveries, batch::deadline(deadline)).await;
            self.metrics.worked(StageName::Score, self.clock.now(), &done.calls, &self.moved);
            done.unfinished
        })
        .await
    }
}
