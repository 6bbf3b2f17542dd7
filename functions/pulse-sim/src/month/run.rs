use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    bill::{
        ApiUse, BYTES_PER_CUSTOMER, Bill, COUNTED_AT_ONCE, FEEDBACK_MEMORY_GB, LOG_BYTES_PER_INVOCATION, Prices,
        STAGE_MEMORY_GB, TICK_MEMORY_GB,
    },
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::{Entry, Progress, StageName},
    ports::DlqName,
    slot::Slot,
    snapshot::SNAPSHOT_EVERY,
};

use super::{
    proof::Proof,
    report::{self, MonthReport, PERIOD, Sample},
    scenario::{Scenario, Spread, StageScenario, Window},
};
use crate::{
    ledger::LedgerUse,
    random::{Randomness, Stream},
    world::{
        Down, Faults, LaneUse, Latency, Production, RecipientWays, Record, SimulatedMailProvider, StageSettings,
        StageStack, World, WorldSettings,
    },
};

/// Minutes between two looks of the tick at a queue of dead letters that is empty.
const LETTERS_EVERY: u64 = 5;

/// How often the operator redrives dead letters, while no provider is out of order.
const ROUND: Duration = Duration::from_hours(1);

/// Recipients as a house has them that keeps its list clean: rates that mailbox providers and Amazon SES ask for
/// ("Email sender guidelines", Gmail Help; Amazon SES Developer Guide, "Using the account-level suppression list").
const RECIPIENTS: RecipientWays = RecipientWays {
    hard: 0.005,
    soft: 0.01,
    reputation: 0.002,
    rejected: 0.0,
    delayed: 0.01,
    complaints: 0.0005,
    clicks: 0.002,
};

/// Lives through a month. `on_progress` hears how far it is, six times an hour of it.
///
/// # Panics
/// When the simulator itself is broken.
pub fn run(scenario: &Scenario, on_progress: &mut dyn FnMut(report::Progress)) -> MonthReport {
    live_through(scenario, &World::new(settings(scenario), Arc::new(Production)), on_progress)
}

/// The digest of what happens in a month: the same as long as the same things happen at the same moments.
///
/// # Panics
/// When the simulator itself is broken.
#[must_use]
pub fn digest(scenario: &Scenario) -> u64 {
    let world = World::new(WorldSettings { record: Record::Digest, ..settings(scenario) }, Arc::new(Production));
    live_through(scenario, &world, &mut |_| {});
    world.trace.digest().expect("one was asked for")
}

fn live_through(scenario: &Scenario, world: &Arc<World>, on_progress: &mut dyn FnMut(report::Progress)) -> MonthReport {
    enroll(scenario, world);
    if let Some(capacity) = &scenario.capacity {
        world.ledger.provision(capacity, world.time.now());
    }
    let enrolled = world.ledger.used();
    let mut month = Month { scenario, world, samples: Vec::new(), before: Before::default(), redriven: 0 };
    month.live(on_progress);
    let (samples, redriven) = (month.samples, month.redriven);
    let proof = proof(scenario, world);
    let api = api_use(scenario, world, world.ledger.used().since(enrolled));
    let report = MonthReport {
        scenario: scenario.clone(),
        samples,
        proof,
        last_mail: world.mailer.last_mail(),
        redriven,
        repeated: world.watch.repeated(),
        throttled: world.ledger.provisioned(world.time.now()).map(|(_, throttled)| throttled),
        bill: Bill::of(&api, &Prices::default()),
        api,
    };
    world.time.end();
    report
}

pub(crate) fn settings(scenario: &Scenario) -> WorldSettings {
    let mut settings = WorldSettings::shipped(scenario.starts, scenario.seed);
    let size = |stage: &mut StageSettings, scenario: &StageScenario| {
        stage.maximum_concurrency = scenario.maximum_concurrency;
        stage.worker.in_flight = scenario.in_flight as usize;
        stage.latency = Latency { mean: scenario.latency_mean, sigma: scenario.latency_sigma };
    };
    for (name, stage) in &scenario.stages {
        size(&mut settings.stages[name], stage);
    }
    settings.window = scenario.window;
    if scenario.capacity.is_some() {
        // As template.yaml has it.
        settings.count_budget.at_once = Some(COUNTED_AT_ONCE);
    }
    // The template's default: what it tells of each mail is paid for.
    settings.mail_provider = SimulatedMailProvider::Forgetful;
    settings.recipients = RECIPIENTS;
    settings.thorough = false;
    settings
}

/// Puts everyone on the roster, each with a slot in the scenario's spread.
pub(crate) fn enroll(scenario: &Scenario, world: &World) {
    let random = Randomness::of_seed(scenario.seed).stream("roster");
    let anyone = anyone();
    for number in 0..scenario.customers {
        world.enroll_at_once(&person(number, &anyone, scenario.spread, &random));
    }
}

fn person(number: u32, anyone: &Customer, spread: Spread, random: &Stream) -> Customer {
    let id = CustomerId::parse(&format!("c{number}")).expect("letters and digits");
    let signed_up_at = sign_up(spread, random);
    let address = EmailAddress::parse(&format!("{id}@example.com")).expect("an address");
    let slot = Slot::of_sign_up(&id, signed_up_at, &Zone::UTC);
    Customer { id, contact: Contact::Email(address), slot, signed_up_at, ..anyone.clone() }
}

/// What all have in common.
fn anyone() -> Customer {
    let (id, signed_up_at) = (CustomerId::parse("c").expect("a letter"), Timestamp::UNIX_EPOCH);
    Customer {
        name: PersonName::parse("Ada").expect("a name"),
        contact: Contact::Unusable,
        product: Product::Loan,
        balance: Money { minor: 123_456, currency: Currency::parse("EUR").expect("a currency") },
        locale: Locale::parse("en-IE").expect("a locale"),
        slot: Slot::of_sign_up(&id, signed_up_at, &Zone::UTC),
        zone: Zone::UTC,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
        id,
    }
}

/// A moment of 2024.
fn sign_up(spread: Spread, random: &Stream) -> Timestamp {
    let day = random.below(366);
    let second = match spread {
        Spread::BySignup => 6.0 * 3600.0 + f64::midpoint(random.unit(), random.unit()) * 18.0 * 3600.0,
        Spread::Evening => (18.0 + random.unit() * 4.0) * 3600.0,
    };
    let start = Timestamp::UNIX_EPOCH + Duration::from_secs(1_704_067_200 + day * 86_400);
    start + Duration::from_secs_f64(second)
}

struct Month<'a> {
    scenario: &'a Scenario,
    world: &'a Arc<World>,
    samples: Vec<Sample>,
    before: Before,
    redriven: u64,
}

/// Counters at the sample before.
#[derive(Default)]
struct Before {
    arrived: u64,
    scored: u64,
    mailed: u64,
    score: LaneUse,
    email: LaneUse,
}

impl Month<'_> {
    fn live(&mut self, on_progress: &mut dyn FnMut(report::Progress)) {
        let length = Duration::from_hours(24) * self.scenario.days;
        let mut turns = self.turns();
        let mut at = Duration::ZERO;
        while at < length {
            at = (at + PERIOD).min(length);
            while let Some(turn) = turns.first_entry().filter(|turn| *turn.key() <= at) {
                let (moment, changes) = turn.remove_entry();
                self.world.run_until(self.scenario.starts + moment);
                for change in changes {
                    self.apply(change, moment);
                }
            }
            self.world.run_until(self.scenario.starts + at);
            if at.as_secs().is_multiple_of(ROUND.as_secs()) && !self.is_out_of_order(at) {
                self.redriven +=
                    self.world.settings.deployed().iter().map(|stage| self.world.redrive(stage) as u64).sum::<u64>();
            }
            self.sample();
            on_progress(report::Progress { simulated: at, mailed: self.world.mailer.mails() });
        }
    }

    /// What changes when. Changes of the same moment are made in the order that they are listed.
    fn turns(&self) -> BTreeMap<Duration, Vec<Change>> {
        let mut turns: BTreeMap<Duration, Vec<Change>> = BTreeMap::new();
        for (name, stage) in &self.scenario.stages {
            for outage in &stage.outages {
                turns.entry(outage.from).or_default().push(Change::Outage);
                turns.entry(outage.to()).or_default().push(Change::Outage);
            }
            for pause in &stage.pauses {
                turns.entry(pause.from).or_default().push(Change::Flow(name, false));
                turns.entry(pause.to()).or_default().push(Change::Flow(name, true));
            }
        }
        turns
    }

    fn apply(&self, change: Change, now: Duration) {
        match change {
            Change::Flow(stage, flowing) => self.world.set_flowing(stage, flowing),
            Change::Outage => {
                let down = |stage: &StageScenario| is_within(&stage.outages, now).then_some(Down::Refusing);
                let mut conditions = Faults::default();
                for (name, stage) in &self.scenario.stages {
                    conditions.providers[name].down = down(stage);
                }
                self.world.faults.set(conditions);
            }
        }
    }

    fn is_out_of_order(&self, now: Duration) -> bool {
        self.scenario.stages.values().any(|stage| is_within(&stage.outages, now))
    }

    fn sample(&mut self) {
        let world = self.world;
        let (scoring, mailing) = (&world.stacks[StageName::Score], &world.stacks[StageName::Email]);
        let now = Before {
            arrived: world.scheduler.counts().invocations,
            scored: mailing.queue.calls().sends,
            mailed: world.mailer.mails(),
            score: world.scorer.lanes(),
            email: world.mailer.lanes(),
        };
        let at = world.time.now();
        let oldest = |stack: &StageStack| stack.queue.oldest_visible(at).unwrap_or_default();
        let busy = |now: LaneUse, before: LaneUse| (now.busy_seconds - before.busy_seconds) / PERIOD.as_secs_f64();
        self.samples.push(Sample {
            at,
            arrived: now.arrived - self.before.arrived,
            scored: now.scored - self.before.scored,
            mailed: now.mailed - self.before.mailed,
            score_waiting: scoring.queue.depth().visible as u64,
            email_waiting: mailing.queue.depth().visible as u64,
            score_oldest: oldest(scoring),
            email_oldest: oldest(mailing),
            score_lanes: busy(now.score, self.before.score),
            email_lanes: busy(now.email, self.before.email),
        });
        self.before = now;
    }
}

#[derive(Clone, Copy)]
enum Change {
    /// A provider goes out of order, or comes back.
    Outage,
    /// A stage is paused or resumed.
    Flow(StageName, bool),
}

fn is_within(windows: &[Window], now: Duration) -> bool {
    windows.iter().any(|window| (window.from..window.to()).contains(&now))
}

/// Mails take a while: what came up in the last hour isn't late yet.
const TIME_TO_MAIL: Duration = Duration::from_hours(1);

pub(crate) fn proof(scenario: &Scenario, world: &World) -> Proof {
    let due_by = world.time.now() - TIME_TO_MAIL;
    let [score, email] = scenario.of_entries();
    let mut proof = Proof {
        customers: u64::from(scenario.customers),
        accepted: world.mailer.mails(),
        dead_letters: world.stacks.values().map(|stack| stack.dlq.depth().visible as u64).sum(),
        score_peak: (world.scorer.lanes().peak, score.lanes()),
        email_peak: (world.mailer.lanes().peak, email.lanes()),
        ..Proof::default()
    };
    let mut open_entries = 0;
    let mut look = |entry: &Entry| {
        let (id, progress) = (entry.id(), entry.progress());
        let mails = world.mailer.mails_of(id);
        proof.twice += u64::from(mails > 1);
        proof.at_odds += u64::from(matches!(progress, Progress::Done { .. }) != (mails > 0));
        match progress {
            Progress::Done { .. } => proof.sent += 1,
            Progress::Skipped { .. } | Progress::Cancelled { .. } => proof.skipped += 1,
            Progress::Failed { .. } | Progress::Abandoned { .. } => proof.failed += 1,
            Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => proof.unknown += 1,
            Progress::Waiting | Progress::Claimed { .. } => {
                let is_due = entry.scheduled_at() < due_by;
                open_entries += 1;
                proof.open += u64::from(is_due);
                proof.due += u64::from(is_due);
                return;
            }
        }
        proof.due += 1;
    };
    world.ledger.for_each_entry(&mut look);
    // Nobody has two entries open at once, so it is enough to count them.
    proof.without_one_open = proof.customers.abs_diff(open_entries);
    proof
}

/// What the month took: enrolling is paid for once, and not every month.
fn api_use(scenario: &Scenario, world: &World, ledger: LedgerUse) -> ApiUse {
    let mut calls = vec![
        ("DynamoDB", "GetItem", ledger.gets),
        ("DynamoDB", "PutItem", ledger.puts),
        ("DynamoDB", "TransactWriteItems", ledger.transactions),
        ("DynamoDB", "Query", ledger.queries),
    ];
    let minutes = u64::from(scenario.days) * 24 * 60;
    let deployed = world.settings.deployed();
    let stages = deployed.iter().map(|stage| &world.stacks[stage]);
    let queues = stages.flat_map(|stack| [&stack.queue, &stack.dlq]).chain([&world.schedule_dlq]);
    let intake = world.intake.queues();
    let queues: Vec<_> = queues.chain(intake.iter().flat_map(|stack| [&stack.queue, &stack.dlq])).collect();
    let sum = |of: fn(crate::queue::QueueCalls) -> u64| queues.iter().map(|queue| of(queue.calls())).sum::<u64>();
    let polls = world.stacks.values().map(|stack| stack.mapping.used().empty_receives).sum();
    // Without the API that mapping is off, as the template has it. That it hears the month's few clicks here costs nothing else.
    let mappings = world.intake_function.mappings.iter().take(if scenario.api { 2 } else { 1 });
    let polls_of_intake = mappings.map(|mapping| mapping.used().empty_receives).sum();
    let [told, clicks] = intake.map(|stack| stack.queue.calls().sends);
    calls.extend([
        ("SQS", "SendMessage", sum(|calls| calls.sends)),
        ("SQS", "ReceiveMessage", sum(|calls| calls.receives)),
        ("SQS", "ReceiveMessage, long polls of idle queues", polls),
        ("SQS", "ReceiveMessage, long polls of the intake's queue", polls_of_intake),
        ("SQS", "DeleteMessageBatch", sum(|calls| calls.deletes)),
        ("SQS", "ChangeMessageVisibilityBatch", sum(|calls| calls.changes)),
        (
            "SQS",
            "GetQueueAttributes, by the tick",
            deployed.iter().count() as u64 * minutes + DlqName::of(deployed).count() as u64 * minutes / LETTERS_EVERY,
        ),
        // All queues, those of the stages once more with their functions, and for how long these keep messages.
        (
            "SQS",
            "GetQueueAttributes, by the tick's snapshots",
            (queues.len() + 2 * deployed.iter().count()) as u64 * minutes / SNAPSHOT_EVERY.unsigned_abs(),
        ),
    ]);
    let stages = deployed.iter().map(|name| (name.as_str(), &world.stacks[name].function, STAGE_MEMORY_GB));
    let functions = stages.chain([
        ("tick", &world.tick_function, TICK_MEMORY_GB),
        ("feedback", &world.intake_function.function, FEEDBACK_MEMORY_GB),
    ]);
    let (mut gb_seconds, mut invocations) = (0.0, 0);
    for (name, function, memory_gb) in functions {
        let used = function.used();
        calls.push(("Lambda", name, used.invocations));
        invocations += used.invocations;
        gb_seconds += used.billed.as_secs_f64() * memory_gb;
    }
    calls.push(("Scheduler", "invocations", world.scheduler.counts().invocations));
    calls.push(("SNS", "Publish", told));
    if scenario.api {
        calls.push(("API Gateway", "POST /u/{token}", clicks));
    }
    ApiUse {
        calls,
        write_units: ledger.writes,
        read_units: ledger.half_reads as f64 / 2.0,
        capacity: world.ledger.provisioned(world.time.now()).map(|(units, _)| (units, minutes / 60)),
        table_gb: f64::from(scenario.customers) * BYTES_PER_CUSTOMER / 1e9,
        gb_seconds,
        log_gb: invocations as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
    }
}
