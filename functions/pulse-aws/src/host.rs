//! What every stage's function is: a queue's batches, worked on by a stage, with its provider watched and what
//! becomes of entries counted.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_core::{
    control::BreakerPolicy,
    entry::StageName,
    keys::KeyRing,
    ports::{Clock as _, FeedbackLog, Queues, StageQueue},
    stage::{Entries, Meter, ProviderWatch, Stage, StageRunner, Worker, WorkerSettings},
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
    queues: Queues,
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
        let aws = &sdk::for_worker(aws);
        let queue = |stage: StageName| -> Arc<dyn StageQueue> {
            Arc::new(SqsQueue::new(sdk::sqs_client(aws), stage, config.queue_urls[stage].clone()))
        };
        Self {
            meter: Arc::default(),
            stage,
            queues: Queues::from_fn(queue),
            ledger: DynamoDbLedger::new(sdk::dynamodb_client(aws), config.table),
            moved: Arc::default(),
            settings: config.worker,
            breaker: config.breaker,
            metrics: Metrics::new(config.stack, config.detailed_metrics),
        }
    }

    /// The same, whose ledger keeps suppressed addresses under digests that are made with these keys.
    #[must_use]
    pub fn with_keys(self, keys: KeyRing) -> Self {
        Self { ledger: self.ledger.with_keys(keys), ..self }
    }

    /// The ledger's entries, with what becomes of them counted.
    #[must_use]
    pub fn entries(&self) -> Entries {
        let moved = Arc::clone(&self.moved);
        Entries { ledger: Arc::new(CountedLedger { ledger: self.ledger.clone(), moved }) }
    }

    /// Where it is counted what became of mails.
    #[must_use]
    pub fn feedback_log(&self) -> Arc<dyn FeedbackLog> {
        Arc::new(self.ledger.clone())
    }

    /// Runs a step here.
    pub fn runner<S>(&self, step: S) -> StageRunner<S> {
        StageRunner { step, queues: self.queues.clone(), clock: Arc::new(SystemClock) }
    }

    /// Counts mails that the provider accepted and then didn't send.
    pub fn count_dropped(&self, mails: usize) {
        self.metrics.dropped(SystemClock.now(), mails);
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
        let worker =
            Worker { stage, queue: &*self.queues[self.stage], clock: &SystemClock, settings: self.settings, provider };
        batch::answer(event, async |messages| {
            let done = worker.work(messages, batch::deadline(deadline)).await;
            self.metrics.worked(self.stage, SystemClock.now(), &done.calls, &self.moved);
            done.unfinished
        })
        .await
    }
}
