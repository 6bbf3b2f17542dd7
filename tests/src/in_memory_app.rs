//! What operators have before them, in memory: the use cases over all ports, and a world that has seen a day.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_app::{App, FixedSettings};
use pulse_core::{
    control::{Breaker, BreakerPolicy, Control, LastSeen, Note, Open, Outcomes, Pause},
    customer::{CustomerId, EmailAddress, Zone},
    delivery::{
        Delivery, Endpoint, EndpointControl, EndpointName, Fact, FactId, FactKind, Subject, Target, WebhookUrl,
    },
    entry::{Change, Entry, SkipReason, StageName},
    failure::Cause,
    feedback::{FeedbackCount, FeedbackCounts, FeedbackSource, ReputationPolicy},
    lanes::{LaneSettings, Step},
    message::WorkMessage,
    ports::{
        Clock as _, Controls as _, DeadLetterQueues, DeadLetters, Deliveries as _, DlqName, EndpointControls as _,
        Endpoints as _, FeedbackLog as _, IntakeQueue, LaneControl, LaneError, Ledger as _, Mapping, MonthlySchedule,
        OutcomeLog as _, Ports, Recall, Schedules as _, StageLanes, StageQueue, Undelivered,
    },
    run::RunId,
    score::{Band, Score, ScoreValue},
    snapshot::{CountBudget, SnapshotRound},
    stage::{EmailPolicy, EmailRules, PerStage, Rules, StageSet},
    suppression::{Evidence, Scope, Suppression, SuppressionReason},
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
    stages::MemoryStages,
    ticks::CountedTicks,
};

use crate::in_memory_stack::{customer, entry_id};

/// A cause as only somebody with evil in mind words it.
pub const HOSTILE_CAUSE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)> & \"so on\"";

/// Whom the score stage gave up.
const FAILED: [&str; 4] = ["c-failed", "c-4711", "c-4712", "c-4713"];

/// What nobody is shown of an endpoint's URL.
pub const URL_TOKEN: &str = "t0ken-of-the-warehouse";

/// An application, and what it stands on.
pub struct InMemoryApp {
    /// The use cases.
    pub app: App,
    /// Moves when the test moves it, and where a use case sleeps.
    pub clock: Arc<VirtualClock>,
    /// The ledger.
    pub ledger: Arc<MemoryLedger>,
    /// The stages' queues.
    pub queues: PerStage<Arc<MemoryQueue>>,
    /// Their dead-letter queues.
    pub dlqs: PerStage<Arc<MemoryQueue>>,
    /// What the scheduler couldn't deliver.
    pub schedule_dlq: Arc<MemoryQueue>,
    /// What the intake couldn't take, by its queues.
    pub intake_dlqs: [(IntakeQueue, Arc<MemoryQueue>); 2],
    schedules: Arc<MemorySchedules>,
    stages: Arc<MemoryStages>,
}

/// How far an entry has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It isn't due yet.
    NotDue,
    /// It waits in the score stage.
    Due,
    /// It is scored, and waits in the email stage.
    Scored,
    /// Its mail was accepted.
    Sent,
    /// A stage gave it up.
    Failed(StageName),
    /// Nobody knows whether its mail was accepted.
    InDoubt,
    /// Nobody told for a day.
    Unconfirmed,
    /// There is no mail this month.
    Skipped(SkipReason),
    /// Its provider is out of order.
    PutOff,
}

impl Fate {
    /// One of each.
    pub const ALL: [Self; 10] = [
        Self::NotDue,
        Self::Due,
        Self::Scored,
        Self::Sent,
        Self::Failed(StageName::Score),
        Self::Failed(StageName::Email),
        Self::InDoubt,
        Self::Unconfirmed,
        Self::Skipped(SkipReason::OptedOut),
        Self::PutOff,
    ];

    /// The way that an entry has gone which ends so.
    pub(crate) fn way(self, entry: &Entry, cause: &Cause, at: Timestamp) -> Vec<Change> {
        let claim = |entry: &Entry, stage| entry.claim(stage, at, at).expect("claimed");
        let scored = || {
            let claimed = claim(entry, StageName::Score);
            let score = Score {
                value: ScoreValue::parse(700).expect("a score"),
                band: Band::parse("good").expect("a band"),
                as_of: at,
            };
            let scored = claimed.clone().into_after().record_score(score, at).expect("scored");
            vec![claimed, scored]
        };
        let last = |way: &[Change]| way[way.len() - 1].after().clone();
        let then = |mut way: Vec<Change>, change: Change| {
            way.push(change);
            way
        };
        let sending = || {
            let way = scored();
            let claimed = claim(&last(&way), StageName::Email);
            then(way, claimed)
        };
        let in_doubt = || {
            let way = sending();
            let change = last(&way).mark_indeterminate(cause.clone(), at, None).expect("in doubt");
            then(way, change)
        };
        match self {
            Self::NotDue | Self::Due => Vec::new(),
            Self::Scored => scored(),
            Self::Sent => {
                let way = sending();
                let change = last(&way).record_sent("m-1".into(), at, None).expect("sent");
                then(way, change)
            }
            Self::Failed(StageName::Score) => {
                vec![entry.fail(StageName::Score, cause.clone(), at, None).expect("failed")]
            }
            Self::Failed(stage) => {
                let way = scored();
                let change = last(&way).fail(stage, cause.clone(), at, None).expect("failed");
                then(way, change)
            }
            Self::InDoubt => in_doubt(),
            Self::Unconfirmed => {
                let way = in_doubt();
                let change = last(&way).mark_unconfirmed().expect("unconfirmed");
                then(way, change)
            }
            Self::Skipped(reason) => vec![entry.skip(reason, at, None).expect("skipped")],
            Self::PutOff => vec![entry.put_off(StageName::Score, cause.clone(), at).expect("put off")],
        }
    }
}

/// When a world that has seen a day begins to be looked at.
///
/// # Panics
/// Never: it is a moment.
#[must_use]
pub fn start() -> Timestamp {
    "2026-11-10T12:00:00Z".parse().expect("a moment")
}

fn due() -> Timestamp {
    "2026-11-10T11:30:00Z".parse().expect("a moment")
}

impl InMemoryApp {
    /// One in which nothing has happened.
    ///
    /// # Panics
    /// Never: there is such a zone.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(now));
        let queue = |_| Arc::new(MemoryQueue::new(clock.clone(), Duration::from_mins(10), None));
        let (queues, dlqs) = (PerStage::from_fn(queue), PerStage::from_fn(queue));
        let (schedule_dlq, ledger) = (queue(StageName::Score), Arc::<MemoryLedger>::default());
        let intake = [IntakeQueue::Feedback, IntakeQueue::Unsubscribe];
        let intake = intake.map(|name| (name, queue(StageName::Score), queue(StageName::Score)));
        let stages = Arc::new(MemoryStages::new(queues.clone()));
        let schedules = Arc::<MemorySchedules>::default();
        let letters = |name: DlqName, letters: &Arc<MemoryQueue>, to: &Arc<MemoryQueue>| -> Arc<dyn DeadLetters> {
            Arc::new(MemoryDeadLetters::new(name, letters.clone(), to.clone()))
        };
        let of_intake = |at: usize| letters(DlqName::Intake(intake[at].0), &intake[at].2, &intake[at].1);
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
            ses_suppressions: Arc::new(MemoryProviderSuppressions::default()),
            feedback: ledger.clone(),
            queues: queues.clone().map(|_, queue| -> Arc<dyn StageQueue> { queue }),
            dead_letters: DeadLetterQueues {
                stages: PerStage::from_fn(|stage| letters(DlqName::Stage(stage), &dlqs[stage], &queues[stage])),
                schedules: letters(DlqName::Schedules, &schedule_dlq, &queues[StageName::Score]),
                feedback: of_intake(0),
                unsubscribe: of_intake(1),
            },
            intake: Arc::new(MemoryReader),
            schedules: schedules.clone(),
            audits: ledger.clone(),
            orders: ledger.clone(),
            tick: Arc::new(CountedTicks::default()),
            stages: stages.clone(),
            controls: ledger.clone(),
            outcomes: ledger.clone(),
            memory: ledger.clone(),
            lanes: Arc::<MemoryLanes>::default(),
            gauges: Arc::new(MemoryGauges {
                deployed: StageSet::of_every_stack(),
                queues: queues.clone(),
                dlqs: dlqs.clone(),
                schedule_dlq: schedule_dlq.clone(),
                intake: intake.to_vec(),
                retention: Duration::from_hours(240),
                lanes: PerStage::from_fn(lanes),
            }),
            snapshots: ledger.clone(),
            sleeper: clock.clone(),
        };
        let policy = EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None };
        let (recall, provider) =
            (Recall::ByKey { known_for: Duration::from_hours(46) }, FeedbackSource::MarketingCloud);
        let settings = FixedSettings {
            rules: Rules { email: EmailRules { policy, recall, provider } },
            sweep: SweepPolicy::default(),
            breaker: BreakerPolicy::default(),
            zone: Zone::parse("Europe/Dublin").expect("a zone"),
        };
        let app = App { ports, settings: Arc::new(settings), actor: "aoife".into() };
        let intake_dlqs = intake.map(|(name, _, letters)| (name, letters));
        Self { app, clock, ledger, queues, dlqs, schedule_dlq, intake_dlqs, schedules, stages }
    }

    /// Has a customer on the roster whose entry of this month has got so far.
    ///
    /// # Panics
    /// Never: the ledger in memory can always be written.
    pub async fn bring(&self, id: &str, fate: Fate, cause: &str) {
        let customer = customer(id);
        let schedule = MonthlySchedule { customer: customer.id.clone(), slot: customer.slot.clone() };
        self.schedules.put(&schedule).await.expect("scheduled");
        self.ledger.save_customer(&customer).await.expect("written");
        let month = Duration::from_hours(24 * 7);
        let at = if fate == Fate::NotDue { due() + month } else { due() };
        let entry = Entry::scheduled(entry_id(id, "2026-11"), at, None);
        self.ledger.open(&entry).await.expect("opened");
        for change in fate.way(&entry, &Cause::new(cause), at + Duration::from_secs(90)) {
            self.ledger.apply(&change).await.expect("applied");
        }
    }

    /// A letter of a customer's entry that a stage gave up.
    ///
    /// # Panics
    /// When the id is none.
    pub fn bury(&self, stage: StageName, id: &str) {
        self.dlqs[stage].send_body(&WorkMessage::for_entry(&entry_id(id, "2026-11")).body());
    }

    /// What tick does every five minutes, after so many calls of each stage, of which so many sends have failed.
    ///
    /// # Panics
    /// Never: everything in memory answers.
    pub async fn tick(&self, calls: u64, failures: u64) {
        self.clock.advance(Duration::from_mins(5));
        let now = self.clock.now();
        for &stage in StageName::ALL {
            let mut outcomes = outcomes(stage, calls, failures, now);
            outcomes.sent = if stage == StageName::Email { calls - failures } else { 0 };
            (0..outcomes.failures).for_each(|_| outcomes.causes.add(&Cause::new("The provider answered 503.")));
            self.ledger.report(stage, now, &outcomes).await.expect("reported");
        }
        let ports = &self.app.ports;
        let round = SnapshotRound {
            stages: &*ports.stages,
            controls: &*ports.controls,
            outcomes: &*ports.outcomes,
            ledger: &*ports.ledger,
            open: &*ports.open,
            reports: &*ports.reports,
            feedback: &*ports.feedback,
            campaigns: &*ports.campaigns,
            reputation: ReputationPolicy::default(),
            gauges: &*ports.gauges,
            snapshots: &*ports.snapshots,
            clock: &*self.clock,
            budget: CountBudget::default(),
            endpoints: &self.app.unwell_endpoints().await.expect("read"),
        };
        round.run().await.expect("taken");
    }

    /// A day passes, with an afternoon on which messages wait. At its end the email provider is out of order.
    ///
    /// # Panics
    /// Never: everything in memory answers.
    pub async fn pass_a_day(&self) {
        const ROUNDS: usize = 24 * 12;
        let mut number = 0;
        for round in 0..ROUNDS {
            // Of a hundred, over half a day.
            let busy = round * (ROUNDS / 2).saturating_sub(round) * 100 / (ROUNDS / 4).pow(2);
            for (stage, queue) in &self.queues {
                let (wanted, waiting) = (busy * busy / 25 / (1 + stage as usize), queue.depth().visible);
                (waiting..wanted).for_each(|_| queue.send_body("busy"));
                let over: Vec<_> =
                    queue.receive(waiting.saturating_sub(wanted)).into_iter().map(|one| one.receipt).collect();
                queue.delete_all(&over);
            }
            let calls = 2 + busy as u64 / 5;
            for _ in 0..calls {
                self.bring(&format!("c-{number:04}"), Fate::Sent, "").await;
                number += 1;
            }
            let failures = if round + 3 < ROUNDS { calls / 12 } else { calls };
            // Repeats, whose mails aren't the month's, keep the lanes busy beside it.
            for &stage in StageName::ALL {
                let now = self.clock.now();
                let repeats = outcomes(stage, calls * 40, failures * 40, now);
                self.ledger.report(stage, now, &repeats).await.expect("reported");
            }
            self.tick(calls, failures).await;
        }
    }

    /// A day has passed, and everything is there that a console can show. The score stage was paused, and the email provider
    /// is out of order.
    ///
    /// # Panics
    /// Never: everything in memory answers.
    pub async fn eventful() -> Self {
        let world = Self::at(start() - Duration::from_hours(24));
        world.pass_a_day().await;
        world.people().await;
        world.letters();
        world.recipients().await;
        world.endpoints().await;
        world.campaigns().await;
        world.hold_stages().await;
        world.app.count_now().await.expect("counted");
        world
    }

    async fn people(&self) {
        for (name, fate) in [
            ("c-next", Fate::NotDue),
            ("c-due", Fate::Due),
            ("c-scored", Fate::Scored),
            ("c-sent", Fate::Sent),
            ("c-in-doubt", Fate::InDoubt),
            ("c-unconfirmed", Fate::Unconfirmed),
            ("c-put-off", Fate::PutOff),
            ("c-opted-out", Fate::Skipped(SkipReason::OptedOut)),
            ("c-suppressed", Fate::Skipped(SkipReason::Suppressed)),
            ("c-forgotten", Fate::Sent),
        ] {
            self.bring(name, fate, "The provider answered nothing within 20 seconds.").await;
        }
        for number in 5_000..5_900 {
            self.bring(&format!("c-{number}"), Fate::NotDue, "").await;
        }
        for name in FAILED {
            self.bring(name, Fate::Failed(StageName::Score), "The scoring API answered 500.").await;
        }
        self.bring("c-hostile", Fate::Failed(StageName::Email), HOSTILE_CAUSE).await;
        let note = note("They asked for it by phone.");
        let id = |name: &str| CustomerId::parse(name).expect("an id");
        self.app.opt_out(vec![id("c-opted-out")], true, &note).await.expect("opted out");
        self.app.forget(&id("c-forgotten"), &note, &mut |_, _| {}).await.expect("forgotten");
        self.app.suppress(&address("c-suppressed"), &note).await.expect("suppressed");
        let evidence = Evidence { at: due(), scope: Scope::All, cause: Some(Cause::new(HOSTILE_CAUSE)) };
        let bounced = Suppression::of(SuppressionReason::HardBounce, evidence);
        self.ledger.save_suppression(&address("c-hostile"), &bounced).await.expect("written");
        self.app.suppress(&address("c-released"), &note).await.expect("suppressed");
        self.app.release(&address("c-released"), &note).await.expect("released");
    }

    fn letters(&self) {
        for name in FAILED {
            self.bury(StageName::Score, name);
        }
        self.bury(StageName::Score, "c-unknown");
        self.dlqs[StageName::Score].send_body("no message");
        self.bury(StageName::Email, "c-hostile");
        let undelivered = Undelivered {
            code: "SDK_CLIENT_ERROR".into(),
            message: Cause::new("Unable to execute HTTP request."),
            scheduled_at: Some(due()),
        };
        self.schedule_dlq.send_undelivered(&WorkMessage::schedule_input(&customer("c-due").id), undelivered);
        self.intake_dlqs[0].1.send_body("unreadable");
    }

    async fn recipients(&self) {
        let run = RunId::parse("2026-11").expect("a run");
        for day in 0..5 {
            let counts = FeedbackCounts::from_fn(|count| match count {
                FeedbackCount::Heard | FeedbackCount::Delivered => 400,
                FeedbackCount::HardBounced => 2 + day % 3,
                FeedbackCount::SoftBounced => 5,
                FeedbackCount::Complained => u64::from(day == 2),
                FeedbackCount::Unsubscribed => day,
                FeedbackCount::ReputationBounced | FeedbackCount::Rejected => 0,
            });
            let at = due() - Duration::from_hours(24 * day);
            self.ledger.count_feedback(run, at, &counts).await.expect("counted");
        }
    }

    /// Another system knows of a mail, refused what became of it, and is paused before it hears more.
    async fn endpoints(&self) {
        let facts = || FactKind::ALL.iter().copied();
        let crm = self.add(Target::bus("pulse").expect("a bus"), "crm", facts()).await;
        let word = [
            word_of(&crm, "c-sent", 5, FactKind::Sent),
            word_of(&crm, "c-sent", 6, FactKind::Bounced),
            word_of(&crm, "c-sent", 7, FactKind::Complained),
            word_of(&crm, "c-sent", 8, FactKind::Unsubscribed),
        ];
        self.save_word("c-sent", &word).await;
        let now = self.clock.now();
        let claimed = word[0].claim(now, now + Duration::from_mins(1)).expect("waiting");
        let told = claimed.after().record_delivered(now).expect("claimed");
        let refused = word[1].give_up(Cause::new("crm answered 422: it won't take this."), now).expect("waiting");
        for change in [claimed, told, refused] {
            self.ledger.apply_delivery(&change).await.expect("written");
        }
        self.bury_word(&word[1]);
        self.app.pause_endpoint(&crm, &note("Moving house."), None).await.expect("paused");
    }

    /// The same as [`eventful`](Self::eventful) with a second endpoint, a webhook that is out of order.
    ///
    /// # Panics
    /// Never: everything in memory answers.
    pub async fn with_warehouse() -> Self {
        let world = Self::eventful().await;
        let url = WebhookUrl::new(format!("https://hooks.example/{URL_TOKEN}"));
        let warehouse = Target::Webhook { url, secret: "pulse/endpoints/warehouse".into() };
        let warehouse = world.add(warehouse, "warehouse", [FactKind::Skipped, FactKind::Bounced]).await;
        world.break_endpoint(&warehouse).await;
        let skipped = word_of(&warehouse, "c-opted-out", 2, FactKind::Skipped);
        world.save_word("c-opted-out", std::slice::from_ref(&skipped)).await;
        let now = world.clock.now();
        let cause = Cause::new("https://hooks.example answered 503.");
        let put_off = skipped.put_off(now + Duration::from_mins(2), Some(cause), now).expect("waiting");
        world.ledger.apply_delivery(&put_off).await.expect("written");
        world.app.count_now().await.expect("counted");
        world
    }

    /// Adds an endpoint with five lanes.
    ///
    /// # Panics
    /// When there is one of that name.
    pub async fn add(&self, target: Target, name: &str, facts: impl IntoIterator<Item = FactKind>) -> EndpointName {
        let name = EndpointName::parse(name).expect("a name");
        let lanes = NonZeroU32::new(5).expect("a number");
        let endpoint = Endpoint { lanes, ..Endpoint::new(name.clone(), target, facts, "aoife".into(), due()) };
        assert!(self.ledger.save_endpoint(&endpoint).await.expect("written"));
        name
    }

    async fn break_endpoint(&self, name: &EndpointName) {
        let now = self.clock.now();
        let open = Open {
            since: now - Duration::from_mins(14),
            calls: 120,
            failures: 118,
            cool_down_seconds: 120,
            probe_at: now + Duration::from_secs(100),
            tries: 4,
        };
        let control = EndpointControl { version: 1, breaker: Breaker::Open(open), ..EndpointControl::default() };
        assert!(self.ledger.save_endpoint_control(name, &control).await.expect("written"));
    }

    /// Writes word of a customer's.
    ///
    /// # Panics
    /// When they aren't on the roster.
    pub async fn save_word(&self, id: &str, word: &[Delivery]) {
        let customer = self.ledger.customer(&customer(id).id).await.expect("read").expect("on the roster");
        assert!(self.ledger.save_with_word(&customer, word).await.expect("written"));
    }

    /// A letter of word that was given up.
    pub fn bury_word(&self, word: &Delivery) {
        self.dlqs[StageName::Deliver].send_body(&WorkMessage::for_delivery(word.id()).body());
    }

    async fn hold_stages(&self) {
        let now = self.clock.now();
        let open = Open {
            since: now - Duration::from_mins(14),
            calls: 120,
            failures: 118,
            cool_down_seconds: 120,
            probe_at: now + Duration::from_secs(100),
            tries: 4,
        };
        let pause = Pause { by: "aoife".into(), note: note("Wrong roster."), since: now, until: None };
        for (stage, control) in [
            (StageName::Score, Control { pause: Some(pause), ..Control::default() }),
            (StageName::Email, Control { breaker: Breaker::Open(open), ..Control::default() }),
        ] {
            let control = Control { version: 1, mapping: LastSeen::Off, ..control };
            self.stages.set_paused(stage, true);
            assert!(self.ledger.save(stage, &control).await.expect("written"));
        }
    }
}

/// What came of so many calls of a stage, of which so many sends have failed.
fn outcomes(stage: StageName, calls: u64, failures: u64, now: Timestamp) -> Outcomes {
    let is_email = stage == StageName::Email;
    let took = Duration::from_millis(if is_email { 3_300 } else { 2_400 } * calls);
    let failures = if is_email { failures } else { 0 };
    Outcomes { calls, failures, took, succeeded_at: Some(now), ..Outcomes::default() }
}

/// Word of what happened to a customer's entry of this month, for an endpoint.
///
/// # Panics
/// When the id isn't one.
#[must_use]
pub fn word_of(endpoint: &EndpointName, id: &str, version: u64, kind: FactKind) -> Delivery {
    let id = FactId { subject: Subject::Entry(entry_id(id, "2026-11")), version, kind };
    Delivery::of(Fact { id, as_of: due(), written_at: due() }, endpoint.clone())
}

fn note(words: &str) -> Note {
    Note::parse(words).expect("a note")
}

/// The address of [`customer`].
///
/// # Panics
/// When the id isn't one.
#[must_use]
pub fn address(id: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{id}@example.com")).expect("an address")
}

fn lanes(stage: StageName) -> StageLanes {
    StageLanes {
        stage,
        maximum_concurrency: 5,
        reserved_concurrency: Some(5),
        in_flight: 4,
        mapping: Mapping("Enabled".into()),
    }
}

/// Lanes that are as they were set last.
struct MemoryLanes(Mutex<PerStage<LaneSettings>>);

impl Default for MemoryLanes {
    fn default() -> Self {
        let settings = LaneSettings {
            maximum_concurrency: 5,
            reserved_concurrency: Some(5),
            in_flight: 4,
            rate_divisor: None,
            enabled: true,
            changed_lately: false,
        };
        Self(Mutex::new(PerStage::from_fn(|_| settings)))
    }
}

impl MemoryLanes {
    fn at(&self) -> MutexGuard<'_, PerStage<LaneSettings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LaneControl for MemoryLanes {
    async fn settings(&self, stage: StageName) -> Result<LaneSettings, LaneError> {
        Ok(self.at()[stage])
    }

    async fn unreserved(&self, _: StageName) -> Result<u32, LaneError> {
        Ok(990)
    }

    async fn take(&self, stage: StageName, step: Step) -> Result<(), LaneError> {
        let at = &mut self.at()[stage];
        match step {
            Step::Reserve(invocations) => at.reserved_concurrency = Some(invocations),
            Step::Maximum(invocations) => at.maximum_concurrency = invocations,
            Step::Configure { in_flight, rate_divisor } => (at.in_flight, at.rate_divisor) = (in_flight, rate_divisor),
            Step::Drain => {}
        }
        Ok(())
    }
}
