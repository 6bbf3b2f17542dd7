//! What campaigns take, and what they take from the months beside them.
//!
//! `cargo run --release -p pulse-sim --example campaigns items|beside|cost`

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    campaign::{Campaign, Priority},
    customer::{Consent, Contact, Customer, CustomerId, Zone},
    entry::{Plan, Progress, StageName},
    run::RunId,
    slot::Slot,
};
use pulse_sim::{
    ledger::LedgerUse,
    seeds::person,
    world::{Faults, Latency, Production, ProviderFaults, SimulatedCampaign, World, WorldSettings},
};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Entries of the campaign whose items take a minute each, and of the one that is priced.
const ITEMS: u32 = 10_000;

/// Calls to the provider at once for those items: one in each invocation, so that no lane waits for the end of a batch, and what a
/// dead worker had is free again after minutes.
const LANES: (u32, usize) = (134, 1);

/// Customers who are due each day beside campaigns, and how many campaigns of so many customers there are.
const DUE_A_DAY: u32 = 20_000;
const DAYS: u32 = 4;
const CAMPAIGNS: usize = 20;
const OF_EACH: usize = 2_000;

fn starts() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().expect("a moment")
}

fn settings() -> WorldSettings {
    WorldSettings { thorough: false, audits: false, fair_queues: true, ..WorldSettings::shipped(starts(), 1) }
}

/// Customers who can all be mailed, and of whom as many are due on each of these days.
fn enroll(world: &World, customers: u32, days: u32) -> Vec<CustomerId> {
    let shapes = (0..).map(|number| person(1, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    let mut ids = Vec::new();
    for (number, shape) in (0..customers).zip(shapes) {
        let (day, second) = (number % days, u64::from(number) * 7_919 % 86_400);
        let first: Timestamp = "2024-01-01T00:00:00Z".parse().expect("a moment");
        let signed_up_at = first + day * DAY + Duration::from_secs(second);
        let slot = Slot::of_sign_up(&shape.id, signed_up_at, &Zone::UTC);
        ids.push(shape.id.clone());
        world.enroll_at_once(&Customer { consent: Consent::default(), signed_up_at, slot, zone: Zone::UTC, ..shape });
    }
    ids
}

fn campaign(name: &str, customers: Vec<CustomerId>) -> SimulatedCampaign {
    SimulatedCampaign {
        run: RunId::parse(name).expect("a name"),
        plan: Plan::of(&[StageName::Email]).expect("a plan"),
        audience: Ok(customers.into_iter().map(Into::into).collect()),
        other_starts: Vec::new(),
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
    }
}

fn start(world: &Arc<World>, campaign: SimulatedCampaign) {
    let starting = Arc::clone(world);
    let _ = world.time.spawn(async move {
        starting.start_campaign(&campaign).await;
    });
}

fn took(campaign: &Campaign) -> Option<Duration> {
    let (_, at) = campaign.finished.as_ref()?;
    Duration::try_from(at.duration_since(campaign.requested.at)).ok()
}

/// Ten thousand calls of a minute each, of which one in a hundred is refused, while one invocation in a hundred dies.
fn items(output: &mut impl io::Write) -> io::Result<()> {
    let mut settings = settings();
    let email = &mut settings.stages[StageName::Email];
    (email.maximum_concurrency, email.worker.in_flight) = LANES;
    email.worker.call_timeout = 3 * MINUTE;
    email.latency = Latency { mean: MINUTE, sigma: 0.2 };
    (email.batch_size, email.function_timeout) = (1, Duration::from_mins(4));
    let world = World::new(settings, Arc::new(Production));
    // Nobody is due in this month's first days.
    let ids = enroll(&world, ITEMS, 25);
    let mut faults = Faults { death: 0.000_2, ..Faults::default() };
    faults.providers[StageName::Email] = ProviderFaults { fail: 0.01, ..ProviderFaults::default() };
    world.faults.set(faults);
    start(&world, SimulatedCampaign { deadline: Some(90 * MINUTE), ..campaign("items", ids) });
    world.run_until(starts() + 3.hours());
    for campaign in world.campaigns() {
        let (took, peak) = (took(&campaign), world.mailer.lanes().peak);
        writeln!(
            output,
            "{ITEMS} items of a minute on {} lanes: through after {took:?}, {peak} calls at once at most",
            LANES.0 as usize * LANES.1
        )?;
        let mut closed = Vec::new();
        world.ledger.for_each_entry(|entry| {
            if let Progress::Done { at, .. } | Progress::Failed { at, .. } = entry.progress()
                && entry.id().run == campaign.run
            {
                closed.push(Duration::try_from(at.duration_since(campaign.requested.at)).unwrap_or_default());
            }
        });
        closed.sort();
        let at = |permille: usize| closed.get(closed.len() * permille / 1000).copied().unwrap_or_default();
        writeln!(output, "99 % were closed after {:.0?}, 99.9 % after {:.0?}", at(990), at(999))?;
        if let Some((report, _)) = campaign.finished {
            writeln!(output, "{:?}; abandoned, or failed: {:?}", report.counts, report.causes)?;
        }
    }
    writeln!(output, "{} promises broken", world.checker.violations().len())?;
    world.time.end();
    Ok(())
}

/// How late months' mails were that were due while campaigns ran, and until when these did.
fn lateness(campaigns: usize, fair_queues: bool) -> (Vec<Duration>, Option<Timestamp>, usize) {
    let world = World::new(WorldSettings { fair_queues, ..settings() }, Arc::new(Production));
    let ids = enroll(&world, DUE_A_DAY * DAYS, DAYS);
    let from = starts() + DAY + Duration::from_hours(9);
    world.run_until(from);
    for number in 0..campaigns {
        let some = ids.iter().skip(number * OF_EACH).take(OF_EACH).cloned().collect();
        start(&world, campaign(&format!("campaign-{number}"), some));
    }
    let until = from + 3.hours();
    world.run_until(until + 3.hours());
    let mut late = Vec::new();
    world.ledger.for_each_entry(|entry| {
        let is_within = (from..until).contains(&entry.scheduled_at());
        if let Progress::Done { at, .. } = entry.progress()
            && is_within
            && !entry.id().run.is_campaign()
        {
            late.push(Duration::try_from(at.duration_since(entry.scheduled_at())).unwrap_or_default());
        }
    });
    late.sort();
    let ended = world.campaigns().iter().filter_map(|campaign| campaign.finished.as_ref().map(|(_, at)| *at)).max();
    let broken = world.checker.violations().len();
    world.time.end();
    (late, ended, broken)
}

/// Twenty campaigns at once beside a month of 20,000 a day, with queues that are fair among groups and with such that aren't.
fn beside(output: &mut impl io::Write) -> io::Result<()> {
    let (alone, _, _) = lateness(0, true);
    let at = |late: &[Duration], percent: usize| late.get(late.len() * percent / 100).copied().unwrap_or_default();
    for fair in [true, false] {
        let (beside, ended, broken) = lateness(CAMPAIGNS, fair);
        for percent in [50, 95, 99] {
            let (alone, beside) = (at(&alone, percent), at(&beside, percent));
            let ratio = beside.as_secs_f64() / alone.as_secs_f64();
            writeln!(
                output,
                "{percent}th percentile of lateness: {alone:.1?} alone, {beside:.1?} beside {CAMPAIGNS} campaigns of {OF_EACH}: {ratio:.3}"
            )?;
        }
        writeln!(
            output,
            "fair queues: {fair}; {} and {} mails of the month; campaigns over at {ended:?}; {broken} promises broken",
            alone.len(),
            beside.len()
        )?;
    }
    Ok(())
}

fn used(ids: Option<u32>) -> (LedgerUse, [u64; 3], f64) {
    let world = World::new(settings(), Arc::new(Production));
    let all = enroll(&world, ITEMS, 25);
    if let Some(count) = ids {
        start(&world, campaign("priced", all.into_iter().take(count as usize).collect()));
    }
    world.run_until(starts() + 6.hours());
    let queue = world.stacks[StageName::Email].queue.calls();
    let function = world.stacks[StageName::Email].function.used();
    let done = (
        world.ledger.used(),
        [queue.sends, queue.receives, queue.deletes + queue.changes],
        function.billed.as_secs_f64(),
    );
    world.time.end();
    done
}

/// What ten thousand mails of a campaign take of AWS, by the same hours without.
fn cost(output: &mut impl io::Write) -> io::Result<()> {
    let (without, idle, slept) = used(None);
    let (with, busy, billed) = used(Some(ITEMS));
    let ledger = with.since(without);
    let [sends, receives, rest] = [0, 1, 2].map(|kind| busy[kind] - idle[kind]);
    writeln!(
        output,
        "{ITEMS} mails: {} write units, {:.0} read units, {} SQS requests ({sends} sends, {receives} receives, {rest} others), {:.0} s of the email function",
        ledger.writes,
        ledger.half_reads as f64 / 2.0,
        sends + receives + rest,
        billed - slept
    )
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    match std::env::args().nth(1).as_deref() {
        Some("items") => items(&mut output),
        Some("beside") => beside(&mut output),
        Some("cost") => cost(&mut output),
        _ => writeln!(output, "items, beside or cost?"),
    }
}
