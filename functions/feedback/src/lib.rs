//! The feedback function: takes batches from the intake's queues, and brings what they tell into the ledger.

use anyhow::Result;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    config::{Environment, FeedbackConfig, process_variable},
    intake::{IntakeHost, IntakeMessage, Taken},
    sdk, telemetry,
};
use pulse_core::failure::Cause;

/// The function, with its clients built once.
pub struct Function {
    host: IntakeHost,
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
        Ok(Self { host: IntakeHost::new(&aws, &config) })
    }

    /// Works on a batch. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no batch of the intake's queues.
    pub async fn handle(&self, event: SqsEvent, deadline: u64) -> Result<SqsBatchResponse, BatchError> {
        self.host.work(event, deadline, |message| self.take(message)).await
    }

    #[expect(clippy::unused_async, reason = "until the listener is there")]
    async fn take(&self, message: IntakeMessage) -> Taken {
        match message.route {
            Err(cause) => Taken::Unreadable(cause),
            Ok(_) => Taken::Unreadable(Cause::new("Nobody reads this yet.")),
        }
    }
}
