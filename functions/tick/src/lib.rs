//! The tick function: every minute, makes the mappings match what holds their stages, looks after what fell
//! off, wakes what was put off, counts dead letters, ends doubts, looks at how recipients take the mails, and counts where
//! everything stands for everyone who looks.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use futures::future::join_all;
use pulse_aws::{
    clock::SystemClock,
    config::{Environment, TickConfig, process_variable},
    dynamodb::DynamoDbLedger,
    sdk,
    sqs::{SqsDeadLetters, SqsIntake, SqsQueue},
    stack::Stack,
    stages::LambdaStages,
    telemetry::{self, Metrics, StageGauges},
};
use pulse_core::{
    control::{Breaker, BreakerPolicy, Hold},
    entry::StageName,
    feedback::{ReputationBreaker, ReputationPolicy},
    ports::{Clock as _, DeadLetters, DlqName, IntakeQueue, Queues, ReadUnits, StageQueue},
    snapshot::{CountBudget, SnapshotRound},
    tick::{
        DoubtSweep, FeedbackRound, FeedbackRounds, MappingReconciler, Round, StageRound, Sweep, SweepPolicy, Swept,
        oldest_due,
    },
};
use serde::Serialize;

/// The function, with its clients built once.
pub struct Function {
    ledger: DynamoDbLedger,
    stages: LambdaStages,
    queues: Queues,
    dead_letters: Vec<SqsDeadLetters>,
    intake: SqsIntake,
    policy: SweepPolicy,
    breaker: BreakerPolicy,
    metrics: Metrics,
    gauges: Stack,
}

/// What a tick did, as it answers whoever invokes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Stage by stage.
    pub stages: Vec<StageTick>,
    /// About feedback.
    pub feedback: FeedbackRounds,
    /// The snapshot that was taken, if it was time for one.
    pub snapshot: Option<SnapshotTick>,
}

/// A snapshot that a tick took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SnapshotTick {
    /// What it took to count the run's entries, if they were counted.
    pub counted: Option<ReadUnits>,
    /// Whether it was kept: not, if someone else keeps one that is newer.
    pub kept: bool,
}

/// What a tick did for a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageTick {
    /// The stage concerned.
    pub stage: StageName,
    /// `flows`, `paused`, `broken`, or `unknown` if that couldn't be told.
    pub held: &'static str,
    /// Which way its mapping was turned, if it was.
    pub turned: Option<bool>,
    /// Messages that were handed over to see whether its provider is well again.
    pub probes: usize,
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
        let dead_letters = |name: DlqName| {
            let url = match name {
                DlqName::Stage(stage) => &config.dead_letters[stage],
                DlqName::Schedules => &config.schedule_dead_letters,
                DlqName::Intake(IntakeQueue::Feedback) => &config.feedback_dead_letters,
                DlqName::Intake(IntakeQueue::Unsubscribe) => &config.unsubscribe_dead_letters,
            };
            // They are counted, and never brought back from here.
            SqsDeadLetters::new(sqs.clone(), name, url, "")
        };
        Ok(Self {
            gauges: config.own_stack(&aws),
            dead_letters: DlqName::all().map(dead_letters).collect(),
            intake: SqsIntake::new(sqs.clone(), config.feedback_queue_url),
            // Metered, as it is by what counting takes that it is counted again.
            ledger: DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.table).metered(),
            queues: Queues::from_fn(|stage| -> Arc<dyn StageQueue> {
                Arc::new(SqsQueue::new(sqs.clone(), stage, config.stages[stage].queue_url.clone()))
            }),
            stages: LambdaStages::new(&aws, config.stack.clone(), config.stages)
                .with_deployments_over_after(config.deployed_within),
            metrics: Metrics::new(config.stack, config.detailed_metrics),
            policy: config.policy,
            breaker: config.breaker,
        })
    }

    /// One tick. A stage that can't be swept now is swept by the next.
    pub async fn handle(&self) -> Ticked {
        let sweep = Sweep {
            ledger: &self.ledger,
            open: &self.ledger,
            stages: &self.stages,
            memory: &self.ledger,
            queues: &self.queues,
            clock: &SystemClock,
            policy: self.policy,
        };
        let reconciler = MappingReconciler {
            stages: &self.stages,
            controls: &self.ledger,
            outcomes: &self.ledger,
            clock: &SystemClock,
            policy: self.breaker,
        };
        let rounds = Round { reconciler, sweep };
        let feedback = FeedbackRound {
            doubts: DoubtSweep {
                ledger: &self.ledger,
                listing: &self.ledger,
                intake: &self.intake,
                clock: &SystemClock,
            },
            reputation: ReputationBreaker {
                log: &self.ledger,
                controls: &self.ledger,
                clock: &SystemClock,
                policy: ReputationPolicy::default(),
            },
        };
        // Before the stages: one that is held for its reputation is off within this minute.
        let feedback = feedback.run().await;
        let (rounds, _) = futures::join!(rounds.run(), join_all(self.dead_letters.iter().map(|one| self.count(one))));
        for round in &rounds {
            self.gauge(round).await;
        }
        let stages: Vec<_> = rounds.into_iter().map(told).collect();
        for StageTick { stage, held, turned, probes, outcome, woken, repeated, failed } in &stages {
            tracing::info!(%stage, held, turned, probes, outcome, woken, repeated, failed, "tick");
        }
        let FeedbackRounds { doubts_ended, reputation } = feedback;
        if let Some(reputation) = reputation {
            self.metrics.reputation(SystemClock.now(), reputation);
        }
        tracing::info!(doubts_ended, ?reputation, "tick of feedback");
        // Last, as counting 600,000 entries takes a while, and nothing waits for it.
        let snapshot = Box::pin(self.take_snapshot()).await;
        Ticked { stages, feedback, snapshot }
    }

    /// What can't be looked at now is looked at in five minutes.
    async fn take_snapshot(&self) -> Option<SnapshotTick> {
        let round = SnapshotRound {
            stages: &self.stages,
            controls: &self.ledger,
            outcomes: &self.ledger,
            ledger: &self.ledger,
            open: &self.ledger,
            reports: &self.ledger,
            feedback: &self.ledger,
            reputation: ReputationPolicy::default(),
            gauges: &self.gauges,
            snapshots: &self.ledger,
            clock: &SystemClock,
            budget: CountBudget::default(),
        };
        let taken = round.run().await;
        let taken = taken.inspect_err(|error| tracing::warn!(%error, "no snapshot is taken")).ok().flatten()?;
        let read_units = taken.snapshot.run.map(|run| run.read_units).filter(|_| taken.counted);
        let told = SnapshotTick { counted: read_units, kept: taken.kept };
        tracing::info!(read_units = read_units.map(ReadUnits::units), kept = told.kept, "snapshot");
        Some(told)
    }

    /// What can't be counted now is counted by the next tick.
    async fn count(&self, letters: &SqsDeadLetters) {
        match letters.count().await {
            Ok(count) => self.metrics.dead_letters(letters.name(), SystemClock.now(), count),
            Err(error) => tracing::warn!(%error, "dead letters aren't counted"),
        }
    }

    async fn gauge(&self, StageRound { stage, reconciled, .. }: &StageRound) {
        let now = SystemClock.now();
        let (Ok(reconciled), Ok(due)) = (reconciled, oldest_due(&self.ledger, &self.ledger, *stage, now).await) else {
            return;
        };
        let age = due.and_then(|due| Duration::try_from(now.duration_since(due)).ok()).unwrap_or_default();
        let is_broken = matches!(reconciled.control.breaker, Breaker::Open(_));
        let gauges = StageGauges { oldest_due: age, is_broken, is_paused: reconciled.control.is_paused(now) };
        self.metrics.gauges(*stage, now, gauges);
    }
}

fn told(StageRound { stage, reconciled, swept }: StageRound) -> StageTick {
    let (held, turned, probes) = match &reconciled {
        Err(_) => ("unknown", None, 0),
        Ok(reconciled) => {
            let held = match reconciled.control.hold(SystemClock.now()) {
                None => "flows",
                Some(Hold::Broken(_)) => "broken",
                Some(Hold::Reputation(_) | Hold::Command(_) | Hold::Console(_)) => "paused",
            };
            (held, reconciled.turned, reconciled.probed.map_or(0, |probed| probed.messages))
        }
    };
    let (outcome, woken, repeated, failed) = match swept {
        Swept::Paused => ("paused", 0, 0, 0),
        Swept::Failed => ("failed", 0, 0, 0),
        Swept::Done { woken, repeated, failed } => ("swept", woken, repeated, failed),
    };
    StageTick { stage, held, turned, probes, outcome, woken, repeated, failed }
}
