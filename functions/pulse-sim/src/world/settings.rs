use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{
    campaign::AudienceSizes,
    control::BreakerPolicy,
    feedback::ReputationPolicy,
    quiet_hours::QuietHours,
    snapshot::CountBudget,
    stage::{EmailPolicy, PerStage, StageName, StageSet, StageSpec, WorkerSettings},
    tick::SweepPolicy,
};

use super::{endpoints::SimulatedEndpoint, feedback::RecipientWays};

/// Whether a provider knows a mail again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedMailProvider {
    /// As Marketing Cloud: a key is taken once, for two days, and can be asked for.
    Deduplicating,
    /// As Amazon SES: whatever it is handed is sent.
    Forgetful,
}

/// Which connections a client uses again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionReuse {
    /// None of an earlier invocation's.
    WithinAnInvocation,
    /// Those that it takes to have been idle for no longer, whatever lay in between.
    IdleFor(Duration),
}

/// How long a provider takes: lognormal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// The distribution's mean.
    pub mean: Duration,
    /// Its sigma. 0 is always the mean.
    pub sigma: f64,
}

/// One stage's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageSettings {
    /// The mapping's `MaximumConcurrency`, and the function's reserved concurrency.
    pub maximum_concurrency: u32,
    /// How its worker works.
    pub worker: WorkerSettings,
    /// How long its provider takes.
    pub latency: Latency,
    /// The mapping's batch size.
    pub batch_size: usize,
    /// The function's timeout.
    pub function_timeout: Duration,
}

impl StageSettings {
    /// Calls that the provider can see at once.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.worker.in_flight * self.maximum_concurrency as usize
    }
}

/// What is kept of all that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Nothing,
    /// A line of each thing.
    Lines,
    /// A digest.
    Digest,
}

/// Everything that a world is made from.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct WorldSettings {
    /// The first moment.
    pub starts: Timestamp,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// The stages.
    pub stages: PerStage<StageSettings>,
    /// Whether the stack has a call stage.
    pub calls: bool,
    /// The email provider's ways.
    pub mail_provider: SimulatedMailProvider,
    /// When a mail may go out.
    pub policy: EmailPolicy,
    /// When an entry counts as overdue.
    pub sweep: SweepPolicy,
    /// When a provider is taken to be out of order.
    pub breaker: BreakerPolicy,
    /// Whether the audit runs every day.
    pub audits: bool,
    /// Whether the mappings have a `MaximumConcurrency`.
    pub capped: bool,
    /// The mappings' batching window.
    pub window: Duration,
    /// How long a call to the ledger or a queue takes there and back.
    pub call: Duration,
    /// How badly the queues behave: the chance that a message is delivered twice, or a delete forgotten.
    pub duplicates: f64,
    /// The chance that a receive gives fewer messages than there are, or none.
    pub fewer: f64,
    /// Whether the stages' queues tell groups apart. On AWS they do as soon as messages have groups.
    pub fair_queues: bool,
    /// How old the counts of messages are at most.
    pub count_lag: Duration,
    /// How far behind the table the indexes are in which campaigns' entries are found, at most.
    pub index_lag: Duration,
    /// In which steps campaigns' audiences are written down and found.
    pub audience: AudienceSizes,
    /// Which connections the client of the email provider uses again.
    pub connections: ConnectionReuse,
    /// The chance that a schedule fires twice.
    pub double_firings: f64,
    /// How recipients and their servers take mails.
    pub recipients: RecipientWays,
    /// By which rates the email stage is held.
    pub reputation: ReputationPolicy,
    /// How often a run is counted for everyone who looks.
    pub count_budget: CountBudget,
    /// Other systems that are told of what happens.
    pub endpoints: Vec<SimulatedEndpoint>,
    /// Whether each thing that is told is looked after, which takes time and memory.
    pub thorough: bool,
    /// What is kept of all that happens.
    pub record: Record,
}

impl WorldSettings {
    /// As in template.yaml, with the seeds' latencies and a provider that can be asked.
    #[must_use]
    pub fn shipped(starts: Timestamp, seed: u64) -> Self {
        let stage = |name: StageName| {
            let StageSpec { call_timeout, max_receives, batch, function_timeout, .. } = *name.spec();
            let (mean, maximum_concurrency, in_flight) = match name {
                StageName::Score => (2_400, 5, 4),
                StageName::Email => (3_300, 5, 4),
                StageName::Deliver => (200, 2, 16),
                StageName::Call => (2_000, 5, 4),
            };
            StageSettings {
                maximum_concurrency,
                worker: WorkerSettings { in_flight, call_timeout, max_receive_count: max_receives },
                latency: Latency { mean: Duration::from_millis(mean), sigma: 0.5 },
                batch_size: batch as usize,
                function_timeout,
            }
        };
        Self {
            starts,
            seed,
            stages: PerStage::from_fn(stage),
            calls: false,
            mail_provider: SimulatedMailProvider::Deduplicating,
            policy: EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None },
            sweep: SweepPolicy::default(),
            breaker: BreakerPolicy::default(),
            audits: true,
            capped: true,
            window: Duration::from_mins(1),
            call: Duration::from_millis(5),
            duplicates: 0.0,
            fewer: 0.0,
            fair_queues: false,
            count_lag: Duration::ZERO,
            index_lag: Duration::ZERO,
            audience: AudienceSizes::default(),
            connections: ConnectionReuse::WithinAnInvocation,
            double_firings: 0.0,
            recipients: RecipientWays::default(),
            reputation: ReputationPolicy::default(),
            count_budget: CountBudget::default(),
            endpoints: Vec::new(),
            thorough: true,
            record: Record::Nothing,
        }
    }

    /// Which stages the stack has.
    #[must_use]
    pub fn deployed(&self) -> StageSet {
        if self.calls { StageSet::full() } else { StageSet::of_every_stack() }
    }

    /// With these quiet hours.
    #[must_use]
    pub fn quiet(mut self, hours: Option<QuietHours>) -> Self {
        self.policy.quiet_hours = hours;
        self
    }
}
