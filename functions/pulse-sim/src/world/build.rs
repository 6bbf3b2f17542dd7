use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
};

use pulse_core::{
    campaign::CampaignBook,
    delivery::{EndpointBook, EndpointDesk, OutboxLedger},
    entry::Plan,
    ports::{DeadLetterQueues, DeadLetters, DlqName, Gauges, IntakeQueue, Ledger, Queues, StageQueue},
    stage::{Meter, MeteredMailer, MeteredPartner, MeteredScorer, PerStage, StageName},
};

use super::{
    calling::SimPartner,
    campaign_days::CampaignDays,
    campaigns::CampaignWatch,
    distant::{DistantLedger, DistantQueue, Way},
    endpoints::SimEndpoints,
    faults::{ActiveFaults, Faults},
    feedback::{FeedbackWatch, IntakeFunction, IntakeQueueStack, IntakeStack},
    handler::BAD_ANSWERS,
    invariants::InvariantChecker,
    lane_control::{SimGauges, SimLanes},
    mailing::{ShortLetters, SimMailer, SimMailerAt},
    orders::OrderWatch,
    panics::Panics,
    ports::WorldPorts,
    presence::Presence,
    scoring::SimScorer,
    settings::WorldSettings,
    snapshots::SnapshotWatch,
    stage_stack::{DeployedAt, SimStages, StageStack},
    system_under_test::SystemUnderTest,
    trace::Trace,
    watch::SweepWatch,
};
use crate::{
    clock::VirtualClock,
    dead_letters::MemoryDeadLetters,
    lambda::{Answer, Function, Invocation},
    ledger::MemoryLedger,
    queue::MemoryQueue,
    random::Stream,
    scheduler::MemoryScheduler,
    time::VirtualTime,
};

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
    /// The stages.
    pub stacks: PerStage<StageStack>,
    /// The tick's function.
    pub tick_function: Arc<Function>,
    /// The audit's function.
    pub audit_function: Arc<Function>,
    /// The intake's queues.
    pub intake: IntakeStack,
    /// What reads them.
    pub intake_function: IntakeFunction,
    /// What was told, and what came of it.
    pub feedback: FeedbackWatch,
    /// The scoring provider.
    pub scorer: SimScorer,
    /// The email provider.
    pub mailer: SimMailer,
    /// The campaigns' partner.
    pub partner: SimPartner,
    /// Other systems.
    pub endpoints: SimEndpoints,
    pub(super) endpoint_book: Arc<EndpointBook>,
    /// What goes wrong.
    pub faults: Arc<ActiveFaults>,
    /// On whom the code panics.
    pub panics: Panics,
    /// Who is on the roster.
    pub presence: Presence,
    /// What was seen that must not be.
    pub checker: InvariantChecker,
    /// All that happened.
    pub trace: Trace,
    /// What the sweep sent.
    pub watch: SweepWatch,
    pub(super) product: Arc<dyn SystemUnderTest>,
    pub(super) worker_way: Way,
    pub(super) operator_way: Way,
    pub(super) deployed_at: DeployedAt,
    pub(super) feedback_way: Way,
    pub(super) snapshot_way: Way,
    pub(super) made_ports: MadePorts,
    pub(super) snapshot_watch: SnapshotWatch,
    pub(super) order_watch: OrderWatch,
    pub(super) campaign_days: CampaignDays,
    pub(super) campaign_watch: CampaignWatch,
    pub(super) lane_control: SimLanes,
    pub(super) gauges: Arc<SimGauges>,
    pub(super) answers: Stream,
}

/// Ports that are made once: a month has two hundred thousand invocations.
#[derive(Default)]
pub(super) struct MadePorts {
    of_snapshots: OnceLock<WorldPorts>,
    common: OnceLock<CommonPorts>,
}

/// Ports that are the same for everyone.
struct CommonPorts {
    dead_letters: DeadLetterQueues,
    stages: Arc<SimStages>,
    intake: Arc<IntakeStack>,
    scorer: Arc<SimScorer>,
    mailer: Arc<SimMailer>,
    partner: Arc<SimPartner>,
    endpoints: Arc<SimEndpoints>,
    letters: Arc<ShortLetters>,
    sleeper: Arc<VirtualTime>,
}

impl World {
    /// The most calls that a stage's provider may ever have seen at once.
    #[must_use]
    pub fn most_lanes(&self, stage: StageName) -> u32 {
        self.lane_control.most(stage)
    }

    /// All ports, as an invocation sees them, or someone whom nothing can end.
    pub(super) fn ports(&self, invocation: Option<&Invocation>) -> WorldPorts {
        let way = Way { invocation: invocation.cloned(), ..self.worker_way.clone() };
        self.ports_by(&way)
    }

    /// The same, as an operator has them, whom nothing ends.
    pub(super) fn operator_ports(&self) -> WorldPorts {
        self.ports_by(&self.operator_way)
    }

    /// The same for whoever hears what is told: nobody else's chances change by what happens there, and no claim may be
    /// written over.
    pub(super) fn feedback_ports(&self, invocation: &Invocation) -> WorldPorts {
        self.ports_by(&Way { invocation: Some(invocation.clone()), ..self.feedback_way.clone() })
    }

    /// The same for a tick's snapshot: nobody else's chances change by what happens there, and it takes no time.
    pub(super) fn snapshot_ports(&self) -> &WorldPorts {
        self.made_ports.of_snapshots.get_or_init(|| self.ports_by(&self.snapshot_way))
    }

    /// A queue of the intake, from where its function is.
    pub(super) fn at_queue(&self, stack: &IntakeQueueStack, invocation: &Invocation) -> impl StageQueue + use<> {
        let way = Way { invocation: Some(invocation.clone()), ..self.feedback_way.clone() };
        DistantQueue { queue: Arc::clone(&stack.queue), name: stack.name, way: Arc::new(way) }
    }

    /// Whether something goes wrong in the intake's function.
    pub(super) fn chance_in_intake(&self, of: impl Fn(&Faults) -> f64) -> bool {
        self.feedback_way.random.chance(of(&self.faults.now()))
    }

    pub(super) fn ports_by(&self, way: &Way) -> WorldPorts {
        let (meter, clock) = (Arc::new(Meter::default()), self.time.clock().clone());
        let common = self.made_ports.common.get_or_init(|| self.common_ports());
        let way = &Arc::new(way.clone());
        let ledger = Arc::new(DistantLedger { ledger: Arc::clone(&self.ledger), way: Arc::clone(way) });
        let queue = |stack: &StageStack| -> Arc<dyn StageQueue> {
            Arc::new(DistantQueue { queue: Arc::clone(&stack.queue), name: stack.name.as_str(), way: Arc::clone(way) })
        };
        let environment = way.invocation.as_ref().map(|invocation| invocation.environment);
        let mailer = SimMailerAt { mailer: Arc::clone(&common.mailer), environment };
        let queues = PerStage::from_fn(|stage| queue(&self.stacks[stage]));
        let invocations = NonZeroU32::new(self.settings.stages[StageName::Deliver].maximum_concurrency);
        let desk = EndpointDesk::new(
            Arc::clone(&self.endpoint_book),
            ledger.clone(),
            clock.clone(),
            invocations.unwrap_or(NonZeroU32::MIN),
            self.lane_control.in_flight(StageName::Deliver) as usize,
        );
        WorldPorts {
            campaigns: ledger.clone(),
            campaign_book: Arc::new(CampaignBook::new(ledger.clone(), clock.clone())),
            audience: self.settings.audience,
            in_campaigns: ledger.clone(),
            bare_ledger: ledger.clone(),
            deliveries: ledger.clone(),
            endpoints: ledger.clone(),
            endpoint_controls: ledger.clone(),
            endpoint_book: Arc::clone(&self.endpoint_book),
            endpoint_desk: Arc::new(desk),
            courier: common.endpoints.clone(),
            open: ledger.clone(),
            listing: ledger.clone(),
            audits: ledger.clone(),
            memory: ledger.clone(),
            reports: ledger.clone(),
            snapshots: ledger.clone(),
            gauges: Arc::clone(&self.gauges) as Arc<dyn Gauges>,
            controls: ledger.clone(),
            feedback_log: ledger.clone(),
            intake: common.intake.clone(),
            reputation: self.settings.reputation,
            orders: ledger.clone(),
            dead_letters: common.dead_letters.clone(),
            outcomes: ledger.clone(),
            meter: Arc::clone(&meter),
            breaker: self.settings.breaker,
            count_budget: self.settings.count_budget,
            partner: Arc::new(MeteredPartner {
                partner: common.partner.clone(),
                meter: Arc::clone(&meter),
                log: ledger.clone(),
                clock: clock.clone(),
            }),
            ledger: self.with_word(ledger, &queues, &clock),
            queues,
            scorer: Arc::new(MeteredScorer {
                scorer: common.scorer.clone(),
                meter: Arc::clone(&meter),
                clock: clock.clone(),
            }),
            mailer: Arc::new(MeteredMailer { mailer: Arc::new(mailer), meter, clock: clock.clone() }),
            renderer: common.letters.clone(),
            schedules: self.scheduler.clone(),
            stages: common.stages.clone(),
            clock,
            sleeper: common.sleeper.clone(),
        }
    }

    /// A ledger that tells whoever asks; as it is, where there is nobody.
    fn with_word(&self, ledger: Arc<DistantLedger>, queues: &Queues, clock: &Arc<VirtualClock>) -> Arc<dyn Ledger> {
        if self.settings.endpoints.is_empty() {
            return ledger;
        }
        let (book, queue) = (Arc::clone(&self.endpoint_book), Arc::clone(&queues[StageName::Deliver]));
        Arc::new(OutboxLedger { ledger, book, queue, clock: clock.clone() })
    }

    fn common_ports(&self) -> CommonPorts {
        let stages = SimStages {
            stacks: self.stacks.clone(),
            deployed: self.settings.deployed(),
            time: self.time.clone(),
            deployed_at: Arc::clone(&self.deployed_at),
        };
        CommonPorts {
            dead_letters: self.dead_letters(),
            stages: Arc::new(stages),
            intake: Arc::new(self.intake.clone()),
            scorer: Arc::new(self.scorer.clone()),
            mailer: Arc::new(self.mailer.clone()),
            partner: Arc::new(self.partner.clone()),
            endpoints: Arc::new(self.endpoints.clone()),
            letters: Arc::new(ShortLetters {
                time: self.time.clone(),
                checker: self.checker.clone(),
                score_max_age: self.settings.policy.score_max_age,
            }),
            sleeper: Arc::new(self.time.clone()),
        }
    }

    /// The dead-letter queues, on the spot: whoever uses them dies at other calls.
    fn dead_letters(&self) -> DeadLetterQueues {
        let letters = |name, letters: &Arc<MemoryQueue>, to: &Arc<MemoryQueue>| -> Arc<dyn DeadLetters> {
            Arc::new(MemoryDeadLetters::new(name, Arc::clone(letters), Arc::clone(to)))
        };
        let intake = |name: IntakeQueue| {
            let stack = match name {
                IntakeQueue::Feedback => &self.intake.feedback,
                IntakeQueue::Unsubscribe => &self.intake.unsubscribe,
            };
            letters(DlqName::Intake(name), &stack.dlq, &stack.queue)
        };
        DeadLetterQueues {
            stages: PerStage::from_fn(|stage| {
                letters(DlqName::Stage(stage), &self.stacks[stage].dlq, &self.stacks[stage].queue)
            }),
            schedules: letters(DlqName::Schedules, &self.schedule_dlq, &self.stacks[Plan::MONTHLY.first()].queue),
            feedback: intake(IntakeQueue::Feedback),
            unsubscribe: intake(IntakeQueue::Unsubscribe),
        }
    }

    /// The same for a tick.
    pub(super) fn tick_ports(&self, invocation: &Invocation) -> WorldPorts {
        let mortality = |faults: &Faults| faults.death.max(faults.tick_death);
        self.ports_by(&Way { invocation: Some(invocation.clone()), mortality, ..self.worker_way.clone() })
    }

    /// The same for its sweep, whose messages are watched.
    pub(super) fn sweep_ports(&self, ports: WorldPorts) -> WorldPorts {
        WorldPorts {
            queues: PerStage::from_fn(|stage| self.watch.over(Arc::clone(&ports.queues[stage]), &self.stacks[stage])),
            ..ports
        }
    }

    pub(super) fn chance_of_bad_answer(&self) -> bool {
        self.answers.chance(self.faults.now().bad_answer)
    }

    /// Whether a poller loses the batch that it has received.
    pub(super) fn chance_of_lost_batch(&self) -> bool {
        self.answers.chance(self.faults.now().lost_batch)
    }

    /// What a function answers whose answer can't be read.
    pub(super) fn bad_answer(&self) -> Answer {
        bad_answer(&self.answers)
    }

    /// The same of the intake's function.
    pub(super) fn bad_answer_of_intake(&self) -> Answer {
        bad_answer(&self.feedback_way.random)
    }
}

fn bad_answer(random: &Stream) -> Answer {
    let answer = random.pick(&BAD_ANSWERS);
    answer.map_or(Answer::Error, |answer| Answer::Payload(answer.as_bytes().to_vec()))
}
