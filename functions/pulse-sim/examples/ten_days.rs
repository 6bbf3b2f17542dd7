//! An endpoint that is down for ten days while 600,000 facts come up for it, and another beside it: what becomes of both.
//!
//! `cargo run --release -p pulse-sim --example ten_days [CUSTOMERS]`

use std::{
    io::{self, Write as _},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, Contact, Customer, Zone},
    delivery::{DeliveryProgress, Endpoint, EndpointName, FactKind, Target},
    entry::StageName,
    slot::Slot,
};
use pulse_sim::{
    seeds::person,
    world::{Down, EndpointFaults, Latency, Production, SimulatedEndpoint, World, WorldSettings},
};

const DAY: Duration = Duration::from_hours(24);

/// Two facts of each come up within ten days: that their mail was sent, and that it was delivered.
const CUSTOMERS: u32 = 300_000;

struct Outcome {
    /// Facts that the endpoint has that was down.
    has: usize,
    /// Deliveries to it that are still open, and those that were given up.
    open: usize,
    given_up: usize,
    /// When it had the last of those that had come up meanwhile, after it was well again.
    caught_up_after: Duration,
    /// How slow the slowest hundredth was for the one beside it.
    beside: Duration,
    peak: u32,
    dead_letters: usize,
    violations: usize,
    write_units: u64,
    read_units: f64,
    messages: u64,
}

fn name(text: &str) -> EndpointName {
    EndpointName::parse(text).expect("a name")
}

fn endpoint(text: &str, now: Timestamp) -> SimulatedEndpoint {
    let target = Target::EventBridge { bus: text.to_owned() };
    let kinds = [FactKind::Sent, FactKind::Delivered];
    let endpoint = Endpoint::new(name(text), target, kinds, "operator".into(), now);
    let lanes = NonZeroU32::MIN.saturating_add(9);
    let latency = Latency { mean: Duration::from_millis(200), sigma: 0.5 };
    SimulatedEndpoint { endpoint: Endpoint { lanes, ..endpoint }, latency }
}

fn live_through(customers: u32, is_told: bool, down: bool) -> Outcome {
    let starts: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a moment");
    let mut settings = WorldSettings { thorough: false, audits: false, ..WorldSettings::shipped(starts, 1) };
    if is_told {
        settings.endpoints = vec![endpoint("crm", starts), endpoint("warehouse", starts)];
    }
    // Lanes for 30,000 customers a day: two thirds of what these carry.
    for stage in [StageName::Score, StageName::Email] {
        settings.stages[stage].maximum_concurrency = 8;
    }
    let world = World::new(settings, Arc::new(Production));
    let shapes = (0..).map(|number| person(1, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    for (number, shape) in (0..customers).zip(shapes) {
        let (day, second) = (number % 10, u64::from(number) * 7_919 % 86_400);
        let first: Timestamp = "2024-01-01T00:00:00Z".parse().expect("a moment");
        let signed_up_at = first + day * DAY + Duration::from_secs(second);
        let slot = Slot::of_sign_up(&shape.id, signed_up_at, &Zone::UTC);
        world.enroll_at_once(&Customer { consent: Consent::default(), signed_up_at, slot, zone: Zone::UTC, ..shape });
    }
    if down {
        world.endpoints.set(&name("crm"), EndpointFaults { down: Some(Down::Hanging), ..EndpointFaults::default() });
    }
    let well_again = starts + 10 * DAY;
    world.run_until(well_again);
    world.endpoints.set(&name("crm"), EndpointFaults::default());
    world.run_until(starts + 14 * DAY);
    let received = world.endpoints.received(&name("crm"));
    let last = received.values().max().copied().unwrap_or(starts);
    let (mut open, mut given_up) = (0, 0);
    world.ledger.for_each_delivery(|delivery| {
        open += usize::from(delivery.is_open());
        given_up += usize::from(matches!(delivery.progress(), DeliveryProgress::GivenUp { .. }));
    });
    let used = world.ledger.used();
    let mut beside = world.endpoints.latencies(&name("warehouse"));
    beside.sort();
    let outcome = Outcome {
        has: received.len(),
        open,
        given_up,
        caught_up_after: Duration::try_from(last.duration_since(well_again)).unwrap_or_default(),
        beside: beside.get(beside.len() * 99 / 100).copied().unwrap_or_default(),
        peak: world.endpoints.lanes_to(&name("crm")).peak,
        dead_letters: world.stacks[StageName::Deliver].dlq.depth().visible,
        violations: world.checker.violations().len(),
        write_units: used.writes,
        read_units: used.half_reads as f64 / 2.0,
        messages: world.stacks[StageName::Deliver].queue.calls().sends,
    };
    world.time.end();
    outcome
}

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    let customers = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(CUSTOMERS);
    let untold = live_through(customers, false, false);
    let calm = live_through(customers, true, false);
    let beside = live_through(customers, true, true);
    // Both endpoints have as many.
    let facts = 2.0 * calm.has as f64;
    let each = |more: f64, less: f64| (more - less) / facts;
    for (what, run) in [("calm", &calm), ("with the outage", &beside)] {
        let writes = each(run.write_units as f64, untold.write_units as f64);
        let reads = each(run.read_units, untold.read_units);
        let messages = run.messages as f64 / facts;
        writeln!(
            output,
            "{what}, a fact takes {writes:.2} write units, {reads:.2} read units, {messages:.2} messages"
        )?;
    }
    let ratio = beside.beside.as_secs_f64() / calm.beside.as_secs_f64();
    writeln!(
        output,
        "{customers} customers within ten days; facts that crm has: {} calm, {} after the outage",
        calm.has, beside.has
    )?;
    writeln!(
        output,
        "after it: {} open, {} given up, {} dead letters, {} promises broken; {} calls to it at once at most, of 10 lanes",
        beside.open, beside.given_up, beside.dead_letters, beside.violations, beside.peak
    )?;
    writeln!(output, "caught up {:.1} h after it was well again", beside.caught_up_after.as_secs_f64() / 3600.0)?;
    writeln!(
        output,
        "99th percentile of the other endpoint: {:.2?} calm, {:.2?} beside it: {ratio:.3}",
        calm.beside, beside.beside
    )
}
