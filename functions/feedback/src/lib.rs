//! The feedback function: takes batches from the intake's queues, and brings what they tell into the ledger.

mod reader;
mod secret_cache;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    clock::SystemClock,
    config::{Environment, FeedbackConfig, Tenant, process_variable},
    dynamodb::DynamoDbLedger,
    intake::IntakeHost,
    outbox::outbox,
    scheduler::EventBridgeSchedules,
    sdk::{self, SdkConfig},
    sqs::SqsQueue,
    telemetry,
};
use pulse_core::{
    delivery::OutboxLedger,
    enrollment::Enrollment,
    entry::StageName,
    feedback::{FeedbackCount, FeedbackListener},
    keys::KeyRing,
    secret_store::SecretStore,
    unsubscribe::UnsubscribeTokens,
};
use pulse_feedback::Parsers;
use pulse_providers::{EnsVerifier, secret, secret::SecretStores};

pub use self::{
    reader::Reader,
    secret_cache::{SecretCache, Unread},
};

/// How long Marketing Cloud may take to verify a callback.
const LONGEST_VERIFICATION: Duration = Duration::from_secs(15);

/// The function, with its clients built once.
pub struct Function {
    host: IntakeHost,
    ledger: OutboxLedger,
    log: DynamoDbLedger,
    schedules: EventBridgeSchedules,
    tokens: SecretCache<UnsubscribeTokens>,
    parsers: SecretCache<Parsers>,
    verifier: Option<EnsVerifier>,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, or a secret can't be read.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = FeedbackConfig::read(env)?;
        let aws = sdk::load().await?;
        let ring = keys(&aws, &config.keys_secret).await?;
        let worker = sdk::for_worker(&aws);
        let log = DynamoDbLedger::new(sdk::dynamodb_client(&worker), config.table.clone()).with_keys(ring.clone());
        let queue = SqsQueue::new(sdk::sqs_client(&worker), StageName::Deliver, config.deliver_queue_url.clone());
        let tokens = SecretCache::new(UnsubscribeTokens::new(ring.clone()), Arc::new(SystemClock), {
            let (aws, name) = (aws.clone(), config.keys_secret.clone());
            move || {
                let (aws, name) = (aws.clone(), name.clone());
                async move { keys(&aws, &name).await.map(UnsubscribeTokens::new) }
            }
        });
        let parsers =
            SecretCache::new(parsers(&aws, config.feedback_secret.as_deref()).await?, Arc::new(SystemClock), {
                let (aws, name) = (aws.clone(), config.feedback_secret.clone());
                move || {
                    let (aws, name) = (aws.clone(), name.clone());
                    async move { parsers(&aws, name.as_deref()).await }
                }
            });
        let verifier = match &config.tenant {
            Some(tenant) => Some(verifier(&aws, tenant).await?),
            None => None,
        };
        Ok(Self {
            verifier,
            host: IntakeHost::new(&aws, &config),
            ledger: outbox(&log, Arc::new(queue)),
            log,
            schedules: EventBridgeSchedules::new(sdk::scheduler_client(&aws), config.target),
            tokens,
            parsers,
        })
    }

    /// Works on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no batch of the intake's queues.
    pub async fn handle(&self, event: SqsEvent, deadline: u64) -> Result<SqsBatchResponse, BatchError> {
        if let Some(verifier) = &self.verifier {
            verifier.connections().renew();
        }
        let listener = FeedbackListener::new(&self.ledger, &self.log, &SystemClock);
        let enrollment = Enrollment { ledger: &self.ledger, schedules: &self.schedules, clock: &SystemClock };
        let reader = Reader {
            listener: &listener,
            enrollment,
            tokens: &self.tokens,
            parsers: &self.parsers,
            verifier: self.verifier.as_ref(),
        };
        let answer = self.host.work(event, deadline, |message| reader.take(message)).await;
        let counts = listener.finish().await;
        self.host.count_dropped(counts[FeedbackCount::Rejected]);
        answer
    }
}

async fn verifier(aws: &SdkConfig, tenant: &Tenant) -> Result<EnsVerifier> {
    let credentials =
        secret::client_credentials(&SecretStores::new(aws), &tenant.secret_name, Arc::new(SystemClock)).await?;
    let verifier = EnsVerifier::new(&tenant.url, &tenant.auth_url, credentials, LONGEST_VERIFICATION)?;
    Ok(verifier.in_business_unit(tenant.account_id))
}

async fn keys(aws: &SdkConfig, name: &str) -> Result<KeyRing> {
    Ok(secret::keys(&SecretStores::new(aws), name).await?)
}

/// Without a secret, SES alone is believed.
async fn parsers(aws: &SdkConfig, name: Option<&str>) -> Result<Parsers> {
    let Some(name) = name else { return Ok(Parsers::default()) };
    let text = SecretStores::new(aws).read(name).await?;
    let noun = SecretStore::of(name).noun();
    Parsers::parse(&text).map_err(|error| anyhow::anyhow!("the {noun} {name} {error}"))
}
