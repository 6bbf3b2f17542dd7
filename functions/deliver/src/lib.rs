//! The deliver function: takes batches from the deliver queue, and tells endpoints of what happened.

mod test_word;

use std::sync::Arc;

use anyhow::{Context, Result};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use pulse_aws::{
    batch::BatchError,
    clock::SystemClock,
    config::{DeliverConfig, Environment, process_variable},
    host::StageHost,
    sdk, telemetry,
    test_word::{TestWordAnswer, TestWordOrder},
};
use pulse_core::{
    delivery::EndpointDesk,
    stage::{DeliverStep, StageRunner, Step as _},
};
use pulse_endpoints::{AddressRules, EndpointCourier};
use pulse_providers::Connections;
use serde::{Deserialize, Serialize};

/// The function, with its clients built once.
pub struct Function {
    stage: StageRunner<DeliverStep>,
    host: StageHost,
    desk: Arc<EndpointDesk>,
    connections: Connections,
}

/// What the function is invoked with.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Invocation {
    /// An operator wants to see whether an endpoint takes word.
    TestWord(TestWordOrder),
    /// The queue has messages.
    Batch(SqsEvent),
}

/// What it answers.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What came of the word.
    TestWord(TestWordAnswer),
    /// Which messages must come back.
    Batch(SqsBatchResponse),
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong, or TLS can't be set up.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = DeliverConfig::read(env)?;
        let aws = sdk::load().await?;
        let rules = if config.on_loopback { AddressRules::AlsoLoopback } else { AddressRules::PublicOnly };
        let timeout = config.stage.worker.call_timeout;
        let courier = EndpointCourier::new(&sdk::for_worker(&aws), rules, timeout, Arc::new(SystemClock));
        let courier = courier.context("the endpoints' client can't be built")?;
        let connections = courier.connections();
        let host = StageHost::new(&aws, DeliverStep::STAGE, config.stage);
        let desk = host.desk(config.invocations);
        let step = DeliverStep {
            lines: host.lines(),
            desk: Arc::clone(&desk),
            courier: Arc::new(courier),
            ledger: host.entries().ledger,
            campaigns: host.campaigns(),
            clock: Arc::new(SystemClock),
        };
        Ok(Self { stage: host.runner(step), host, desk, connections })
    }

    /// Works on a batch, or sends test word. `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no SQS batch.
    pub async fn handle(&self, invocation: Invocation, deadline: u64) -> Result<Answer, BatchError> {
        self.connections.renew();
        Ok(match invocation {
            Invocation::Batch(event) => {
                Answer::Batch(self.host.work_watched(&self.stage, &*self.desk, event, deadline).await?)
            }
            Invocation::TestWord(order) => Answer::TestWord(self.send_test_word(&order).await),
        })
    }
}
