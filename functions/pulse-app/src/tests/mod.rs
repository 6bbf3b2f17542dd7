//! The use cases over the ports in memory. Nothing there has to be waited for, as whoever sleeps moves the clock on.

mod campaigns;
mod deliveries;
mod doctor;
mod endpoints;
mod entries;
mod lanes;
mod letters;
mod orders;
mod pacing;
mod pausing;
mod roster;
mod snapshot;
mod stages;
mod status;
mod suppressions;
mod unreadable;
mod words;

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    control::BreakerPolicy,
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::{Change, Entry, EntryId, StageName},
    failure::Cause,
    feedback::FeedbackSource,
    ports::{
        DeadLetterQueues, DeadLetters, DlqName, IntakeQueue, Ledger as _, Mapping, Ports, Recall, StageLanes,
        StageQueue,
    },
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
    stage::{EmailPolicy, EmailRules, PerStage, Rules, StageSet},
    tick::SweepPolicy,
};
use pulse_sim::{
    clock::VirtualClock,
    dead_letters::{MemoryDeadLetters, MemoryReader},
    gauges::MemoryGauges,
    ledger::MemoryLedger,
    provider_suppressions::MemoryProviderSuppressions,
    queue::MemoryQueue,
    schedules::MemorySchedules,
    ticks::CountedTicks,
};

use self::{lanes::MemoryLanes, stages::FakeStages};
use crate::{App, FixedSettings};

const VISIBILITY: Duration = Duration::from_mins(10);

/// An application, and what it stands on.
struct World {
    app: App,
    clock: Arc<VirtualClock>,
    ledger: Arc<MemoryLedger>,
    queues: PerStage<Arc<MemoryQueue>>,
    dlqs: PerStage<Arc<MemoryQueue>>,
    stages: Arc<FakeStages>,
    lanes: Arc<MemoryLanes>,
    ses: Arc<MemoryProviderSuppressions>,
    ticks: Arc<CountedTicks>,
}

/// Half an hour after the customer's slot.
fn start() -> Timestamp {
    "2026-11-10T12:00:00Z".parse().unwrap()
}

fn due() -> Timestamp {
    "2026-11-10T11:30:00Z".parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self::by(FeedbackSource::MarketingCloud)
    }

    /// One whose mails go by SES.
    fn by_ses() -> Self {
        Self::by(FeedbackSource::Ses)
    }

    fn by(provider: FeedbackSource) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let queue = |_| Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None));
        let (queues, dlqs) = (PerStage::from_fn(queue), PerStage::from_fn(queue));
        let ledger: Arc<MemoryLedger> = Arc::default();
        let stages: Arc<FakeStages> = Arc::default();
        let lanes: Arc<MemoryLanes> = Arc::default();
        let ses: Arc<MemoryProviderSuppressions> = Arc::default();
        let ticks: Arc<CountedTicks> = Arc::default();
        let letters = |name: DlqName, letters: &Arc<MemoryQueue>| -> Arc<dyn DeadLetters> {
            Arc::new(MemoryDeadLetters::new(
                name,
                letters.clone(),
                queues[name.stage().unwrap_or(StageName::Score)].clone(),
            ))
        };
        let gauges = MemoryGauges {
            deployed: StageSet::of_every_stack(),
            queues: queues.clone(),
            dlqs: dlqs.clone(),
            schedule_dlq: queue(StageName::Score),
            intake: Vec::new(),
            retention: Duration::from_hours(240),
            lanes: PerStage::from_fn(|stage| StageLanes {
                stage,
                maximum_concurrency: 5,
                reserved_concurrency: Some(5),
                in_flight: 4,
                mapping: Mapping("Enabled".into()),
            }),
        };
        let ports = Ports {
            ledger: ledger.clone(),
            open: ledger.clone(),
            campaigns: ledger.clone(),
            in_campaigns: ledger.clone(),
            endpoints: ledger.clone(),
            endpoint_controls: ledger.clone(),
            deliveries: ledger.clone(),
            reports: ledger.clone(),
            notes: ledger.clone(),
            suppressions: ledger.clone(),
            ses_suppressions: ses.clone(),
            feedback: ledger.clone(),
            queues: queues.clone().map(|_, queue| -> Arc<dyn StageQueue> { queue }),
            dead_letters: DeadLetterQueues {
                stages: PerStage::from_fn(|stage| letters(DlqName::Stage(stage), &dlqs[stage])),
                schedules: letters(DlqName::Schedules, &queue(StageName::Score)),
                feedback: letters(DlqName::Intake(IntakeQueue::Feedback), &queue(StageName::Score)),
                unsubscribe: letters(DlqName::Intake(IntakeQueue::Unsubscribe), &queue(StageName::Score)),
            },
            intake: Arc::new(MemoryReader),
            schedules: Arc::new(MemorySchedules::default()),
            audits: ledger.clone(),
            orders: ledger.clone(),
            tick: ticks.clone(),
            stages: stages.clone(),
            controls: ledger.clone(),
            outcomes: ledger.clone(),
            memory: ledger.clone(),
            lanes: lanes.clone(),
            gauges: Arc::new(gauges),
            snapshots: ledger.clone(),
            sleeper: clock.clone(),
        };
        let policy = EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None };
        let settings = FixedSettings {
            rules: Rules {
                email: EmailRules { policy, recall: Recall::ByKey { known_for: Duration::from_hours(46) }, provider },
            },
            sweep: SweepPolicy::default(),
            breaker: BreakerPolicy::default(),
            zone: Zone::parse("Europe/Dublin").unwrap(),
        };
        let app = App { ports, settings: Arc::new(settings), actor: "aoife".into() };
        Self { app, clock, ledger, queues, dlqs, stages, lanes, ses, ticks }
    }

    /// Puts an entry of this month on the ledger that has gone this way.
    fn bring(&self, name: &str, way: impl FnOnce(Entry) -> Vec<Change>) {
        now(self.ledger.save_customer(&customer(name))).unwrap();
        let entry = Entry::scheduled(id(name), due(), None);
        assert!(now(self.ledger.open(&entry)).unwrap());
        for change in way(entry) {
            now(self.ledger.apply(&change)).unwrap();
        }
    }

    /// Puts an entry on the ledger that the score stage gave up.
    fn bring_failed(&self, name: &str) {
        self.bring(name, |entry| vec![entry.fail(StageName::Score, cause(), start(), None).unwrap()]);
    }

    /// Puts an entry on the ledger of whose mail it isn't known whether it was accepted.
    fn bring_unsettled(&self, name: &str) {
        self.bring(name, |entry| {
            let mut way = mailing(&entry);
            let sending = way.last().unwrap().clone().into_after();
            way.push(sending.mark_indeterminate(cause(), start(), None).unwrap());
            way
        });
    }

    fn waiting(&self, stage: StageName) -> usize {
        self.queues[stage].depth().visible
    }
}

/// The way to a mail that is being sent.
fn mailing(entry: &Entry) -> Vec<Change> {
    let scoring = entry.claim(StageName::Score, due(), due()).unwrap();
    let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: due() };
    let scored = scoring.clone().into_after().record_score(score, due()).unwrap();
    let sending = scored.clone().into_after().claim(StageName::Email, due(), due()).unwrap();
    vec![scoring, scored, sending]
}

/// What comes of something that has nothing to wait for.
fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing to wait for")
}

fn cause() -> Cause {
    Cause::new("The provider answered 500.")
}

fn run() -> RunId {
    RunId::parse("2026-11").unwrap()
}

fn id(name: &str) -> EntryId {
    EntryId::of(CustomerId::parse(name).unwrap(), run())
}

fn customer(name: &str) -> Customer {
    let (id, zone) = (CustomerId::parse(name).unwrap(), Zone::parse("Europe/Dublin").unwrap());
    let signed_up_at = "2024-05-10T10:30:00Z".parse().unwrap();
    Customer {
        name: PersonName::parse("Aoife").unwrap(),
        contact: Contact::Email(EmailAddress::parse(&format!("{name}@example.com")).unwrap()),
        product: Product::Loan,
        balance: Money { minor: 1, currency: Currency::parse("EUR").unwrap() },
        locale: Locale::parse("en-IE").unwrap(),
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
        id,
    }
}
