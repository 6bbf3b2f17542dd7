//! The email function: takes batches from the email queue and runs the email stage on them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::{self, BatchError},
    clock::SystemClock,
    config::{EmailConfig, Environment, MailProvider, process_variable},
    dynamodb::DynamoDbLedger,
    providers::{MarketingCloudMailer, SesMailer, secret},
    render::MinijinjaRenderer,
    sdk::{self, SdkConfig},
    sqs::SqsQueue,
    telemetry::{self, CountedLedger, Metrics, Transitions},
};
use pulse_core::{
    control::{BreakerPolicy, Meter, MeteredMailer, ProviderWatch},
    entry::StageName,
    ports::{Clock as _, Mailer},
    stage::{EmailStage, Worker, WorkerSettings},
};

/// The function, with its clients built once.
pub struct Function {
    stage: EmailStage,
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
        let config = EmailConfig::read(env)?;
        let aws = sdk::load().await?;
        let sqs = sdk::sqs_client(&aws);
        let ledger = DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.stage.table);
        let (meter, moved) = (Arc::new(Meter::default()), Arc::new(Transitions::default()));
        Ok(Self {
            stage: EmailStage {
                ledger: Arc::new(CountedLedger { ledger: ledger.clone(), moved: moved.clone() }),
                mailer: Arc::new(MeteredMailer {
                    mailer: mailer(&aws, config.provider, config.stage.worker.call_timeout).await?,
                    meter: meter.clone(),
                    clock: Arc::new(SystemClock),
                }),
                renderer: Arc::new(MinijinjaRenderer::new().context("the email templates can't be read")?),
                score_queue: Arc::new(SqsQueue::new(sqs.clone(), StageName::Score, config.stage.score_queue_url)),
                clock: Arc::new(SystemClock),
                policy: config.policy,
            },
            queue: SqsQueue::new(sqs, StageName::Email, config.stage.email_queue_url),
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
            stage: StageName::Email,
            meter: &self.meter,
            log: &self.ledger,
            controls: &self.ledger,
            policy: self.breaker,
        };
        let worker =
            Worker { stage: &self.stage, queue: &self.queue, clock: &self.clock, settings: self.settings, provider };
        batch::answer(event, async |deliveries| {
            let done = worker.work(deliveries, batch::deadline(deadline)).await;
            self.metrics.worked(StageName::Email, self.clock.now(), &done.calls, &self.moved);
            done.unfinished
        })
        .await
    }
}

/// The provider that the configuration chose.
async fn mailer(aws: &SdkConfig, provider: MailProvider, timeout: Duration) -> Result<Arc<dyn Mailer>> {
    Ok(match provider {
        MailProvider::Ses { sender, configuration_set, rate_per_second } => {
            let client = sdk::ses_client(aws);
            Arc::new(SesMailer::new(client, &sender, configuration_set, rate_per_second, timeout)?)
        }
        MailProvider::MarketingCloud { url, auth_url, definition, secret_name } => {
            let credentials = secret::client_credentials(&sdk::secrets_client(aws), &secret_name).await?;
            Arc::new(MarketingCloudMailer::new(&url, &auth_url, &definition, credentials, timeout)?)
        }
    })
}
