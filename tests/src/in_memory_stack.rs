//! The whole way of a customer in memory: both queues with their dead-letter queues, both stages
//! with their real code, and a clock that moves only when the test moves it.

use std::{
    future::pending,
    num::NonZeroU32,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    audit::{Audit, AuditDepth, AuditEnd, AuditName, AuditReport, AuditStart},
    campaign::CampaignBook,
    control::BreakerPolicy,
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    delivery::{EndpointBook, EndpointDesk, EndpointRound, OutboxLedger},
    enrollment::Enrollment,
    entry::{Entry, EntryId, Progress, StageName},
    keys::KeyRing,
    message::{Turn, WorkMessage},
    ports::{Clock as _, DlqName, Ledger as _, Mailer as _, QueueError, Queues, StageQueue, Visibility},
    settlement::Settlement,
    slot::Slot,
    stage::{
        CallStep, DeliverStep, EmailPolicy, EmailRules, EmailStep, Entries, Lines, Meter, MeteredMailer,
        MeteredPartner, MeteredScorer, PerStage, ProviderWatch, RawMessage, Rules, ScoreStep, Stage, StageRunner,
        Watch, Worker, WorkerSettings,
    },
    suppression::{Evidence, Scope, Suppression, SuppressionReason},
    tick::{StageSweep, Sweep, SweepPolicy},
    unsubscribe::{UnsubscribeLinks, UnsubscribeTokens, UnsubscribeUrl},
};
use pulse_letters::MinijinjaRenderer;
use pulse_sim::{
    clock::VirtualClock,
    courier::MemoryCourier,
    dead_letters::MemoryDeadLetters,
    ledger::MemoryLedger,
    mailer::MemoryMailer,
    partner::MemoryPartner,
    queue::{MemoryQueue, Received, RedrivePolicy},
    schedules::MemorySchedules,
    scorer::MemoryScorer,
    stages::MemoryStages,
};

/// As in template.yaml.
pub const SETTINGS: WorkerSettings =
    WorkerSettings { in_flight: 4, call_timeout: Duration::from_secs(20), max_receive_count: 5 };
const BATCH: usize = 80;
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(2);
const VISIBILITY: Duration = Duration::from_mins(6 * 2 + 1);

static RENDERER: LazyLock<Arc<MinijinjaRenderer>> =
    LazyLock::new(|| Arc::new(MinijinjaRenderer::new().expect("templates")));

/// Pulse in memory.
pub struct InMemoryStack {
    /// Tells the moment of what is decided and written.
    pub clock: Arc<VirtualClock>,
    /// The ledger, as it is kept.
    pub ledger: Arc<MemoryLedger>,
    /// The same, as the stages write to it: with word for whoever asks.
    pub outbox: Arc<OutboxLedger>,
    /// Who is told, as the stages know it.
    pub book: Arc<EndpointBook>,
    /// The scheduler. It fires when the test says so.
    pub schedules: MemorySchedules,
    /// The score queue and its dead-letter queue.
    pub score: QueuePair,
    /// The email queue and its dead-letter queue.
    pub email: QueuePair,
    /// The deliver queue and its dead-letter queue.
    pub deliver: QueuePair,
    /// The call queue and its dead-letter queue.
    pub call: QueuePair,
    /// What the scheduler couldn't deliver.
    pub schedule_dlq: Arc<MemoryQueue>,
    /// The intake's queue of feedback, and what it gave up.
    pub feedback: Arc<MemoryQueue>,
    /// Its dead-letter queue.
    pub feedback_dlq: Arc<MemoryQueue>,
    /// All queues, as the stages have them.
    pub queues: Queues,
    /// The stages from outside.
    pub stages: MemoryStages,
    /// The scoring provider.
    pub scorer: Arc<MemoryScorer>,
    /// The email provider.
    pub mailer: Arc<MemoryMailer>,
    /// The campaigns' partner.
    pub partner: Arc<MemoryPartner>,
    /// Other systems.
    pub courier: Arc<MemoryCourier>,
    /// What the email stage goes by.
    pub policy: EmailPolicy,
    /// When a provider is taken to be out of order.
    pub breaker: BreakerPolicy,
}

/// A queue and where its dead letters go.
pub struct QueuePair {
    /// The queue.
    pub queue: Arc<MemoryQueue>,
    /// Its dead-letter queue.
    pub dlq: Arc<MemoryQueue>,
}

impl QueuePair {
    fn new(clock: &Arc<VirtualClock>) -> Self {
        let dlq = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None));
        let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: SETTINGS.max_receive_count };
        let queue = Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive)));
        Self { queue, dlq }
    }
}

/// A moment at which nothing in particular happens.
///
/// # Panics
/// Never: it is a moment.
#[must_use]
pub fn start() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().expect("a moment")
}

impl InMemoryStack {
    /// A stack whose email provider takes an entry's mail once and can be asked, as Marketing Cloud.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|clock| MemoryScorer::new(clock), MemoryMailer::deduplicating())
    }

    /// A stack whose email provider takes whatever it is handed, as SES.
    #[must_use]
    pub fn with_forgetful_mailer() -> Self {
        Self::with(|clock| MemoryScorer::new(clock), MemoryMailer::forgetful())
    }

    /// A stack with these providers.
    pub fn with(scorer: impl FnOnce(Arc<VirtualClock>) -> MemoryScorer, mailer: MemoryMailer) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        Self::under(clock.clone(), scorer(clock), mailer)
    }

    /// A stack with these providers, all under one clock.
    #[must_use]
    pub fn under(clock: Arc<VirtualClock>, scorer: MemoryScorer, mailer: MemoryMailer) -> Self {
        let [score, email, deliver, call] = [(); 4].map(|()| QueuePair::new(&clock));
        let queues = PerStage::from_array([&score, &email, &deliver, &call].map(|pair| pair.queue.clone()));
        let ledger = Arc::<MemoryLedger>::default();
        let book = Arc::new(EndpointBook::new(ledger.clone(), clock.clone()));
        let outbox = OutboxLedger {
            ledger: ledger.clone(),
            book: book.clone(),
            queue: deliver.queue.clone(),
            clock: clock.clone(),
        };
        Self {
            outbox: Arc::new(outbox),
            book,
            deliver,
            call,
            partner: Arc::default(),
            courier: Arc::default(),
            ledger,
            schedules: MemorySchedules::default(),
            queues: queues.clone().map(|_, queue| -> Arc<dyn StageQueue> { queue }),
            stages: MemoryStages::new(queues),
            score,
            email,
            schedule_dlq: Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None)),
            feedback: Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None)),
            feedback_dlq: Arc::new(MemoryQueue::new(clock.clone(), VISIBILITY, None)),
            scorer: Arc::new(scorer),
            mailer: Arc::new(mailer),
            policy: EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None },
            breaker: BreakerPolicy::default(),
            clock,
        }
    }

    /// The same stack, which puts nothing off for its provider's trouble: what fails too often is given up.
    #[must_use]
    pub fn impatient(mut self) -> Self {
        self.breaker.max_defer = Duration::ZERO;
        self
    }

    /// Puts customers on the roster.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn enroll(&self, customers: &[Customer]) {
        let enrollment = self.enrollment();
        for customer in customers {
            enrollment.enroll(customer, self.clock.now()).await.expect("enrolled");
        }
    }

    /// Writes a profile as it stands, whatever was there, and nothing else.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn rewrite(&self, customer: &Customer) {
        let before = self.ledger.customer(&customer.id).await.expect("read");
        let version = before.map_or(0, |before| before.mark.version);
        let customer = Customer { mark: ProfileMark { version, ..customer.mark.clone() }, ..customer.clone() };
        assert!(self.ledger.save_customer(&customer).await.expect("written"));
    }

    /// Has an address not be mailed.
    ///
    /// # Panics
    /// Never: the ledger in memory can always be written.
    pub async fn suppress(&self, address: &EmailAddress) {
        let evidence = Evidence { at: self.clock.now(), scope: Scope::All, cause: None };
        let suppression = Suppression::of(SuppressionReason::HardBounce, evidence);
        assert!(self.ledger.save_suppression(address, &suppression).await.expect("written"));
    }

    /// The use case that puts customers on the roster and takes them off.
    #[must_use]
    pub fn enrollment(&self) -> Enrollment<'_> {
        Enrollment { ledger: &*self.ledger, schedules: &self.schedules, clock: &*self.clock }
    }

    /// What runs every minute, once.
    pub async fn sweep(&self) -> Vec<StageSweep> {
        let sweep = Sweep {
            ledger: &*self.ledger,
            open: &*self.ledger,
            stages: &self.stages,
            memory: &*self.ledger,
            queues: &self.queues,
            clock: &*self.clock,
            policy: SweepPolicy::default(),
        };
        sweep.run().await
    }

    /// What runs every day, once: everyone's schedule is read in whole.
    ///
    /// # Panics
    /// Never: the ledger in memory can always be listed.
    pub async fn audit(&self, repair: bool) -> AuditReport {
        let audit = self.audit_use_case(AuditDepth::Everyone, repair);
        let end = audit.run(AuditStart::ResumeOrBegin, pending(), &|_| {}).await.expect("audited");
        let AuditEnd::Finished(report) = end else { panic!("nobody stopped it") };
        report
    }

    /// The audit, by hand.
    #[must_use]
    pub fn audit_use_case(&self, depth: AuditDepth, repair: bool) -> Audit<'_> {
        Audit {
            ledger: &*self.ledger,
            listing: &*self.ledger,
            schedules: &self.schedules,
            log: &*self.ledger,
            sleeper: &*self.clock,
            name: AuditName::ByHand,
            depth,
            repair,
        }
    }

    /// The use case that settles mails of unknown fate.
    #[must_use]
    pub fn settlement(&self) -> Settlement<'_> {
        let queues = PerStage::from_fn(|stage| &*self.pair(stage).queue as &dyn StageQueue);
        Settlement { ledger: &*self.ledger, queues, clock: &*self.clock }
    }

    /// What the stages decide by.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            email: EmailRules { policy: self.policy, recall: self.mailer.recall(), provider: self.mailer.source() },
        }
    }

    /// A dead-letter queue, as operators use it, on an endpoint without move tasks.
    #[must_use]
    pub fn dead_letters(&self, name: DlqName) -> MemoryDeadLetters {
        let letters = match name {
            DlqName::Stage(stage) => &self.pair(stage).dlq,
            DlqName::Schedules => &self.schedule_dlq,
            DlqName::Intake(_) => &self.feedback_dlq,
        };
        let to = name.stage().map_or(&self.feedback, |stage| &self.pair(stage).queue);
        MemoryDeadLetters::new(name, letters.clone(), to.clone())
    }

    /// What a customer's schedule sends at `moment`.
    ///
    /// # Panics
    /// When the id is none.
    pub fn fire_at(&self, id: &str, moment: Timestamp) {
        let message = WorkMessage::of_turn(CustomerId::parse(id).expect("an id"), Turn::Scheduled(moment));
        self.score.queue.send_body(&message.body());
    }

    /// Moves the clock to the customer's slot and fires their schedule.
    pub fn fire(&self, customer: &Customer) -> Timestamp {
        let due = customer.slot.next_after(self.clock.now() - Duration::from_secs(1));
        if let Ok(wait) = Duration::try_from(due.duration_since(self.clock.now())) {
            self.clock.advance(wait);
        }
        self.fire_at(customer.id.as_str(), due);
        due
    }

    /// One invocation of a stage's function, if its queue has messages. Says whether it had.
    pub async fn invoke(&self, stage: StageName) -> bool {
        let messages = self.receive(stage);
        let any = !messages.is_empty();
        let receipts: Vec<_> = messages.iter().map(|d| (d.message_id.clone(), d.receipt.clone())).collect();
        let failed = self.work(stage, messages).await;
        for (id, receipt) in receipts {
            if !failed.contains(&id) {
                self.pair(stage).queue.delete(&receipt);
            }
        }
        any
    }

    /// One invocation that is killed at its first wait, wherever that is.
    ///
    /// # Panics
    /// When it ends before it waits.
    pub fn invoke_and_kill(&self, stage: StageName) {
        use futures::FutureExt as _;
        let messages = self.receive(stage);
        assert!(self.work(stage, messages).now_or_never().is_none(), "ended before it could be killed");
    }

    /// What one invocation answers for these messages.
    pub async fn work(&self, stage: StageName, messages: Vec<RawMessage>) -> Vec<String> {
        self.work_until(stage, messages, FUNCTION_TIMEOUT).await
    }

    /// The same, with another time limit.
    pub async fn work_until(&self, stage: StageName, messages: Vec<RawMessage>, limit: Duration) -> Vec<String> {
        let deadline = self.clock.now() + limit;
        let meter = Arc::new(Meter::default());
        let mut score = self.score_stage();
        score.step.scorer = self.metered_scorer(&meter);
        let mut email = self.email_stage();
        email.step.mailer = self.metered_mailer(&meter);
        let (deliver, call) = (self.deliver_stage(), self.call_stage(&meter));
        let watch = self.watch(stage, &meter);
        let (stage_at_work, provider): (&dyn Stage, &dyn Watch) = match stage {
            StageName::Score => (&score, &watch),
            StageName::Email => (&email, &watch),
            StageName::Deliver => (&deliver, &*deliver.step.desk),
            StageName::Call => (&call, &watch),
        };
        let worker = Worker {
            stage: stage_at_work,
            queue: &*self.pair(stage).queue,
            queues: &self.queues,
            clock: &*self.clock,
            settings: SETTINGS,
            provider,
        };
        worker.work(messages, deadline).await.unfinished
    }

    /// An invocation's eye on its stage's provider.
    #[must_use]
    pub fn watch<'a>(&'a self, stage: StageName, meter: &'a Meter) -> ProviderWatch<'a> {
        let (log, controls) = (&*self.ledger, &*self.ledger);
        ProviderWatch { stage, meter, log, controls, policy: self.breaker }
    }

    fn metered_scorer(&self, meter: &Arc<Meter>) -> Arc<MeteredScorer> {
        let (scorer, clock) = (self.scorer.clone(), self.clock.clone());
        Arc::new(MeteredScorer { scorer, meter: Arc::clone(meter), clock })
    }

    fn metered_mailer(&self, meter: &Arc<Meter>) -> Arc<MeteredMailer> {
        let (mailer, clock) = (self.mailer.clone(), self.clock.clone());
        Arc::new(MeteredMailer { mailer, meter: Arc::clone(meter), clock })
    }

    fn entries(&self) -> Entries {
        let campaigns = Arc::new(CampaignBook::new(self.ledger.clone(), self.clock.clone()));
        Entries { ledger: self.outbox.clone(), campaigns, in_campaigns: self.ledger.clone() }
    }

    /// The score stage.
    #[must_use]
    pub fn score_stage(&self) -> StageRunner<ScoreStep> {
        let step = ScoreStep { entries: self.entries(), scorer: self.scorer.clone(), clock: self.clock.clone() };
        StageRunner { step, queue: self.score.queue.clone(), clock: self.clock.clone() }
    }

    fn email_stage(&self) -> StageRunner<EmailStep> {
        let step = EmailStep {
            entries: self.entries(),
            mailer: self.mailer.clone(),
            renderer: RENDERER.clone(),
            policy: self.policy,
            links: Some(unsubscribe_links()),
        };
        StageRunner { step, queue: self.queues[StageName::Email].clone(), clock: self.clock.clone() }
    }

    fn call_stage(&self, meter: &Arc<Meter>) -> StageRunner<CallStep> {
        let (partner, meter, clock) = (self.partner.clone(), Arc::clone(meter), self.clock.clone());
        let partner = Arc::new(MeteredPartner { partner, meter, log: self.ledger.clone(), clock });
        let step = CallStep { entries: self.entries(), partner };
        StageRunner { step, queue: self.queues[StageName::Call].clone(), clock: self.clock.clone() }
    }

    /// The deliver stage, of which two invocations may run at once, as one invocation has it.
    #[must_use]
    pub fn deliver_stage(&self) -> StageRunner<DeliverStep> {
        let two = NonZeroU32::MIN.saturating_add(1);
        let desk =
            EndpointDesk::new(self.book.clone(), self.ledger.clone(), self.clock.clone(), two, SETTINGS.in_flight);
        let step = DeliverStep {
            lines: Lines { deliveries: self.ledger.clone() },
            desk: Arc::new(desk),
            courier: self.courier.clone(),
            ledger: self.outbox.clone(),
            campaigns: self.ledger.clone(),
            clock: self.clock.clone(),
        };
        StageRunner { step, queue: self.queues[StageName::Deliver].clone(), clock: self.clock.clone() }
    }

    /// What a tick does about endpoints.
    #[must_use]
    pub fn endpoint_round(&self) -> EndpointRound<'_> {
        EndpointRound {
            endpoints: &*self.ledger,
            controls: &*self.ledger,
            deliveries: &*self.ledger,
            queue: &*self.deliver.queue,
            stages: &self.stages,
            memory: &*self.ledger,
            clock: &*self.clock,
            breaker: self.breaker,
            policy: SweepPolicy::default(),
        }
    }

    /// What one invocation of a stage is handed.
    #[must_use]
    pub fn receive(&self, stage: StageName) -> Vec<RawMessage> {
        self.pair(stage).queue.receive(BATCH).into_iter().map(raw_message).collect()
    }

    /// Invokes the functions that move entries until their queues are empty, moving the clock on to the next message
    /// whenever none is visible.
    ///
    /// # Panics
    /// When they never become empty.
    pub async fn drain(&self) {
        for _ in 0..10_000 {
            let mut any = false;
            for stage in StageName::OF_ENTRIES {
                any |= self.invoke(stage).await;
            }
            if any {
                continue;
            }
            let queues = StageName::OF_ENTRIES.map(|stage| &self.pair(stage).queue);
            let Some(next) = queues.iter().filter_map(|queue| queue.next_visible_at()).min() else {
                return;
            };
            let wait = Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default();
            self.clock.advance(wait);
        }
        panic!("the queues never became empty");
    }

    /// The entry of a customer in a run.
    ///
    /// # Panics
    /// When there is none.
    pub async fn entry(&self, id: &str, run: &str) -> Entry {
        let id = entry_id(id, run);
        let entry = self.ledger.entry(&id).await.expect("readable");
        entry.unwrap_or_else(|| panic!("there is no entry {id}"))
    }

    /// The state of a customer's entry in a run, in the ledger's word.
    pub async fn state(&self, id: &str, run: &str) -> &'static str {
        self.entry(id, run).await.state()
    }

    /// How far a customer's entry has got in a run.
    pub async fn progress(&self, id: &str, run: &str) -> Progress {
        self.entry(id, run).await.progress().clone()
    }

    /// How many mails the provider accepted for a customer, in all runs.
    #[must_use]
    pub fn mails(&self, id: &str) -> usize {
        self.mailer.accepted().iter().filter(|mail| mail.entry.customer.as_str() == id).count()
    }

    fn pair(&self, stage: StageName) -> &QueuePair {
        match stage {
            StageName::Score => &self.score,
            StageName::Email => &self.email,
            StageName::Deliver => &self.deliver,
            StageName::Call => &self.call,
        }
    }
}

impl Default for InMemoryStack {
    fn default() -> Self {
        Self::new()
    }
}

fn raw_message(received: Received) -> RawMessage {
    RawMessage {
        message_id: received.id,
        receipt: received.receipt,
        body: received.body,
        receive_count: received.receive_count,
        sent_at: received.sent_at,
        trace: None,
    }
}

/// What the links in mails begin with.
pub const UNSUBSCRIBE_URL: &str = "https://pulse.example/u";

/// Reads the tokens of those links.
///
/// # Panics
/// Never: its key is long enough.
#[must_use]
pub fn unsubscribe_tokens() -> UnsubscribeTokens {
    let keys = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;
    UnsubscribeTokens::new(KeyRing::parse(&keys.into()).expect("keys"))
}

/// Makes those links.
///
/// # Panics
/// Never: the URL is one.
#[must_use]
pub fn unsubscribe_links() -> UnsubscribeLinks {
    UnsubscribeLinks::new(UnsubscribeUrl::parse(UNSUBSCRIBE_URL).expect("a URL"), unsubscribe_tokens())
}

/// A customer of 10 May 2024, 11:30 in Dublin: due on the 10th.
///
/// # Panics
/// Never: all of it can be parsed.
#[must_use]
pub fn customer(id: &str) -> Customer {
    let id = CustomerId::parse(id).expect("an id");
    let zone = Zone::parse("Europe/Dublin").expect("a zone");
    let signed_up_at = "2024-05-10T10:30:00Z".parse().expect("a moment");
    Customer {
        name: PersonName::parse("Aoife Ní Bhriain").expect("a name"),
        contact: Contact::Email(EmailAddress::parse(&format!("{id}@example.com")).expect("an address")),
        product: Product::Loan,
        balance: Money { minor: 123_456, currency: Currency::parse("EUR").expect("a currency") },
        locale: Locale::parse("en-IE").expect("a locale"),
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
        id,
    }
}

/// An entry's id from text.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn entry_id(customer: &str, run: &str) -> EntryId {
    EntryId::of(CustomerId::parse(customer).expect("an id"), pulse_core::run::RunId::parse(run).expect("a run"))
}

/// A queue to which nothing can be sent.
pub struct BrokenQueue;

#[async_trait]
impl StageQueue for BrokenQueue {
    async fn send(&self, _: &WorkMessage) -> Result<(), QueueError> {
        Err(QueueError::Refused { queue: "email".into(), cause: pulse_core::failure::Cause::new("It is broken.") })
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}
