use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures::FutureExt as _;
use pulse_core::{
    delivery::EndpointBook,
    entry::Plan,
    ports::{Endpoints as _, IntakeQueue, Mapping, StageLanes},
    stage::{PerStage, StageName},
};

use super::{
    build::{MadePorts, World},
    calling::SimPartner,
    campaign_days::CampaignDays,
    campaigns::CampaignWatch,
    connections::ConnectionPools,
    distant::Way,
    endpoints::{Receiver, SimEndpoints},
    faults::ActiveFaults,
    feedback::{FeedbackWatch, INTAKE_TIMEOUT, IntakeFunction, IntakeStack, Recipients},
    handler::StageHandler,
    invariants::InvariantChecker,
    lane_control::{SimGauges, SimLanes},
    lanes::ProviderLanes,
    mailing::SimMailer,
    orders::OrderWatch,
    panics::Panics,
    presence::Presence,
    scheduled,
    scoring::SimScorer,
    settings::{StageSettings, WorldSettings},
    snapshots::SnapshotWatch,
    stage_stack::{DeployedAt, StageStack},
    system_under_test::SystemUnderTest,
    trace::Trace,
    watch::SweepWatch,
};
use crate::{
    clock::VirtualClock,
    gauges::MemoryGauges,
    lambda::{self, Function, FunctionSettings, MappingSettings},
    ledger::MemoryLedger,
    queue::{Disorder, MemoryQueue, RedrivePolicy},
    random::Randomness,
    scheduler::{MemoryScheduler, SchedulerSettings},
    time::VirtualTime,
};

/// What the template has of a mapping passes Lambda.
pub(super) const TAKEN: &str = "Lambda takes the template's mapping";

/// How long source queues keep messages, and dead-letter queues, as in template.yaml.
const RETENTION: Duration = Duration::from_hours(10 * 24);
const DLQ_RETENTION: Duration = Duration::from_hours(14 * 24);

impl World {
    /// A world that stands still until its time is run.
    ///
    /// # Panics
    /// When Lambda refuses the settings of its mappings.
    #[must_use]
    pub fn new(settings: WorldSettings, product: Arc<dyn SystemUnderTest>) -> Arc<Self> {
        let time = VirtualTime::of(Arc::new(VirtualClock::starting_at(settings.starts)));
        let random = Randomness::of_seed(settings.seed);
        let world = Arc::new_cyclic(|world| Self::build(world, &time, random, settings, product));
        for stage in world.settings.deployed().iter() {
            world.stacks[stage].mapping.start();
        }
        for mapping in &world.intake_function.mappings {
            mapping.start();
        }
        let first = &world.stacks[Plan::MONTHLY.first()];
        let _ = world.scheduler.start(&time, Arc::clone(&first.queue), Arc::clone(&world.schedule_dlq));
        scheduled::start(&world);
        world
    }

    fn build(
        world: &Weak<Self>,
        time: &VirtualTime,
        random: Randomness,
        settings: WorldSettings,
        product: Arc<dyn SystemUnderTest>,
    ) -> Self {
        let ledger = ledger(&settings, &*product, time, random);
        let faults = Arc::new(ActiveFaults::none(time));
        let checker = InvariantChecker::default();
        let trace = Trace::new(settings.record);
        let way = |name: &str| Way {
            time: time.clone(),
            faults: Arc::clone(&faults),
            random: Arc::new(random.stream(name)),
            takes: settings.call,
            invocation: None,
            trace: trace.clone(),
            claims: None,
            mortality: |faults| faults.death,
        };
        let clock = Arc::clone(time.clock());
        let firing = SchedulerSettings { duplicate: settings.double_firings, ..SchedulerSettings::default() };
        let mailing = settings.stages[StageName::Email];
        let endpoints = endpoints(&settings, &ledger, time, random, &trace, &checker);
        let scorer = scorer(&settings, &faults, time, random, &trace);
        let partner = partner(&settings, &ledger, &faults, time, random, (&trace, &checker));
        let panics = Panics::default();
        let feedback = FeedbackWatch {
            time: time.clone(),
            ledger: Arc::clone(&ledger),
            faults: Arc::clone(&faults),
            panics: panics.clone(),
            checker: checker.clone(),
            is_thorough: settings.thorough,
            seen: Arc::default(),
        };
        let intake = IntakeStack::new(time, random, &settings);
        let feedback_function = function(time, random, "feedback", INTAKE_TIMEOUT);
        let recipients = Recipients {
            time: time.clone(),
            random: Arc::new(random.stream("recipients")),
            faults: Arc::clone(&faults),
            ways: settings.recipients,
            provider: settings.mail_provider,
            intake: intake.clone(),
            watch: feedback.clone(),
        };
        let mailer = SimMailer {
            time: time.clone(),
            random: Arc::new(random.stream("mailer")),
            faults: Arc::clone(&faults),
            latency: mailing.latency,
            timeout: mailing.worker.call_timeout,
            connections: ConnectionPools::new(settings.connections),
            provider: settings.mail_provider,
            lanes: ProviderLanes::new(time),
            trace: trace.clone(),
            checker: checker.clone(),
            ledger: Arc::clone(&ledger),
            recipients,
            records: Arc::default(),
        };
        let stack = |name| stack(world, time, random, &settings, name, &settings.stages[name]);
        let stacks = PerStage::from_fn(stack);
        let schedule_dlq =
            Arc::new(MemoryQueue::new(clock.clone(), Duration::from_secs(30), None).with_retention(DLQ_RETENTION));
        let lanes = SimLanes::new(stacks.clone(), time, &settings);
        Self {
            gauges: Arc::new(gauges(&settings, &lanes, &schedule_dlq, &intake)),
            lane_control: lanes,
            stacks,
            tick_function: function(time, random, "tick", Duration::from_mins(1)),
            audit_function: function(time, random, "audit", Duration::from_mins(15)),
            scheduler: Arc::new(MemoryScheduler::new(clock.clone(), random.stream("scheduler"), firing)),
            schedule_dlq,
            campaign_days: CampaignDays::default(),
            campaign_watch: CampaignWatch::default(),
            order_watch: OrderWatch::new(time, &ledger, &checker),
            watch: SweepWatch::new(time.clone(), Arc::clone(&ledger), checker.clone()),
            worker_way: way("worker"),
            operator_way: way("operator"),
            deployed_at: DeployedAt::default(),
            presence: Presence::default(),
            panics,
            feedback_way: Way { claims: Some(checker.clone()), ..way("feedback") },
            snapshot_watch: SnapshotWatch::default(),
            made_ports: MadePorts::default(),
            snapshot_way: Way { takes: Duration::ZERO, ..way("snapshot") },
            intake_function: IntakeFunction::new(world, time, random, &intake, feedback_function),
            intake,
            feedback,
            answers: random.stream("answers"),
            time: time.clone(),
            endpoint_book: Arc::new(EndpointBook::new(ledger.clone(), clock.clone())),
            endpoints,
            settings,
            ledger,
            scorer,
            partner,
            mailer,
            faults,
            checker,
            trace,
            product,
        }
    }
}

fn scorer(
    settings: &WorldSettings,
    faults: &Arc<ActiveFaults>,
    time: &VirtualTime,
    random: Randomness,
    trace: &Trace,
) -> SimScorer {
    let scoring = settings.stages[StageName::Score];
    SimScorer {
        time: time.clone(),
        random: Arc::new(random.stream("scorer")),
        faults: Arc::clone(faults),
        latency: scoring.latency,
        timeout: scoring.worker.call_timeout,
        lanes: ProviderLanes::new(time),
        trace: trace.clone(),
    }
}

/// The campaigns' partner.
fn partner(
    settings: &WorldSettings,
    ledger: &Arc<MemoryLedger>,
    faults: &Arc<ActiveFaults>,
    time: &VirtualTime,
    random: Randomness,
    (trace, checker): (&Trace, &InvariantChecker),
) -> SimPartner {
    let calling = settings.stages[StageName::Call];
    SimPartner {
        time: time.clone(),
        random: Arc::new(random.stream("partner")),
        faults: Arc::clone(faults),
        latency: calling.latency,
        timeout: calling.worker.call_timeout,
        lanes: ProviderLanes::new(time),
        trace: trace.clone(),
        checker: checker.clone(),
        ledger: Arc::clone(ledger),
        done: Arc::default(),
    }
}

/// Other systems, which the ledger knows of.
fn endpoints(
    settings: &WorldSettings,
    ledger: &MemoryLedger,
    time: &VirtualTime,
    random: Randomness,
    trace: &Trace,
    checker: &InvariantChecker,
) -> SimEndpoints {
    for of in &settings.endpoints {
        let _ = ledger.save_endpoint(&of.endpoint).now_or_never();
    }
    let receivers = settings.endpoints.iter().cloned();
    let receivers = receivers.map(|of| (of.endpoint.name.clone(), Receiver::new(of, time)));
    SimEndpoints {
        time: time.clone(),
        random: Arc::new(random.stream("endpoints")),
        timeout: settings.stages[StageName::Deliver].worker.call_timeout,
        lanes: ProviderLanes::new(time),
        trace: trace.clone(),
        checker: checker.clone(),
        receivers: Arc::new(receivers.collect()),
    }
}

/// The figures that a tick's snapshot tells.
fn gauges(
    settings: &WorldSettings,
    lane_control: &SimLanes,
    schedule_dlq: &Arc<MemoryQueue>,
    intake: &IntakeStack,
) -> SimGauges {
    let stacks = &lane_control.stacks;
    let lanes = |stage| StageLanes {
        stage,
        maximum_concurrency: settings.stages[stage].maximum_concurrency,
        reserved_concurrency: Some(settings.stages[stage].maximum_concurrency),
        in_flight: u32::try_from(settings.stages[stage].worker.in_flight).unwrap_or(u32::MAX),
        mapping: Mapping("Enabled".to_owned()),
    };
    let of_intake = intake.queues();
    let queues = MemoryGauges {
        deployed: settings.deployed(),
        queues: PerStage::from_fn(|stage| Arc::clone(&stacks[stage].queue)),
        dlqs: PerStage::from_fn(|stage| Arc::clone(&stacks[stage].dlq)),
        schedule_dlq: Arc::clone(schedule_dlq),
        intake: IntakeQueue::ALL
            .iter()
            .zip(of_intake)
            .map(|(name, stack)| (*name, Arc::clone(&stack.queue), Arc::clone(&stack.dlq)))
            .collect(),
        retention: RETENTION,
        lanes: PerStage::from_fn(lanes),
    };
    SimGauges { queues, lanes: lane_control.clone() }
}

fn stack(
    world: &Weak<World>,
    time: &VirtualTime,
    random: Randomness,
    settings: &WorldSettings,
    name: StageName,
    stage: &StageSettings,
) -> StageStack {
    let visibility = stage.function_timeout * 6 + settings.window;
    let max_receives = stage.worker.max_receive_count;
    let [queue, dlq] = queue_pair(time, random, settings, name.as_str(), visibility, max_receives, RETENTION);
    let function = function(time, random, name.as_str(), stage.function_timeout);
    function.set_reserved_concurrency(Some(stage.maximum_concurrency));
    let mapping = lambda::Mapping::new(
        time.clone(),
        Arc::clone(&queue),
        Arc::clone(&function),
        Arc::new(StageHandler { world: world.clone(), stage: name }),
        mapping_settings(settings, stage),
        random.stream(&format!("{name} mapping")),
    )
    .expect(TAKEN);
    StageStack { name, queue, dlq, function, mapping }
}

/// A queue, and its dead-letter queue, with the disorder that the settings have.
pub(super) fn queue_pair(
    time: &VirtualTime,
    random: Randomness,
    settings: &WorldSettings,
    name: &str,
    visibility: Duration,
    max_receive_count: u32,
    retention: Duration,
) -> [Arc<MemoryQueue>; 2] {
    let clock = time.clock().clone();
    let dlq = Arc::new(MemoryQueue::new(clock.clone(), visibility, None).with_retention(DLQ_RETENTION));
    let redrive = RedrivePolicy { dlq: Arc::clone(&dlq), max_receive_count };
    let mut queue = MemoryQueue::new(clock, visibility, Some(redrive)).with_retention(retention);
    let disorder = Disorder {
        duplicate: settings.duplicates,
        forgotten_delete: settings.duplicates,
        unordered: settings.duplicates > 0.0,
        fewer: settings.fewer,
    };
    queue = queue.with_disorder(random.stream(&format!("{name} queue")), disorder);
    if settings.fair_queues {
        queue = queue.with_fair_groups();
    }
    if !settings.count_lag.is_zero() {
        queue = queue.with_lagging_counts(random.stream(&format!("{name} counts")), settings.count_lag);
    }
    [Arc::new(queue), dlq]
}

fn ledger(
    settings: &WorldSettings,
    product: &dyn SystemUnderTest,
    time: &VirtualTime,
    random: Randomness,
) -> Arc<MemoryLedger> {
    let ledger = MemoryLedger::with_form(product.row_form());
    Arc::new(if settings.index_lag.is_zero() {
        ledger
    } else {
        ledger.with_lagging_index(Arc::clone(time.clock()), random.stream("index"), settings.index_lag)
    })
}

pub(super) fn mapping_settings(settings: &WorldSettings, stage: &StageSettings) -> MappingSettings {
    MappingSettings {
        batch_size: stage.batch_size,
        window: settings.window,
        maximum_concurrency: settings.capped.then_some(stage.maximum_concurrency),
    }
}

fn function(time: &VirtualTime, random: Randomness, name: &str, timeout: Duration) -> Arc<Function> {
    let settings = FunctionSettings {
        timeout,
        memory_mib: 128,
        // Process start to first poll is some 31 ms; the rest is the sandbox's.
        cold_start: Duration::from_millis(150),
        keep_warm: Duration::from_mins(10),
    };
    Function::new(time.clone(), random.stream(&format!("{name} function")), settings)
}
