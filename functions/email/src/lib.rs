//! The email function: takes batches from the email queue and runs the email stage on them.

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
};
use pulse_core::{
    ports::Mailer,
    stage::{EmailStep, MeteredMailer, StageRunner, Step as _},
};
use pulse_letters::MinijinjaRenderer;
use pulse_providers::{MarketingCloudMailer, SesMailer, secret, secrets_client, ses_client};

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<EmailStep>,
    host: StageHost,
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
        let step = EmailStep {
            entries: host.entries(),
            mailer: Arc::new(MeteredMailer {
                mailer: mailer(&aws, config.provider, timeout).await?,
                meter: Arc::clone(&host.meter),
                clock: Arc::new(SystemClock),
            }),
            renderer: Arc::new(MinijinjaRenderer::new().context("the email templates can't be read")?),
            policy: config.policy,
        };
        Ok(Self { stage: host.runner(step), host })
    }

    /// Works on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, event: SqsEvent, deadline: u64) -> Result<SqsBatchResponse, BatchError> {
        self.host.work(&self.stage, event, deadline).await
    }
}

/// The provider that the configuration chose.
async fn mailer(aws: &SdkConfig, provider: MailProvider, timeout: Duration) -> Result<Arc<dyn Mailer>> {
    Ok(match provider {
        MailProvider::Ses { sender, configuration_set, rate_per_second } => {
            let client = ses_client(aws);
            Arc::new(SesMailer::new(client, &sender, configuration_set, rate_per_second, timeout)?)
        }
        MailProvider::MarketingCloud { url, auth_url, definition, secret_name } => {
            let credentials = secret::client_credentials(&secrets_client(aws), &secret_name).await?;
            Arc::new(MarketingCloudMailer::new(&url, &auth_url, &definition, credentials, timeout)?)
        }
    })
}
