//! The tick function: every minute, looks after what fell off and wakes what was put off.

use anyhow::Result;
use pulse_aws::{
    clock::SystemClock,
    config::{Environment, TickConfig, process_variable},
    dynamodb::DynamoDbLedger,
    sdk,
    sqs::SqsQueue,
    stages::LambdaStages,
    telemetry,
};
use pulse_core::{
    entry::StageName,
    tick::{StageSweep, Sweep, SweepPolicy, Swept},
};
use serde::Serialize;

/// The function, with its clients built once.
pub struct Function {
    ledger: DynamoDbLedger,
    stages: LambdaStages,
    score_queue: SqsQueue,
    email_queue: SqsQueue,
    policy: SweepPolicy,
}

/// What a tick did, as it answers whoever invokes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Stage by stage.
    pub stages: Vec<StageTick>,
}

/// What a tick did for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageTick {
    /// Which.
    pub stage: StageName,
    /// `swept`, `paused` or `failed`.
    pub outcome: &'static str,
    /// Messages sent for entries that had been put off.
    pub woken: usize,
    /// Messages sent for entries whose own was given up for lost.
    pub repeated: usize,
    /// Entries that couldn't be queued again.
    pub failed: usize,
}

impl Function {
    /// Reads the configuration and builds the clients.
    ///
    /// # Errors
    /// When a variable is missing or wrong.
    pub async fn start() -> Result<Self> {
        let env = Environment::new(&process_variable);
        telemetry::start(env.optional("LOG_LEVEL").as_deref());
        let config = TickConfig::read(env)?;
        let aws = sdk::load().await?;
        let sqs = sdk::sqs_client(&aws);
        Ok(Self {
            ledger: DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.table),
            score_queue: SqsQueue::new(sqs.clone(), StageName::Score, config.score.queue_url.clone()),
            email_queue: SqsQueue::new(sqs.clone(), StageName::Email, config.email.queue_url.clone()),
            stages: LambdaStages::new(sdk::lambda_client(&aws), sqs, config.score, config.email),
            policy: config.policy,
        })
    }

    /// One tick. A stage that can't be swept now is swept by the next.
    pub async fn handle(&self) -> Ticked {
        let sweep = Sweep {
            ledger: &self.ledger,
            open: &self.ledger,
            stages: &self.stages,
            memory: &self.ledger,
            score_queue: &self.score_queue,
            email_queue: &self.email_queue,
            clock: &SystemClock,
            policy: self.policy,
        };
        let stages: Vec<_> = sweep.run().await.into_iter().map(told).collect();
        for StageTick { stage, outcome, woken, repeated, failed } in &stages {
            tracing::info!(%stage, outcome, woken, repeated, failed, "tick");
        }
        Ticked { stages }
    }
}

fn told(StageSweep { stage, swept }: StageSweep) -> StageTick {
    let (outcome, woken, repeated, failed) = match swept {
        Swept::Paused => ("paused", 0, 0, 0),
        Swept::Failed => ("failed", 0, 0, 0),
        Swept::Done { woken, repeated, failed } => ("swept", woken, repeated, failed),
    };
    StageTick { stage, outcome, woken, repeated, failed }
}
