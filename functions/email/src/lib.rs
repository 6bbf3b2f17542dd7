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
    ports::Mailer,
    stage::{EmailStep, MeteredMailer, StageRunner, Step as _},
};
use pulse_letters::MinijinjaRenderer;
use pulse_providers::{Connections, MarketingCloudMailer, SesMailer, secret, secrets_client, ses_client};
use serde::{Deserialize, Serialize};

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<EmailStep>,
    host: StageHost,
    mailer: Arc<dyn Mailer>,
    connections: Connections,
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
        let host = StageHost::new(&aws, EmailStep::STAGE, config.stage);
        let (mailer, connections) = mailer(&aws, config.provider, timeout).await?;
        let step = EmailStep {
            entries: host.entries(),
            mailer: Arc::new(MeteredMailer {
                mailer: Arc::clone(&mailer),
                meter: Arc::clone(&host.meter),
                clock: Arc::new(SystemClock),
            }),
            renderer: Arc::new(MinijinjaRenderer::new().context("the email templates can't be read")?),
            policy: config.policy,
        };
        Ok(Self { stage: host.runner(step), host, mailer, connections })
    }

    /// Works on a batch, or sends a test mail. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, invocation: Invocation, deadline: u64) -> Result<Answer, BatchError> {
        self.connections.renew();
        Ok(match invocation {
            Invocation::Batch(event) => Answer::Batch(self.host.work(&self.stage, event, deadline).await?),
            Invocation::TestMail(order) => Answer::TestMail(self.send_test_mail(&order).await),
        })
    }
}

/// The provider that the configuration chose, and its connections.
async fn mailer(
    aws: &SdkConfig,
    provider: MailProvider,
    timeout: Duration,
) -> Result<(Arc<dyn Mailer>, Connections)> {
    Ok(match provider {
        MailProvider::Ses { sender, configuration_set, rate_per_second } => {
            let client = ses_client(aws);
            let mailer = SesMailer::new(client, &sender, configuration_set, rate_per_second, timeout)?;
            let connections = mailer.connections();
            (Arc::new(mailer), connections)
        }
        MailProvider::MarketingCloud { url, auth_url, definition, secret_name } => {
            let credentials = secret::client_credentials(&secrets_client(aws), &secret_name).await?;
            let mailer = MarketingCloudMailer::new(&url, &auth_url, &definition, credentials, timeout)?;
            let connections = mailer.connections();
            (Arc::new(mailer), connections)
        }
    })
}
