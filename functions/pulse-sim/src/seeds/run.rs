use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    campaign::{AudienceSizes, Campaign},
    customer::{Customer, Standing},
    delivery::EndpointName,
    entry::{Progress, StageName},
    message::WorkMessage,
    ports::StageQueue as _,
    run::RunId,
    slot::Slot,
    snapshot::CountBudget,
};

use super::{
    campaigns::CampaignAct,
    check, endpoints,
    fault::{Act, Fault, Kind},
    people,
    plan::{FaultPlan, active_faults},
    turns,
};
use crate::world::{Ordered, Promise, Record, SystemUnderTest, Violation, World, WorldSettings};

/// How long after its beginning, or after a deployment, a pause must be one: the mapping takes its time to
/// be disabled, the invocations under way end, and a tick may fail or two.
const PAUSE_SETTLES: Duration = Duration::from_mins(12);

/// How often a receive gives fewer messages than there are, and how old counts are at most (Amazon SQS API Reference,
/// `ReceiveMessage` and `GetQueueAttributes`). SQS names no figure for the first.
const FEWER: f64 = 0.2;
const COUNT_LAG: Duration = Duration::from_mins(1);

/// So small that a seed's campaigns have many parts.
const AUDIENCE: AudienceSizes = AudienceSizes { part: 7, looked_at: 20, page: 5 };

/// How far a campaign's index lags at most. Tick, which looks each minute, finds a campaign closed within two though it does.
const INDEX_LAG: Duration = Duration::from_secs(30);

/// How often the operator looks after dead letters once all is calm.
const ROUND: Duration = Duration::from_hours(6);

/// How often it is looked, after the end, whether what has begun has ended, and how often at most: a message that is
/// tried again may stay away for as long as SQS hides one, 12 hours.
const CLOSING_ROUND: Duration = Duration::from_mins(10);
const MOST_CLOSING_ROUNDS: u32 = 13 * 6;

/// What came of a seed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedReport {
    /// Promises that were broken, in the order in which it was seen.
    pub violations: Vec<Violation>,
    /// Mails that were accepted.
    pub mails: u64,
    /// Messages that the sweep sent in the place of lost ones.
    pub repeated: u64,
    /// All campaigns, as they stood at the end.
    pub campaigns: Vec<Campaign>,
    /// How late each mail of a month was, after its slot.
    pub late: Vec<Duration>,
    /// How long facts took to reach each endpoint.
    pub told: BTreeMap<EndpointName, Vec<Duration>>,
    /// All that happened, if it was taken down.
    pub trace: Vec<String>,
    /// A digest of it, if one was kept.
    pub digest: Option<u64>,
}

/// Lives through a plan.
///
/// # Panics
/// When the simulator itself is broken.
#[must_use]
pub fn run(plan: &FaultPlan, product: Arc<dyn SystemUnderTest>, traced: bool) -> SeedReport {
    run_with(plan, product, traced, &|_| {})
}

/// The same in a world of other settings.
#[must_use]
pub fn run_with(
    plan: &FaultPlan,
    product: Arc<dyn SystemUnderTest>,
    traced: bool,
    adjust: &dyn Fn(&mut WorldSettings),
) -> SeedReport {
    let mut settings = WorldSettings::shipped(plan.starts, plan.seed).quiet(plan.quiet_hours);
    settings.mail_provider = plan.mail_provider;
    settings.recipients = plan.recipients;
    settings.duplicates = plan.duplicates;
    settings.double_firings = plan.duplicates;
    (settings.fewer, settings.count_lag) = (FEWER, COUNT_LAG);
    // So seldom that there is much to add up in between.
    settings.count_budget = CountBudget { read_units_an_hour: 2.0, ..CountBudget::default() };
    settings.record = if traced { Record::Lines } else { Record::Nothing };
    if plan.has_endpoints {
        settings.endpoints = endpoints::all(plan.starts);
    }
    if plan.has_campaigns {
        (settings.fair_queues, settings.index_lag) = (true, INDEX_LAG);
    }
    settings.audience = AUDIENCE;
    settings.calls = plan.calls();
    adjust(&mut settings);
    let world = World::new(settings, product);
    let month = SeedMonth { plan, world: &world };
    month.enroll_everyone();
    month.live();
    month.let_what_has_begun_end();
    check::at_the_end(&world, plan);
    world.check_order_of_events();
    let report = SeedReport {
        violations: world.checker.violations(),
        mails: world.mailer.mails(),
        campaigns: world.campaigns(),
        late: lateness(&world),
        repeated: world.watch.repeated(),
        told: world
            .settings
            .endpoints
            .iter()
            .map(|of| (of.endpoint.name.clone(), world.endpoints.latencies(&of.endpoint.name)))
            .collect(),
        trace: world.trace.lines(),
        digest: world.trace.digest(),
    };
    world.time.end();
    report
}

fn lateness(world: &World) -> Vec<Duration> {
    let mut late = Vec::new();
    world.ledger.for_each_entry(|entry| {
        if let Progress::Done { at, .. } = entry.progress()
            && !entry.id().run.is_campaign()
        {
            late.push(Duration::try_from(at.duration_since(entry.scheduled_at())).unwrap_or_default());
        }
    });
    late.sort_unstable();
    late
}

struct SeedMonth<'a> {
    plan: &'a FaultPlan,
    world: &'a Arc<World>,
}

/// A fault begins, or ends, or a pause is to be one by now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SeedTurn {
    Ends,
    Begins,
    Settles,
}

impl SeedMonth<'_> {
    /// Without faults, before anything is due.
    fn enroll_everyone(&self) {
        for number in (0..self.plan.customers).filter(|number| !people::joins_later(*number)) {
            let person = people::person(self.plan.seed, number);
            self.world.enroll_at_once(&person);
            self.world.note_fitness(&person);
        }
    }

    fn live(&self) {
        let mut turns = BTreeSet::new();
        for (index, (_, fault)) in self.plan.faults.iter().enumerate() {
            turns.insert((fault.at, SeedTurn::Begins, index));
            turns.insert((fault.at + fault.lasts, SeedTurn::Ends, index));
            turns.extend(self.settles(fault, fault.at).map(|at| (at, SeedTurn::Settles, index)));
        }
        let mut lasting = vec![false; self.plan.faults.len()];
        let mut settled: Vec<Option<Settled>> = vec![None; self.plan.faults.len()];
        while let Some((at, turn, index)) = turns.pop_first() {
            self.world.run_until(self.plan.starts + at);
            check::on_the_way(self.world, self.plan);
            let fault = &self.plan.faults[index].1;
            match turn {
                SeedTurn::Begins => {
                    lasting[index] = true;
                    if fault.kind == Kind::Once(Act::Deploy) {
                        // It ends every pause, until the next tick.
                        for (paused, (_, pause)) in self.plan.faults.iter().enumerate() {
                            self.hold_to_it(pause, settled[paused].take());
                            let again = self.settles(pause, at).filter(|_| lasting[paused]);
                            turns.extend(again.map(|at| (at, SeedTurn::Settles, paused)));
                        }
                    }
                    self.begin(fault);
                }
                SeedTurn::Ends => {
                    lasting[index] = false;
                    self.hold_to_it(fault, settled[index].take());
                    let still_paused = self.plan.faults.iter().zip(&lasting).any(|((_, other), lasts)| {
                        *lasts && other.kind.pauses().is_some() && other.kind.pauses() == fault.kind.pauses()
                    });
                    self.end(fault, still_paused);
                }
                SeedTurn::Settles => settled[index] = self.settled(fault),
            }
            let now = self.plan.faults.iter().zip(&lasting).filter(|(_, lasts)| **lasts);
            self.world.faults.set(active_faults(now.map(|((_, fault), _)| fault)));
        }
        self.come_right();
    }

    /// All is calm: the operator sees to what is left, until the end.
    fn come_right(&self) {
        let calm_from = self.plan.starts + self.plan.calm_from();
        let mut at = calm_from;
        self.world.feedback.mend();
        while at < self.plan.ends() {
            self.world.run_until(at);
            check::on_the_way(self.world, self.plan);
            check::doubts_have_ended(self.world, calm_from);
            self.world.redrive_intake();
            for stage in self.world.settings.deployed().iter() {
                self.world.redrive(stage);
            }
            self.world.replay_schedules();
            let world = Arc::clone(self.world);
            let _ = self.world.time.spawn(async move { world.replay_failed().await });
            at += ROUND;
        }
        self.world.run_until(self.plan.ends());
    }

    /// Midnight finds some in the midst of it, which ends as it does any day. The month is looked at once nothing of the
    /// kind is left. What is indeterminate may stay so for a day.
    fn let_what_has_begun_end(&self) {
        for _ in 0..MOST_CLOSING_ROUNDS {
            if !check::is_under_way(self.world) {
                return;
            }
            self.world.run_until(self.world.time.now() + CLOSING_ROUND);
        }
    }

    fn begin(&self, fault: &Fault) {
        let world = self.world;
        world.line(|| format!("FAULT {fault}"));
        match &fault.kind {
            Kind::Panic(place, who) => world.panics.begin(*place, people::id(self.plan.number(*who))),
            Kind::Once(act) => self.act(act),
            kind => turns::begin(world, kind, world.time.now() + fault.lasts),
        }
    }

    /// When a pause that was begun at `from` must be one, if it lasts for long enough, and can be.
    fn settles(&self, fault: &Fault, from: Duration) -> Option<Duration> {
        fault.kind.pauses()?;
        let (settles, ends) = (from + PAUSE_SETTLES, fault.at + fault.lasts);
        let nobody_sees_to_it = self.plan.faults.iter().any(|(_, other)| {
            let is_blind = match &other.kind {
                Kind::NothingScheduled => true,
                Kind::Ledger(noise) => noise.refused >= 1.0,
                _ => false,
            };
            is_blind && other.at < ends && other.at + other.lasts > fault.at
        });
        (settles + PAUSE_SETTLES < ends && !nobody_sees_to_it).then_some(settles)
    }

    fn hold_to_it(&self, pause: &Fault, settled: Option<Settled>) {
        if let (Some(before), Some(now), Some(stage)) = (settled, self.settled(pause), pause.kind.pauses()) {
            before.hold_against(now, self.world, stage);
        }
    }

    fn end(&self, fault: &Fault, still_paused: bool) {
        match &fault.kind {
            Kind::Panic(place, who) => self.world.panics.end(*place, &people::id(self.plan.number(*who))),
            kind => turns::end(self.world, kind, still_paused),
        }
    }

    fn settled(&self, fault: &Fault) -> Option<Settled> {
        let stage = fault.kind.pauses()?;
        // An order may have some of them in hand.
        let letters = self.world.stack(stage).dlq.depth();
        Some(Settled { calls: self.world.lanes(stage).calls, dead_letters: letters.visible + letters.in_flight })
    }

    fn act(&self, act: &Act) {
        let world = self.world;
        match act {
            Act::Purge(stage) => {
                world.stack(*stage).queue.purge();
            }
            Act::Redrive(stage) => {
                world.redrive(*stage);
            }
            Act::Order(what, cancelled_after) => self.order(*what, *cancelled_after),
            Act::Campaign(act) => self.campaign(act),
            Act::Settle => self.settle_unknown(),
            Act::Deploy => world.deploy(),
            Act::LoseSchedule(who) => {
                world.scheduler.lose(&people::id(self.plan.number(*who)));
            }
            Act::DisableSchedule(who) => {
                world.scheduler.disable(&people::id(self.plan.number(*who)));
            }
            Act::Repeat(stage, who) => self.repeat(*stage, self.plan.number(*who)),
            Act::Garbage(stage) => world.stack(*stage).queue.send_body("{\"v\":1}"),
            Act::Join(who) => self.join(self.plan.number(*who)),
            Act::Leave(who) => self.change(self.plan.number(*who), |customer| customer.standing = Standing::Closed),
            Act::OptOut(who) => self.hear(self.plan.number(*who), true),
            Act::OptIn(who) => self.hear(self.plan.number(*who), false),
            Act::Click(who) => world.mailer.recipients().click(&people::id(self.plan.number(*who))),
            Act::Move(who, zone) => {
                let zone = zone.clone();
                self.change(self.plan.number(*who), move |customer| {
                    customer.slot = Slot::of_sign_up(&customer.id, customer.signed_up_at, &zone);
                    customer.zone = zone;
                });
            }
            Act::NewAddress(who) => {
                let (number, now) = (self.plan.number(*who), world.time.now());
                let moves = u32::try_from(now.as_second() % 1_000_000_007).unwrap_or(1);
                self.change(number, move |customer| customer.contact = people::address(number, moves));
            }
        }
    }

    fn change(&self, who: u32, change: impl FnOnce(&mut Customer) + Send + 'static) {
        let world = Arc::clone(self.world);
        let _ = self.world.time.spawn(async move { world.change(&people::id(who), change).await });
    }

    fn hear(&self, who: u32, opted_out: bool) {
        let world = Arc::clone(self.world);
        let _ = self.world.time.spawn(async move { world.hear(&people::id(who), opted_out).await });
    }

    fn join(&self, who: u32) {
        let (world, seed) = (Arc::clone(self.world), self.plan.seed);
        let _ = self.world.time.spawn(async move {
            let id = people::id(who);
            if world.customer(&id).await.is_none() {
                return world.enroll(&people::person(seed, who)).await;
            }
            world.change(&id, |customer| customer.standing = Standing::Active).await;
        });
    }

    /// The message of this month's run once more.
    fn repeat(&self, stage: StageName, who: u32) {
        let now = self.world.time.now();
        let run = RunId::of(now, &jiff::tz::TimeZone::UTC);
        let id = pulse_core::entry::EntryId::of(people::id(who), run);
        let known = self.world.customer(&id.customer).now_or_never().flatten().is_some();
        let has_entry = self.world.has_entry(&id);
        if known && has_entry {
            self.world.stack(stage).queue.send(&WorkMessage::for_entry(&id)).now_or_never();
        }
    }

    fn order(&self, what: Ordered, cancelled_after: Option<Duration>) {
        let world = Arc::clone(self.world);
        let _ = self.world.time.spawn(async move {
            let given = world.order(what).await;
            if let (Some(id), Some(after)) = (given, cancelled_after) {
                world.time.sleep(after).await;
                world.cancel(&id).await;
            }
        });
    }

    fn campaign(&self, act: &CampaignAct) {
        let CampaignAct { campaign, held, cancelled_after } = act.clone();
        let (world, run) = (Arc::clone(self.world), campaign.run);
        let _ = self.world.time.spawn(async move {
            if !world.start_campaign(&campaign).await {
                return;
            }
            if let Some((after, lasts)) = held {
                let world = Arc::clone(&world);
                let _ = world.time.clone().spawn(async move {
                    world.time.sleep(after).await;
                    world.hold_campaign(run, lasts).await;
                });
            }
            if let Some(after) = cancelled_after {
                world.time.sleep(after).await;
                world.cancel_campaign(run).await;
            }
        });
    }

    fn settle_unknown(&self) {
        let world = Arc::clone(self.world);
        let _ = self.world.time.spawn(async move {
            world.settle_unknown().await;
        });
    }
}

/// How a stage is that is paused.
#[derive(Debug, Clone, Copy)]
struct Settled {
    calls: u64,
    dead_letters: usize,
}

impl Settled {
    fn hold_against(self, later: Self, world: &World, stage: StageName) {
        let now: Timestamp = world.time.now();
        if later.calls > self.calls {
            let what = format!("the paused {stage} stage made {} calls", later.calls - self.calls);
            world.checker.saw(Promise::PauseHolds, None, now, what);
        }
        if later.dead_letters > self.dead_letters {
            let more = later.dead_letters - self.dead_letters;
            let what = format!("{more} messages of the paused {stage} stage were dead-lettered");
            world.checker.saw(Promise::PauseHolds, None, now, what);
        }
    }
}
