use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use pulse_core::{
    control::{Meter, MeteredMailer, MeteredScorer},
    entry::StageName,
    ports::StageQueue,
};

use super::{
    chores,
    distant::{DistantLedger, DistantQueue, Way},
    handler::StageHandler,
    house::{DeployedAt, House, SimStages},
    lanes::Lanes,
    letters::ShortLetters,
    mailing::SimMailer,
    panics::Panics,
    ports::Ports,
    product::Product,
    scoring::SimScorer,
    settings::{StageSettings, WorldSettings},
    trace::Trace,
    watch::SweepWatch,
    weather::Weather,
    witness::Witness,
};
use crate::{
    clock::VirtualClock,
    lambda::{Doom, Function, FunctionSettings, Mapping, MappingSettings},
    ledger::MemoryLedger,
    queue::{Disorder, MemoryQueue, Redrive},
    random::{Randomness, Stream},
    scheduler::{MemoryScheduler, SchedulerSettings},
    time::VirtualTime,
};

/// How long source queues keep messages, and dead-letter queues, as in template.yaml.
const RETENTION: Duration = Duration::from_hours(10 * 24);
const DLQ_RETENTION: Duration = Duration::from_hours(14 * 24);

/// The whole of Pulse, and what an operator and the customers can do with it.
pub struct World {
    /// What it is made from.
    pub settings: WorldSettings,
    /// Its time.
    pub time: VirtualTime,
    /// The ledger.
    pub ledger: Arc<MemoryLedger>,
    /// The scheduler.
    pub scheduler: Arc<MemoryScheduler>,
    /// What the scheduler couldn't deliver.
    pub schedule_dlq: Arc<MemoryQueue>,
    /// The score stage.
    pub score: House,
    /// The email stage.
    pub email: House,
    /// The tick's function.
    pub tick_function: Arc<Function>,
    /// The scoring provider.
    pub scorer: SimScorer,
    /// The email provider.
    pub mailer: SimMailer,
    /// What goes wrong.
    pub weather: Arc<Weather>,
    /// On whom the code panics.
    pub panics: Panics,
    /// What was seen that must not be.
    pub witness: Witness,
    /// All that happened.
    pub trace: Trace,
    /// What the sweep sent.
    pub watch: SweepWatch,
    pub(super) product: Arc<dyn Product>,
    worker_way: Way,
    pub(super) operator_way: Way,
    pub(super) deployed_at: DeployedAt,
    answers: Stream,
}

impl World {
    /// A world that stands still until its time is run.
    #[must_use]
    pub fn new(settings: WorldSettings, product: Arc<dyn Product>) -> Arc<Self> {
        let time = VirtualTime::of(Arc::new(VirtualClock::starting_at(settings.starts)));
        let random = Randomness::of_seed(settings.seed);
        let world = Arc::new_cyclic(|world| Self::build(world, &time, random, settings, product));
        world.score.mapping.start();
        world.email.mapping.start();
        let _ = world.scheduler.start(&time, Arc::clone(&world.score.queue), Arc::clone(&world.schedule_dlq));
        chores::start(&world);
        world
    }

    fn build(
        world: &Weak<Self>,
        time: &VirtualTime,
        random: Randomness,
        settings: WorldSettings,
        product: Arc<dyn Product>,
    ) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let weather = Arc::new(Weather::default());
        let witness = Witness::default();
        let trace = Trace::new(settings.traced, settings.digested);
        let way = |name: &str| Way {
            time: time.clone(),
            weather: Arc::clone(&weather),
            random: Arc::new(random.stream(name)),
            takes: settings.call,
            doom: None,
            trace: trace.clone(),
        };
        let clock = Arc::clone(time.clock());
        let firing = SchedulerSettings { duplicate: settings.double_firings, ..SchedulerSettings::default() };
        let scorer = SimScorer {
            time: time.clone(),
            random: Arc::new(random.stream("scorer")),
            weather: Arc::clone(&weather),
            latency: settings.score.latency,
            timeout: settings.score.worker.call_timeout,
            lanes: Lanes::new(time),
            trace: trace.clone(),
        };
        let mailer = SimMailer {
            time: time.clone(),
            random: Arc::new(random.stream("mailer")),
            weather: Arc::clone(&weather),
            latency: settings.email.latency,
            timeout: settings.email.worker.call_timeout,
            provider: settings.mail_provider,
            lanes: Lanes::new(time),
            trace: trace.clone(),
            witness: witness.clone(),
            records: Arc::default(),
        };
        let house = |name, stage: &StageSettings| house(world, time, random, &settings, name, stage);
        Self {
            score: house(StageName::Score, &settings.score),
            email: house(StageName::Email, &settings.email),
            tick_function: function(time, random, "tick", Duration::from_mins(1)),
            scheduler: Arc::new(MemoryScheduler::new(clock.clone(), random.stream("scheduler"), firing)),
            schedule_dlq: Arc::new(
                MemoryQueue::new(clock, Duration::from_secs(30), None).with_retention(DLQ_RETENTION),
            ),
            watch: SweepWatch::new(time.clone(), Arc::clone(&ledger), witness.clone()),
            worker_way: way("worker"),
            operator_way: way("operator"),
            deployed_at: DeployedAt::default(),
            panics: Panics::default(),
            answers: random.stream("answers"),
            time: time.clone(),
            settings,
            ledger,
            scorer,
            mailer,
            weather,
            witness,
            trace,
            product,
        }
    }

    /// All ports, as an invocation sees them that `doom` can end.
    pub(super) fn ports(&self, doom: Option<Doom>) -> Ports {
        let way = Way { doom, ..self.worker_way.clone() };
        self.ports_by(&way)
    }

    /// The same, as an operator has them, whom nothing ends.
    pub(super) fn operator_ports(&self) -> Ports {
        self.ports_by(&self.operator_way)
    }

    fn ports_by(&self, way: &Way) -> Ports {
        let (meter, clock) = (Arc::new(Meter::default()), self.time.clock().clone());
        let ledger = Arc::new(DistantLedger { ledger: Arc::clone(&self.ledger), way: way.clone() });
        let queue = |house: &House| -> Arc<dyn StageQueue> {
            Arc::new(DistantQueue { queue: Arc::clone(&house.queue), name: house.name, way: way.clone() })
        };
        let letters = ShortLetters {
            time: self.time.clone(),
            witness: self.witness.clone(),
            score_max_age: self.settings.policy.score_max_age,
        };
        Ports {
            open: ledger.clone(),
            listing: ledger.clone(),
            memory: ledger.clone(),
            controls: ledger.clone(),
            outcomes: ledger.clone(),
            meter: Arc::clone(&meter),
            breaker: self.settings.breaker,
            ledger,
            score_queue: queue(&self.score),
            email_queue: queue(&self.email),
            scorer: Arc::new(MeteredScorer {
                scorer: Arc::new(self.scorer.clone()),
                meter: Arc::clone(&meter),
                clock: clock.clone(),
            }),
            mailer: Arc::new(MeteredMailer { mailer: Arc::new(self.mailer.clone()), meter, clock: clock.clone() }),
            renderer: Arc::new(letters),
            schedules: self.scheduler.clone(),
            stages: Arc::new(SimStages {
                score: self.score.clone(),
                email: self.email.clone(),
                time: self.time.clone(),
                deployed_at: Arc::clone(&self.deployed_at),
            }),
            clock,
        }
    }

    /// The same for the tick, whose messages are watched.
    pub(super) fn chore_ports(&self, doom: Doom) -> Ports {
        let ports = self.ports(Some(doom));
        Ports {
            score_queue: self.watch.over(ports.score_queue, &self.score),
            email_queue: self.watch.over(ports.email_queue, &self.email),
            ..ports
        }
    }

    pub(super) fn chance_of_bad_answer(&self) -> bool {
        self.answers.chance(self.weather.now().bad_answer)
    }
}

fn house(
    world: &Weak<World>,
    time: &VirtualTime,
    random: Randomness,
    settings: &WorldSettings,
    name: StageName,
    stage: &StageSettings,
) -> House {
    let clock = time.clock().clone();
    let visibility = settings.function_timeout * 6 + settings.window;
    let dlq = Arc::new(MemoryQueue::new(clock.clone(), visibility, None).with_retention(DLQ_RETENTION));
    let redrive = Redrive { dlq: dlq.clone(), max_receive_count: stage.worker.max_receive_count };
    let mut queue = MemoryQueue::new(clock, visibility, Some(redrive)).with_retention(RETENTION);
    if settings.duplicates > 0.0 {
        let disorder =
            Disorder { duplicate: settings.duplicates, forgotten_delete: settings.duplicates, unordered: true };
        queue = queue.with_disorder(random.stream(&format!("{name} queue")), disorder);
    }
    let queue = Arc::new(queue);
    let function = function(time, random, name.as_str(), settings.function_timeout);
    function.set_reserved_concurrency(Some(stage.maximum_concurrency));
    let mapping = Mapping::new(
        time.clone(),
        Arc::clone(&queue),
        Arc::clone(&function),
        Arc::new(StageHandler { world: world.clone(), stage: name }),
        mapping_settings(settings, stage),
        random.stream(&format!("{name} mapping")),
    );
    House { name, queue, dlq, function, mapping }
}

pub(super) fn mapping_settings(settings: &WorldSettings, stage: &StageSettings) -> MappingSettings {
    MappingSettings {
        batch_size: settings.batch_size,
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
