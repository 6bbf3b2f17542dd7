//! The email function: takes batches from the email queue and runs the email stage on them.

mod test_mail;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    clock::SystemClock,
    config::{EmailConfig, Environment, MailProvider, process_variable},
    host::StageHost,
    sdk::{self, SdkConfig},
    telemetry,
    test_mail::{TestMailAnswer, TestMailOrder},
};
use pulse_core::{
    drop_watch::DropWatch,
    keys::KeyRing,
    ports::{DroppedMails, Mailer},
    stage::{EmailStep, MeteredMailer, StageRunner, Step as _},
    unsubscribe::{UnsubscribeLinks, UnsubscribeTokens},
};
use pulse_letters::MinijinjaRenderer;
use pulse_providers::{Connections, MarketingCloudMailer, SesMailer, secret, secret::SecretStores, ses_client};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<EmailStep>,
    host: StageHost,
    mailer: Arc<dyn Mailer>,
    connections: Connections,
    drops: Option<DropWatch>,
}

/// What the function is invoked with.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Invocation {
    /// `pulse doctor` wants to see a mail arrive.
    TestMail(TestMailOrder),
    /// The queue has messages.
    Batch(SqsEvent),
}

/// What it answers.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What came of the mail.
    TestMail(TestMailAnswer),
    /// Which messages must come back.
    Batch(SqsBatchResponse),
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
        let timeout = config.stage.worker.call_timeout;
        let keys = keys(&aws, config.keys_secret).await?;
        let host = StageHost::new(&aws, EmailStep::STAGE, config.stage);
        let host = match &keys {
            Some(keys) => host.with_keys(keys.clone()),
            None => host,
        };
        let entries = host.entries();
        let provider = provider(&aws, config.provider, timeout).await?;
        let watch =
            |mails| DropWatch::new(mails, Arc::clone(&entries.ledger), host.feedback_log(), Arc::new(SystemClock));
        let drops = provider.dropped.map(watch);
        let step = EmailStep {
            mailer: Arc::new(MeteredMailer {
                mailer: Arc::clone(&provider.mailer),
                meter: Arc::clone(&host.meter),
                clock: Arc::new(SystemClock),
            }),
            entries,
            renderer: Arc::new(MinijinjaRenderer::new().context("the email templates can't be read")?),
            policy: config.policy,
            links: config
                .unsubscribe_url
                .zip(keys)
                .map(|(url, keys)| UnsubscribeLinks::new(url, UnsubscribeTokens::new(keys))),
        };
        let (mailer, connections) = (provider.mailer, provider.connections);
        Ok(Self { stage: host.runner(step), host, mailer, connections, drops })
    }

    /// Works on a batch, or sends a test mail. An empty batch has it look at once which mails the provider has dropped.
    /// `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, invocation: Invocation, deadline: u64) -> Result<Answer, BatchError> {
        self.connections.renew();
        Ok(match invocation {
            Invocation::Batch(event) => {
                self.look_for_dropped_mails(event.records.is_empty()).await;
                Answer::Batch(self.host.work(&self.stage, event, deadline).await?)
            }
            Invocation::TestMail(order) => Answer::TestMail(self.send_test_mail(&order).await),
        })
    }

    /// Before the batch, so that the provider never sees one call more than there are lanes.
    async fn look_for_dropped_mails(&self, at_once: bool) {
        let Some(drops) = &self.drops else { return };
        let look = async { if at_once { drops.look().await } else { drops.look_if_due().await } };
        match timeout(LONGEST_LOOK, look).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "it can't be told which mails were accepted, and then not sent"),
            Err(_) => tracing::warn!("the provider takes long to tell which mails it accepted, and then didn't send"),
        }
        self.host.count_dropped(drops.take_news());
    }
}

/// What is taken from an invocation's time to look for mails that were dropped.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// The provider that the configuration chose.
struct Provider {
    mailer: Arc<dyn Mailer>,
    connections: Connections,
    /// If it tells which mails it has dropped when it is asked.
    dropped: Option<Arc<dyn DroppedMails>>,
}

async fn keys(aws: &SdkConfig, secret_name: Option<String>) -> Result<Option<KeyRing>> {
    let Some(name) = secret_name else { return Ok(None) };
    Ok(Some(secret::keys(&SecretStores::new(aws), &name).await?))
}

async fn provider(aws: &SdkConfig, provider: MailProvider, timeout: Duration) -> Result<Provider> {
    Ok(match provider {
        MailProvider::Ses { sender, configuration_set, rate_per_second } => {
            let client = ses_client(aws);
            let mailer = SesMailer::new(client, &sender, configuration_set, rate_per_second, timeout)?;
            Provider { connections: mailer.connections(), mailer: Arc::new(mailer), dropped: None }
        }
        MailProvider::MarketingCloud { url, auth_url, definition, secret_name, account_id } => {
            let clock = Arc::new(SystemClock);
            let credentials = secret::client_credentials(&SecretStores::new(aws), &secret_name, clock).await?;
            let mailer = MarketingCloudMailer::new(&url, &auth_url, &definition, credentials, timeout)?;
            let mailer = Arc::new(mailer.in_business_unit(account_id));
            Provider { connections: mailer.connections(), mailer: mailer.clone(), dropped: Some(mailer) }
        }
    })
}
