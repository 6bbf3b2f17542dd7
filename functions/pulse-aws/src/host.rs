//! What every stage's function is: a queue's batches, worked on by a stage, with its provider watched and what
//! becomes of entries counted.

use std::{num::NonZeroU32, sync::Arc};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_core::{
    campaign::CampaignBook,
    control::BreakerPolicy,
    delivery::{EndpointBook, EndpointDesk, OutboxLedger},
    entry::StageName,
    keys::KeyRing,
    ports::{AbsentStage, Campaigns, Clock as _, Endpoints, FeedbackLog, OutcomeLog, Queues, StageQueue},
    stage::{Entries, Lines, Meter, ProviderWatch, Stage, StageRunner, Watch, Worker, WorkerSettings},
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
    book: Arc<EndpointBook>,
    campaigns: Arc<CampaignBook>,
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
        let ledger = DynamoDbLedger::new(sdk::dynamodb_client(aws), config.table);
        let queue = |stage: StageName| -> Arc<dyn StageQueue> {
            match &config.queue_urls[stage] {
                Some(url) => Arc::new(SqsQueue::new(sdk::sqs_client(aws), stage, url)),
                None => Arc::new(AbsentStage(stage)),
            }
        };
        Self {
            meter: Arc::default(),
            stage,
            queues: Queues::from_fn(queue),
            book: Arc::new(EndpointBook::new(Arc::new(ledger.clone()), Arc::new(SystemClock))),
            campaigns: Arc::new(CampaignBook::new(Arc::new(ledger.clone()), Arc::new(SystemClock))),
            ledger,
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

    /// The ledger's entries, with what becomes of them counted, and told to whoever asks.
    #[must_use]
    pub fn entries(&self) -> Entries {
        let moved = Arc::clone(&self.moved);
        let ledger = Arc::new(CountedLedger { ledger: self.ledger.clone(), moved });
        let queue = Arc::clone(&self.queues[StageName::Deliver]);
        let clock = Arc::new(SystemClock);
        Entries {
            ledger: Arc::new(OutboxLedger { ledger, book: Arc::clone(&self.book), queue, clock }),
            campaigns: Arc::clone(&self.campaigns),
            in_campaigns: Arc::new(self.ledger.clone()),
        }
    }

    /// Campaigns on the ledger.
    #[must_use]
    pub fn campaigns(&self) -> Arc<dyn Campaigns> {
        Arc::new(self.ledger.clone())
    }

    /// Deliveries on the ledger.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines { deliveries: Arc::new(self.ledger.clone()) }
    }

    /// Endpoints on the ledger, as they are now.
    #[must_use]
    pub fn endpoints(&self) -> &dyn Endpoints {
        &self.ledger
    }

    /// Where it is learnt how endpoints are doing, by invocations of which so many may run at once.
    #[must_use]
    pub fn desk(&self, invocations: NonZeroU32) -> Arc<EndpointDesk> {
        let controls = Arc::new(self.ledger.clone());
        Arc::new(EndpointDesk::new(
            Arc::clone(&self.book),
            controls,
            Arc::new(SystemClock),
            invocations,
            self.settings.in_flight,
        ))
    }

    /// Where it is counted what became of mails.
    #[must_use]
    pub fn feedback_log(&self) -> Arc<dyn FeedbackLog> {
        Arc::new(self.ledger.clone())
    }

    /// Where all invocations report what came of their calls.
    #[must_use]
    pub fn outcomes(&self) -> Arc<dyn OutcomeLog> {
        Arc::new(self.ledger.clone())
    }

    /// Runs a step here.
    pub fn runner<S>(&self, step: S) -> StageRunner<S> {
        StageRunner { step, queue: Arc::clone(&self.queues[self.stage]), clock: Arc::new(SystemClock) }
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
        self.work_watched(stage, &provider, event, deadline).await
    }

    /// The same, with an eye of the stage's own on whom it calls.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn work_watched(
        &self,
        stage: &dyn Stage,
        provider: &dyn Watch,
        event: SqsEvent,
        deadline: u64,
    ) -> Result<SqsBatchResponse, BatchError> {
        let (queues, settings) = (&self.queues, self.settings);
        let worker = Worker { stage, queue: &*queues[self.stage], queues, clock: &SystemClock, settings, provider };
        batch::answer(event, async |messages| {
            let done = worker.work(messages, batch::deadline(deadline)).await;
            self.metrics.worked(self.stage, SystemClock.now(), &done.calls, &self.moved);
            done.unfinished
        })
        .await
    }
}
