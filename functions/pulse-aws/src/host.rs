//! What both stages' functions are: a queue's batches, worked on by a stage, with its provider watched and what
//! becomes of entries counted.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_core::{
    control::{BreakerPolicy, Meter, ProviderWatch},
    entry::StageName,
    ports::{Clock as _, Ledger},
    stage::{Stage, Worker, WorkerSettings},
};

use crate::{
    batch::{self, BatchError},
    clock::SystemClock,
    config::StageConfig,
    dynamodb::DynamoDbLedger,
    sdk::{self, SdkConfig},
    sqs::SqsQueue,
    telemetry::{CountedLedger, Metrics, Transitions},
};

/// Where a stage works.
pub struct StageHost {
    /// Counts the calls to the stage's provider: wrap the provider with it.
    pub meter: Arc<Meter>,
    stage: StageName,
    queue: SqsQueue,
    other_queue: Arc<SqsQueue>,
    ledger: DynamoDbLedger,
    moved: Arc<Transitions>,
    settings: WorkerSettings,
    breaker: BreakerPolicy,
    metrics: Metrics,
}

impl StageHost {
    /// A host for a stage, with its clients.
    #[must_use]
    pub fn new(aws: &SdkConfig, stage: StageName, config: StageConfig) -> Self {
        let queue = |stage, url| SqsQueue::new(sdk::sqs_client(aws), stage, url);
        let score = queue(StageName::Score, config.score_queue_url);
        let email = queue(StageName::Email, config.email_queue_url);
        let (own, other) = match stage {
            StageName::Score => (score, email),
            StageName::Email => (email, score),
        };
        Self {
            meter: Arc::default(),
            stage,
            queue: own,
            other_queue: Arc::new(other),
            ledger: DynamoDbLedger::new(sdk::dynamodb_client(aws), config.table),
            moved: Arc::default(),
            settings: config.worker,
            breaker: config.breaker,
            metrics: Metrics::new(config.stack, config.detailed_metrics),
        }
    }

    /// The ledger, with what becomes of entries counted.
    #[must_use]
    pub fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::new(CountedLedger { ledger: self.ledger.clone(), moved: Arc::clone(&self.moved) })
    }

    /// The other stage's queue.
    #[must_use]
    pub fn other_queue(&self) -> Arc<SqsQueue> {
        Arc::clone(&self.other_queue)
    }

    /// Has `stage` work on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn work(
        &self,
        stage: &dyn Stage,
        event: SqsEvent,
        deadline: u64,
    ) -> Result<SqsBatchResponse, BatchError> {
        let provider = ProviderWatch {
            stage: self.stage,
            meter: &self.meter,
            log: &self.ledger,
            controls: &self.ledger,
            policy: self.breaker,
        };
        let worker = Worker { stage, queue: &self.queue, clock: &SystemClock, settings: self.settings, provider };
        batch::answer(event, async |deliveries| {
            let done = worker.work(deliveries, batch::deadline(deadline)).await;
            self.metrics.worked(self.stage, SystemClock.now(), &done.calls, &self.moved);
            done.unfinished
        })
        .await
    }
}
