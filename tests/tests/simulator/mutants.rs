//! Bugs, planted one by one in what is shipped. Competing systems have had each of them.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    future::{self, poll_fn},
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future::join_all};
use jiff::Timestamp;
use pulse_core::{
    audit::{AuditDepth, AuditEnd, AuditError, AuditStart},
    control::{MinuteOutcomes, Outcomes},
    customer::{Contact, Customer, CustomerId, EmailAddress},
    entry::{Change, Entry, EntryId, Progress, StageName},
    failure::Cause,
    feedback::FeedbackSource,
    message::WorkMessage,
    ports::{
        Accepted, Activity, Ledger, LedgerError, Letter, Mail, MailLookup, Mailer, OutcomeLog, Probed, QueueError,
        Recall, RenderError, Rendered, Renderer, ScoreError, ScoreRequest, Scorer, SendError, SetEnabled, StageError,
        StageQueue, StageStatus, Stages, Switch, TallyKey, Visibility,
    },
    score::Score,
    snapshot::{SnapshotError, SnapshotTaken},
    stage::{Delivery, EmailPolicy, Stage, Task, Verdict, Worked, WorkerSettings},
    suppression::Suppression,
    tick::{ReconcileError, StageRound, Sweep, SweepPolicy, Swept},
};
use pulse_sim::world::{Production, StageStack, SystemUnderTest, WorldPorts};

fn no_round() -> Vec<StageRound> {
    let round = |stage: &StageName| StageRound {
        stage: *stage,
        reconciled: Err(ReconcileError::Contended(*stage)),
        swept: Swept::Paused,
    };
    StageName::ALL.iter().map(round).collect()
}

/// Counts once, and says ever after that it was now.
#[derive(Default)]
pub(crate) struct CountsOnce(Mutex<Option<BTreeMap<TallyKey, u64>>>);

#[async_trait]
impl SystemUnderTest for CountsOnce {
    async fn take_snapshot(&self, ports: &WorldPorts) -> Result<Option<SnapshotTaken>, SnapshotError> {
        let mut taken = Production.take_snapshot(ports).await?;
        if let Some(run) = taken.as_mut().and_then(|taken| taken.snapshot.run.as_mut()) {
            run.places = self.0.lock().unwrap().get_or_insert(run.places.clone()).clone();
        }
        if let Some(taken) = &taken {
            ports.snapshots.save_snapshot(&taken.snapshot).await?;
        }
        Ok(taken)
    }
}

/// Reports every other batch's mails only.
#[derive(Default)]
pub(crate) struct ReportsHalf(Arc<AtomicU64>);

struct HalfALog {
    log: Arc<dyn OutcomeLog>,
    reports: Arc<AtomicU64>,
}

#[async_trait]
impl OutcomeLog for HalfALog {
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        let is_odd = self.reports.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        let sent = if is_odd { 0 } else { outcomes.sent };
        self.log.report(stage, at, &Outcomes { sent, ..outcomes.clone() }).await
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        self.log.minutes(stage, from).await
    }
}

#[async_trait]
impl SystemUnderTest for ReportsHalf {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        deliveries: Vec<Delivery>,
        deadline: Timestamp,
    ) -> Worked {
        let log = HalfALog { log: Arc::clone(&ports.outcomes), reports: Arc::clone(&self.0) };
        let ports = WorldPorts { outcomes: Arc::new(log), ..ports.clone() };
        Production.work(stage, name, &ports, settings, deliveries, deadline).await
    }
}

/// What is shipped, without the tick.
pub(crate) struct WithoutSweep<P>(pub(crate) P);

#[async_trait]
impl<P: SystemUnderTest> SystemUnderTest for WithoutSweep<P> {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        self.0.score(ports)
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        self.0.email(ports, policy)
    }

    async fn tick(&self, _: &WorldPorts, _: SweepPolicy) -> Vec<StageRound> {
        no_round()
    }
}

/// Queues the email before the score is written: whoever is quick finds nothing to mail.
pub(crate) struct QueuesTheEmailFirst;

impl SystemUnderTest for QueuesTheEmailFirst {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let early =
            TellsEarly { scorer: Arc::clone(&ports.scorer), queue: Arc::clone(&ports.queues[StageName::Email]) };
        let mut ports = WorldPorts { scorer: Arc::new(early), ..ports.clone() };
        ports.queues[StageName::Email] = Arc::new(Nowhere);
        Production.score(&ports)
    }
}

struct TellsEarly {
    scorer: Arc<dyn Scorer>,
    queue: Arc<dyn StageQueue>,
}

#[async_trait]
impl Scorer for TellsEarly {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let _ = self.queue.send(&WorkMessage::for_entry(&request.entry)).await;
        self.scorer.score(request).await
    }
}

struct Nowhere;

#[async_trait]
impl StageQueue for Nowhere {
    async fn send(&self, _: &WorkMessage) -> Result<(), QueueError> {
        Ok(())
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}

/// Sends first and claims afterwards.
pub(crate) struct SendsWithoutAClaim;

impl SystemUnderTest for SendsWithoutAClaim {
    fn email(&self, ports: &WorldPorts, _: EmailPolicy) -> Box<dyn Stage> {
        Box::new(HandMade { ports: ports.clone(), records_first: false })
    }
}

/// Records the mail as sent when it takes the message up, as a checkpoint that moves on fetch.
pub(crate) struct RecordsBeforeSending;

impl SystemUnderTest for RecordsBeforeSending {
    fn email(&self, ports: &WorldPorts, _: EmailPolicy) -> Box<dyn Stage> {
        Box::new(HandMade { ports: ports.clone(), records_first: true })
    }
}

/// An email stage that knows nothing of claims.
struct HandMade {
    ports: WorldPorts,
    records_first: bool,
}

#[async_trait]
impl Stage for HandMade {
    async fn handle(&self, task: &Task) -> Verdict {
        self.mail(task).await.unwrap_or_else(|verdict| verdict)
    }

    async fn give_up(&self, _: &WorkMessage, _: &Cause) {}

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        false
    }
}

impl HandMade {
    async fn mail(&self, task: &Task) -> Result<Verdict, Verdict> {
        let Some(customer) = self.ports.ledger.customer(&task.message.customer).await? else {
            return Ok(Verdict::Done);
        };
        let Some(entry) = self.ports.ledger.entry(&task.message.entry_of(&customer)).await? else {
            return Ok(Verdict::Done);
        };
        let Some(score) = entry.score().filter(|_| entry.state() == "scored") else { return Ok(Verdict::Done) };
        let Contact::Email(to) = customer.contact.clone() else { return Ok(Verdict::Done) };
        let letter = Letter { customer: &customer, run: entry.id().run, score, previous: None, unsubscribe: None };
        let content = self.ports.renderer.render(&letter).expect("rendered");
        let mail = Mail {
            entry: entry.id().clone(),
            to,
            name: customer.name.clone(),
            content,
            unsubscribe: None,
            trace: None,
        };
        if self.records_first {
            self.record(&customer, &entry).await?;
        }
        if self.ports.mailer.send(&mail).await.is_err() {
            let cause = Cause::new("It wasn't sent.");
            return Ok(Verdict::Retry { wait: pulse_core::stage::Wait::Backoff(None), cause });
        }
        if !self.records_first {
            self.record(&customer, &entry).await?;
        }
        Ok(Verdict::Done)
    }

    async fn record(&self, customer: &Customer, entry: &Entry) -> Result<(), Verdict> {
        let now = self.ports.clock.now();
        let claim = entry.claim(StageName::Email, now, now)?;
        self.ports.ledger.apply(&claim).await?;
        let next = customer.slot.next_after(entry.scheduled_at());
        let id = EntryId { run: entry.id().run.next(), ..entry.id().clone() };
        let sent = claim.into_after().record_sent("guess".into(), now, Some(Entry::scheduled(id, next, None)))?;
        Ok(self.ports.ledger.apply(&sent).await?)
    }
}

/// Takes a lost answer for a refusal.
pub(crate) struct SendsAgainBlindly;

impl SystemUnderTest for SendsAgainBlindly {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let mailer = Blind { mailer: Arc::clone(&ports.mailer), asks: true };
        Production.email(&WorldPorts { mailer: Arc::new(mailer), ..ports.clone() }, policy)
    }
}

/// Takes a claim that is over for a mail that didn't go out: an in-progress record that expires.
pub(crate) struct NeverAsks;

impl SystemUnderTest for NeverAsks {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let mailer = Blind { mailer: Arc::clone(&ports.mailer), asks: false };
        Production.email(&WorldPorts { mailer: Arc::new(mailer), ..ports.clone() }, policy)
    }
}

struct Blind {
    mailer: Arc<dyn Mailer>,
    asks: bool,
}

#[async_trait]
impl Mailer for Blind {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        match self.mailer.send(mail).await {
            Err(SendError::Lost { cause }) if self.asks => Err(SendError::Retry { after: None, cause }),
            answer => answer,
        }
    }

    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    fn recall(&self) -> Recall {
        if self.asks { self.mailer.recall() } else { Recall::ByKey { known_for: Duration::MAX } }
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        if self.asks { self.mailer.look_up(entry).await } else { Ok(MailLookup::SafeToSend) }
    }
}

/// Starts the whole batch at once and waits for all of it.
pub(crate) struct StartsTheWholeBatch;

#[async_trait]
impl SystemUnderTest for StartsTheWholeBatch {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        _: StageName,
        _: &WorldPorts,
        _: WorkerSettings,
        deliveries: Vec<Delivery>,
        deadline: Timestamp,
    ) -> Worked {
        let one = async |delivery: Delivery| {
            let message = WorkMessage::parse(&delivery.body, delivery.sent_at).ok()?;
            let Delivery { receive_count, sent_at, .. } = delivery;
            let task =
                Task { message, first_receive: receive_count <= 1, sent_at, lease_until: deadline, start_by: deadline };
            (stage.handle(&task).await != Verdict::Done).then_some(delivery.message_id)
        };
        let unfinished = join_all(deliveries.into_iter().map(one)).await.into_iter().flatten().collect();
        Worked { unfinished, ..Worked::default() }
    }
}

/// Has no eye on panics: one of a message ends the whole invocation.
pub(crate) struct LetsPanicsOut;

#[async_trait]
impl SystemUnderTest for LetsPanicsOut {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        deliveries: Vec<Delivery>,
        deadline: Timestamp,
    ) -> Worked {
        let thrown = Thrown::default();
        let stage = Box::new(Throws { stage, thrown: Arc::clone(&thrown) });
        let mut work = Production.work(stage, name, ports, settings, deliveries, deadline);
        poll_fn(move |context| {
            let polled = work.poll_unpin(context);
            let panic = thrown.lock().expect("not poisoned").take();
            panic.map_or(polled, |panic| resume_unwind(panic))
        })
        .await
    }
}

/// What a panic carries, on its way past the worker.
type Thrown = Arc<Mutex<Option<Box<dyn Any + Send>>>>;

struct Throws {
    stage: Box<dyn Stage>,
    thrown: Thrown,
}

#[async_trait]
impl Stage for Throws {
    async fn handle(&self, task: &Task) -> Verdict {
        match AssertUnwindSafe(self.stage.handle(task)).catch_unwind().await {
            Ok(verdict) => verdict,
            Err(panic) => {
                *self.thrown.lock().expect("not poisoned") = Some(panic);
                future::pending().await
            }
        }
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.stage.give_up(message, cause).await;
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        self.stage.put_off(message, cause, patience).await
    }
}

/// Panics when it is to write a mail.
pub(crate) struct Panics;

impl SystemUnderTest for Panics {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&WorldPorts { renderer: Arc::new(Self), ..ports.clone() }, policy)
    }
}

impl Renderer for Panics {
    fn render(&self, _: &Letter<'_>) -> Result<Rendered, RenderError> {
        panic!("a bug")
    }
}

/// Catches a panic where it is easy: around the batch, all of which then comes back.
pub(crate) struct GivesTheBatchBack;

#[async_trait]
impl SystemUnderTest for GivesTheBatchBack {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        deliveries: Vec<Delivery>,
        deadline: Timestamp,
    ) -> Worked {
        let unfinished = deliveries.iter().map(|delivery| delivery.message_id.clone()).collect();
        let work = LetsPanicsOut.work(stage, name, ports, settings, deliveries, deadline);
        let worked = AssertUnwindSafe(work).catch_unwind().await;
        worked.unwrap_or(Worked { unfinished, ..Worked::default() })
    }
}

/// Sweeps without asking whether the stage is paused, or its queue the reason.
pub(crate) struct SweepsBlindly;

#[async_trait]
impl SystemUnderTest for SweepsBlindly {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        Production.tick(&WorldPorts { stages: Arc::new(AllIsWell), ..ports.clone() }, policy).await
    }
}

struct AllIsWell;

#[async_trait]
impl Stages for AllIsWell {
    async fn status(&self, _: StageName) -> Result<StageStatus, StageError> {
        Ok(StageStatus { mapping: Switch::On, reserved: None, waiting: 0, in_flight: 0 })
    }

    async fn set_enabled(&self, _: StageName, _: bool) -> Result<SetEnabled, StageError> {
        Ok(SetEnabled::Done)
    }

    async fn probe(&self, _: StageName, _: usize) -> Result<Probed, StageError> {
        Ok(Probed::default())
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        Ok(false)
    }
}

/// Sweeps what was swept a minute ago.
pub(crate) struct SweepsEveryMinute;

#[async_trait]
impl SystemUnderTest for SweepsEveryMinute {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        let often = SweepPolicy { again_after: Duration::from_mins(1), ..policy };
        Production.tick(ports, often).await
    }
}

/// Only sweeps: mappings are what people and deployments make of them.
pub(crate) struct ReconcilesNothing;

#[async_trait]
impl SystemUnderTest for ReconcilesNothing {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        let sweep = Sweep {
            ledger: &*ports.ledger,
            open: &*ports.open,
            stages: &*ports.stages,
            memory: &*ports.memory,
            queues: &ports.queues,
            clock: &*ports.clock,
            policy,
        };
        sweep.run().await;
        no_round()
    }
}

/// Forgets who paused: a mapping that is on is meant to be on.
pub(crate) struct ForgetsPauses;

#[async_trait]
impl SystemUnderTest for ForgetsPauses {
    async fn set_flowing(&self, ports: &WorldPorts, stack: &StageStack, flowing: bool) -> bool {
        ports.stages.set_enabled(stack.name, flowing).await == Ok(SetEnabled::Done)
    }

    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        ReconcilesNothing.tick(ports, policy).await
    }
}

/// Gives up what fails too often, whoever's fault it is.
pub(crate) struct BlamesTheMessage;

#[async_trait]
impl SystemUnderTest for BlamesTheMessage {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Box::new(NeverPutsOff(Production.score(ports)))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Box::new(NeverPutsOff(Production.email(ports, policy)))
    }

    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        ReconcilesNothing.tick(ports, policy).await
    }
}

struct NeverPutsOff(Box<dyn Stage>);

#[async_trait]
impl Stage for NeverPutsOff {
    async fn handle(&self, task: &Task) -> Verdict {
        self.0.handle(task).await
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.0.give_up(message, cause).await;
    }

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        false
    }
}

/// Mails whatever score there is.
pub(crate) struct MailsOldScores;

impl SystemUnderTest for MailsOldScores {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(ports, EmailPolicy { score_max_age: Duration::MAX, ..policy })
    }
}

/// Never audits: a schedule that is gone stays gone.
pub(crate) struct NeverAudits;

#[async_trait]
impl SystemUnderTest for NeverAudits {
    async fn audit(&self, _: &WorldPorts, _: AuditStart, _: AuditDepth) -> Result<AuditEnd, AuditError> {
        Ok(AuditEnd::NoneUnfinished)
    }
}

/// Goes by the profile that it saw first, as if messages carried it.
#[derive(Default)]
pub(crate) struct RemembersProfiles(Arc<Mutex<HashMap<CustomerId, Customer>>>);

impl SystemUnderTest for RemembersProfiles {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.score(&self.with_memory(ports))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&self.with_memory(ports), policy)
    }
}

impl RemembersProfiles {
    fn with_memory(&self, ports: &WorldPorts) -> WorldPorts {
        let ledger = Twisted { ledger: Arc::clone(&ports.ledger), twist: Twist::Remembers(Arc::clone(&self.0)) };
        WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }
    }
}

/// Closes an entry without opening the next month's, and doesn't audit.
pub(crate) struct ForgetsNextMonth;

#[async_trait]
impl SystemUnderTest for ForgetsNextMonth {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let ledger = Twisted { ledger: Arc::clone(&ports.ledger), twist: Twist::OpensNoNext };
        Production.email(&WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }, policy)
    }

    async fn audit(&self, _: &WorldPorts, _: AuditStart, _: AuditDepth) -> Result<AuditEnd, AuditError> {
        Ok(AuditEnd::NoneUnfinished)
    }
}

enum Twist {
    Remembers(Arc<Mutex<HashMap<CustomerId, Customer>>>),
    OpensNoNext,
}

struct Twisted {
    ledger: Arc<dyn Ledger>,
    twist: Twist,
}

#[async_trait]
impl Ledger for Twisted {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        let Twist::Remembers(profiles) = &self.twist else { return self.ledger.customer(id).await };
        let known = profiles.lock().expect("not poisoned").get(id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let customer = self.ledger.customer(id).await?;
        if let Some(customer) = &customer {
            profiles.lock().expect("not poisoned").insert(id.clone(), customer.clone());
        }
        Ok(customer)
    }

    async fn save_customer(&self, customer: &Customer) -> Result<bool, LedgerError> {
        self.ledger.save_customer(customer).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.ledger.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.ledger.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.ledger.open(entry).await
    }

    async fn apply(&self, change: &Change) -> Result<(), LedgerError> {
        if let (Twist::OpensNoNext, Progress::Done { provider_id, at, .. }) = (&self.twist, change.after().progress()) {
            let before = self.ledger.entry(change.after().id()).await?;
            if let Some(alone) = before.and_then(|entry| entry.record_sent(provider_id.clone(), *at, None).ok()) {
                return self.ledger.apply(&alone).await;
            }
        }
        self.ledger.apply(change).await
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.ledger.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.ledger.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.ledger.note(activity).await
    }
}
