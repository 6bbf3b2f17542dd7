//! The tick function: every minute, makes the mappings match what holds their stages, looks after what fell
//! off, wakes what was put off, counts dead letters, ends doubts, looks at how recipients take the mails, looks after endpoints
//! and campaigns, carries orders out, tells troubles, and counts where everything stands for everyone who looks.

mod lookout;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use futures::future::join_all;
use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    config::{Environment, TickConfig, process_variable},
    dynamodb::DynamoDbLedger,
    outbox::outbox,
    sdk,
    sqs::SqsIntake,
    stack::Stack,
    stages::LambdaStages,
    telemetry::{self, Metrics},
};
use pulse_core::{
    campaign::{AudienceSizes, CampaignRound, CampaignStepped},
    control::{BreakerPolicy, Hold},
    delivery::{EndpointRound, EndpointRounds, OutboxLedger, UnwellEndpoint},
    entry::StageName,
    feedback::{ReputationBreaker, ReputationPolicy},
    orders::{OrderRound, OrderStepped},
    ports::{Clock as _, DeadLetterQueues, DlqName, Queues, ReadUnits, Stages as _},
    snapshot::{CountBudget, SnapshotRound},
    tick::{
        DoubtSweep, FeedbackRound, FeedbackRounds, MappingReconciler, Round, StageRound, Sweep, SweepPolicy, Swept,
    },
};
use pulse_feedback::UnsignedReader;
use serde::Serialize;

use self::lookout::{Lookout, StageLook};

/// How long after it began a tick plans, dispatches and closes campaigns' entries, before it turns to orders; but so long at
/// least, as with those.
const CAMPAIGNS_UNTIL: Duration = Duration::from_secs(30);
const CAMPAIGNS_AT_LEAST: Duration = Duration::from_secs(5);

/// How long after it began a tick works on orders, so that the next minute's finds it ended; but so long at least, after a
/// minute in which it waited for a provider: its timeout is 90 seconds.
const ORDERS_UNTIL: Duration = Duration::from_secs(45);
const ORDERS_AT_LEAST: Duration = Duration::from_secs(10);

/// The function, with its clients built once.
pub struct Function {
    ledger: DynamoDbLedger,
    /// What is written to it may make facts, of which word is written too.
    entries: OutboxLedger,
    stages: LambdaStages,
    queues: Queues,
    dead_letters: DeadLetterQueues,
    intake: SqsIntake,
    policy: SweepPolicy,
    breaker: BreakerPolicy,
    metrics: Metrics,
    gauges: Stack,
    lookout: Lookout,
    budget: CountBudget,
}

/// What a tick did, as it answers whoever invokes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Stage by stage.
    pub stages: Vec<StageTick>,
    /// Endpoint by endpoint.
    pub endpoints: Vec<EndpointRounds>,
    /// About feedback.
    pub feedback: FeedbackRounds,
    /// For campaigns.
    pub campaigns: Vec<CampaignStepped>,
    /// For orders.
    pub orders: Vec<OrderStepped>,
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
        // Metered, as it is by what counting takes that it is counted again.
        let ledger = DynamoDbLedger::new(sdk::dynamodb_client(&aws), config.table.clone()).metered();
        let stack = config.own_stack(&aws);
        let queues = stack.queues()?;
        let at_once = Some(config.count_units_at_once).filter(|units| *units > 0);
        Ok(Self {
            entries: outbox(&ledger, Arc::clone(&queues[StageName::Deliver])),
            ledger,
            dead_letters: stack.dead_letter_queues()?,
            gauges: stack,
            intake: SqsIntake::new(sqs.clone(), config.feedback_queue_url),
            queues,
            stages: LambdaStages::new(&aws, config.stack.clone(), config.stages)
                .with_deployments_over_after(config.deployed_within),
            metrics: Metrics::new(config.stack, config.detailed_metrics),
            lookout: Lookout::new(config.policy.retention),
            budget: CountBudget { at_once, ..CountBudget::default() },
            policy: config.policy,
            breaker: config.breaker,
        })
    }

    /// One tick. A stage that can't be swept now is swept by the next. Every minute's, which is scheduled, looks only every five minutes
    /// at what seldom changes.
    pub async fn handle(&self, is_scheduled: bool) -> Ticked {
        let began = SystemClock.now();
        let sweep = Sweep {
            ledger: &self.entries,
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
        let rounds = Round { reconciler, sweep, is_thorough: !is_scheduled };
        let feedback = FeedbackRound {
            doubts: DoubtSweep {
                ledger: &self.entries,
                listing: &self.ledger,
                campaigns: &self.ledger,
                intake: &self.intake,
                clock: &SystemClock,
            },
            reputation: ReputationBreaker {
                log: &self.ledger,
                campaigns: &self.ledger,
                controls: &self.ledger,
                clock: &SystemClock,
                policy: ReputationPolicy::default(),
            },
        };
        // Before the stages: one that is held for its reputation is off within this minute.
        let feedback = feedback.run().await;
        let (rounds, letters) = futures::join!(rounds.run(), self.dead_letters(began, is_scheduled));
        let endpoints = self.look_after_endpoints().await;
        let mut looks = Vec::new();
        for round in &rounds {
            looks.push(self.gauge(round, endpoints.as_deref()).await);
        }
        let endpoints = endpoints.unwrap_or_default();
        let stages: Vec<_> = rounds.into_iter().map(told).collect();
        for StageTick { stage, held, turned, probes, outcome, woken, repeated, failed } in &stages {
            tracing::info!(%stage, held, turned, probes, outcome, woken, repeated, failed, "tick");
        }
        let FeedbackRounds { doubts_ended, reputation } = feedback;
        if let Some(reputation) = reputation {
            self.metrics.reputation(SystemClock.now(), reputation);
        }
        tracing::info!(doubts_ended, ?reputation, "tick of feedback");
        for EndpointRounds { endpoint, held, woken, repeated, dropped, failed, .. } in &endpoints {
            tracing::info!(%endpoint, held, woken, repeated, dropped, failed, "tick of an endpoint");
        }
        let campaigns = self.look_after_campaigns(began).await;
        let orders = self.carry_out_orders(began).await;
        self.lookout.note_feedback(&feedback, SystemClock.now());
        self.lookout.note_campaigns(&campaigns, SystemClock.now());
        self.lookout.look_at_audits(&self.ledger, SystemClock.now()).await;
        self.metrics.stack(SystemClock.now(), self.lookout.tell(&looks, &letters, SystemClock.now()));
        // Last, as counting 600,000 entries takes a while, and nothing waits for it.
        let unwell = EndpointRounds::unwell(&endpoints);
        let snapshot = Box::pin(self.take_snapshot(&unwell)).await;
        Ticked { stages, endpoints, feedback, campaigns, orders, snapshot }
    }

    /// What can't be done now is done by the next tick.
    async fn look_after_endpoints(&self) -> Option<Vec<EndpointRounds>> {
        let round = EndpointRound {
            endpoints: &self.ledger,
            controls: &self.ledger,
            deliveries: &self.ledger,
            queue: &*self.queues[StageName::Deliver],
            stages: &self.stages,
            memory: &self.ledger,
            clock: &SystemClock,
            breaker: self.breaker,
            policy: self.policy,
        };
        let looked_after = round.run().await;
        looked_after.inspect_err(|error| tracing::warn!(%error, "it can't be told which endpoints there are")).ok()
    }

    /// What can't be done now is done by the next tick.
    async fn look_after_campaigns(&self, began: Timestamp) -> Vec<CampaignStepped> {
        let round = CampaignRound {
            campaigns: &self.ledger,
            entries: &self.ledger,
            ledger: &self.entries,
            listing: &self.ledger,
            stages: &self.stages,
            controls: &self.ledger,
            outcomes: &self.ledger,
            queues: &self.queues,
            book: &self.entries.book,
            clock: &SystemClock,
            probes: self.breaker.probes,
            sizes: AudienceSizes::default(),
        };
        let after = |moment: Timestamp, by| moment.saturating_add(by).unwrap_or(moment);
        let until = after(began, CAMPAIGNS_UNTIL).max(after(SystemClock.now(), CAMPAIGNS_AT_LEAST));
        let stepped = Box::pin(round.run(until)).await;
        for CampaignStepped { run, state, dispatched, repeated, closed, late } in &stepped {
            tracing::info!(campaign = %run, %state, dispatched, repeated, closed, ?late, "tick of a campaign");
        }
        let judged: Vec<_> = stepped.iter().filter_map(|step| step.late).collect();
        if !judged.is_empty() {
            self.metrics.late_campaigns(SystemClock.now(), judged.into_iter().filter(|late| *late).count());
        }
        stepped
    }

    /// For what is left of the minute.
    async fn carry_out_orders(&self, began: Timestamp) -> Vec<OrderStepped> {
        let round = OrderRound {
            orders: &self.ledger,
            ledger: &self.entries,
            deliveries: &self.ledger,
            listing: &self.ledger,
            queues: &self.queues,
            dead_letters: &self.dead_letters,
            intake: &UnsignedReader,
            sleeper: &SystemClock,
        };
        let after = |moment: Timestamp, by| moment.saturating_add(by).unwrap_or(moment);
        let until = after(began, ORDERS_UNTIL).max(after(SystemClock.now(), ORDERS_AT_LEAST));
        let stepped = round.run(until).await;
        for OrderStepped { order, state, carried_out, expected } in &stepped {
            tracing::info!(%order, ?state, carried_out, expected, "tick of an order");
        }
        stepped
    }

    /// What can't be looked at now is looked at in five minutes.
    async fn take_snapshot(&self, endpoints: &[UnwellEndpoint]) -> Option<SnapshotTick> {
        let round = SnapshotRound {
            stages: &self.stages,
            controls: &self.ledger,
            outcomes: &self.ledger,
            ledger: &self.ledger,
            open: &self.ledger,
            reports: &self.ledger,
            feedback: &self.ledger,
            campaigns: &self.ledger,
            reputation: ReputationPolicy::default(),
            gauges: &self.gauges,
            snapshots: &self.ledger,
            clock: &SystemClock,
            budget: self.budget,
            endpoints,
        };
        let taken = round.run().await;
        let taken = taken.inspect_err(|error| tracing::warn!(%error, "no snapshot is taken")).ok().flatten()?;
        self.lookout.note_queues(&taken.snapshot.queues, SystemClock.now());
        let due = taken.snapshot.stages.iter().map(|look| (look.stage, look.oldest_due)).collect();
        self.lookout.note_due(due, SystemClock.now());
        let read_units = taken.snapshot.run.map(|run| run.read_units).filter(|_| taken.counted);
        let told = SnapshotTick { counted: read_units, kept: taken.kept };
        tracing::info!(read_units = read_units.map(ReadUnits::units), kept = told.kept, "snapshot");
        Some(told)
    }

    /// Dead letters by their queues, of every queue that is looked at in this minute. Each look is a call that costs.
    async fn dead_letters(&self, began: Timestamp, is_scheduled: bool) -> Vec<(DlqName, u64)> {
        let looks_at = |name: &DlqName| !is_scheduled || self.lookout.looks_at_letters(*name, began);
        let looked_at = DlqName::of(self.stages.deployed()).filter(looks_at);
        join_all(looked_at.map(|name| self.count(name))).await.into_iter().flatten().collect()
    }

    /// What can't be counted now is counted by the next tick.
    async fn count(&self, name: DlqName) -> Option<(DlqName, u64)> {
        // Those that an order keeps out of sight are not done with.
        match self.dead_letters.get(name).total().await {
            Ok(count) => {
                self.metrics.dead_letters(name, SystemClock.now(), count);
                Some((name, count))
            }
            Err(error) => {
                tracing::warn!(%error, "dead letters aren't counted");
                None
            }
        }
    }

    async fn gauge(&self, round: &StageRound, endpoints: Option<&[EndpointRounds]>) -> StageLook {
        let now = SystemClock.now();
        let known = self.lookout.oldest_due(round.stage, now);
        let look = StageLook::of(round, endpoints, &self.ledger, &self.ledger, known, now).await;
        if let Some(gauges) = look.gauges() {
            self.metrics.gauges(look.stage, now, gauges);
        }
        look
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
