//! What the emulator can't show of the walks in infra/runbook.md: outages of hours, pauses of days, pollers that go on
//! polling for a function that may not run, and three days in which nothing ran.

use std::{ops::Range, sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, Contact, Customer, Zone},
    entry::{Progress, StageName},
    message::WorkMessage,
    ports::StageQueue as _,
    slot::Slot,
};
use pulse_sim::{
    seeds::person,
    world::{Down, Faults, Production, SystemUnderTest, World, WorldSettings},
};

use crate::mutants::ReconcilesNothing;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn starts() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().expect("a moment")
}

fn world(product: impl SystemUnderTest + 'static) -> Arc<World> {
    // What snapshots tell, and what is told of each mail, is looked after elsewhere: here it would take a third of the time.
    let settings = WorldSettings { thorough: false, ..WorldSettings::shipped(starts(), 1) };
    World::new(settings, Arc::new(product))
}

/// Puts customers on the roster who all get mail, and are due on these days of the month, from six in the morning to
/// midnight.
fn enroll(world: &World, customers: u32, days: Range<u32>) {
    let shapes = (0..).map(|number| person(1, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    for (number, shape) in (0..customers).zip(shapes) {
        let day = days.start + number % (days.end - days.start);
        let since_six = Duration::from_secs(u64::from(number) * 7_919 % (18 * 3_600));
        let signed_up_at = "2024-01-01T06:00:00Z".parse::<Timestamp>().expect("a moment") + (day - 1) * DAY + since_six;
        let slot = Slot::of_sign_up(&shape.id, signed_up_at, &Zone::UTC);
        let customer = Customer { consent: Consent::default(), signed_up_at, slot, zone: Zone::UTC, ..shape };
        world.enroll_at_once(&customer);
    }
}

/// A world in which so many messages wait to be scored, of customers whose schedules don't fire meanwhile.
fn backlog(product: impl SystemUnderTest + 'static, customers: u32) -> Arc<World> {
    let world = world(product);
    enroll(&world, customers, 20..28);
    let mut open = Vec::new();
    world.ledger.for_each_entry(|entry| open.push(entry.id().clone()));
    open.sort();
    for id in open {
        world.stacks[StageName::Score]
            .queue
            .send(&WorkMessage::for_entry(&id))
            .now_or_never()
            .expect("at once")
            .expect("queued");
    }
    world
}

fn run_for(world: &World, length: Duration) {
    world.run_until(world.time.now() + length);
}

fn dead(world: &World) -> usize {
    world.stacks[StageName::Score].dlq.depth().visible + world.stacks[StageName::Email].dlq.depth().visible
}

fn sent(world: &World) -> u32 {
    let mut sent = 0;
    world.ledger.for_each_entry(|entry| sent += u32::from(matches!(entry.progress(), Progress::Done { .. })));
    sent
}

/// Everyone has one mail, nothing is dead, no provider saw more calls than lanes, and no other promise was broken.
#[track_caller]
fn assert_all_mailed_once(world: &World, customers: u32) {
    assert_eq!((sent(world), world.mailer.mails(), dead(world)), (customers, u64::from(customers), 0));
    world.mailer.for_each_accepted(|id, mails| assert_eq!(mails, 1, "{id}"));
    assert!(world.scorer.lanes().peak <= 20 && world.mailer.lanes().peak <= 20);
    assert_eq!(world.checker.violations(), []);
}

fn calls(world: &World, stage: StageName) -> u64 {
    world.lanes(stage).calls
}

fn set_down(world: &World, stage: StageName, down: Option<Down>) {
    let mut conditions = Faults::default();
    conditions.providers[stage].down = down;
    world.faults.set(conditions);
}

/// Six hours without a provider in the midst of 4,000 customers, and how many calls a minute it got after a quarter of
/// an hour. If `resumed`, someone doesn't want to wait for the next try.
fn an_outage(stage: StageName, down: Down, resumed: bool) -> f64 {
    const CUSTOMERS: u32 = 4_000;
    let world = backlog(Production, CUSTOMERS);
    run_for(&world, 4 * MINUTE);
    set_down(&world, stage, Some(down));
    run_for(&world, 15 * MINUTE);
    let before = calls(&world, stage);
    run_for(&world, 3 * HOUR);
    if resumed {
        world.set_flowing(stage, true);
    }
    run_for(&world, 165 * MINUTE);
    let probes = calls(&world, stage) - before;
    assert_eq!(dead(&world), 0, "{stage}: {down:?}");
    set_down(&world, stage, None);
    run_for(&world, 2 * DAY);
    assert_all_mailed_once(&world, CUSTOMERS);
    world.time.end();
    probes as f64 / (6.0 * 60.0 - 15.0)
}

#[test]
fn provider_down_for_six_hours() {
    for stage in [StageName::Score, StageName::Email] {
        for down in [Down::Refusing, Down::Hanging, Down::Failing, Down::Limiting(2 * HOUR)] {
            let a_minute = an_outage(stage, down, false);
            println!("{stage} {down:?}: {a_minute:.2} calls a minute");
            assert!(a_minute <= 1.0, "{stage}, {down:?}: {a_minute:.2} calls a minute");
        }
        let a_minute = an_outage(stage, Down::Refusing, true);
        println!("{stage}, resumed meanwhile: {a_minute:.2} calls a minute");
        assert!(a_minute <= 3.0, "{stage}: {a_minute:.2} calls a minute");
    }
}

#[derive(Debug, Clone, Copy)]
enum Pause {
    ByCommand,
    ReservedZero,
}

/// Three days of pause with so many messages waiting, and how many of them were dead at their end.
fn a_weekend(product: impl SystemUnderTest + 'static, pause: Pause, waiting: u32) -> (Arc<World>, usize) {
    let world = backlog(product, waiting);
    match pause {
        Pause::ByCommand => world.set_flowing(StageName::Score, false),
        Pause::ReservedZero => world.stacks[StageName::Score].function.set_reserved_concurrency(Some(0)),
    }
    run_for(&world, 3 * DAY);
    let dead = dead(&world);
    match pause {
        Pause::ByCommand => world.set_flowing(StageName::Score, true),
        Pause::ReservedZero => world.stacks[StageName::Score].function.set_reserved_concurrency(Some(5)),
    }
    run_for(&world, DAY);
    (world, dead)
}

#[test]
fn pause_over_a_weekend() {
    for waiting in [50, 2_000, 20_000] {
        for pause in [Pause::ByCommand, Pause::ReservedZero] {
            let (world, dead) = a_weekend(Production, pause, waiting);
            assert_eq!(dead, 0, "{pause:?}, {waiting} messages");
            assert_all_mailed_once(&world, waiting);
            world.time.end();
        }
        // Without a tick that turns it into a disabled mapping.
        let (world, dead) = a_weekend(ReconcilesNothing, Pause::ReservedZero, waiting);
        println!("{waiting} messages, reserved concurrency 0 for three days: {dead} dead without the tick, 0 with it");
        assert!(dead > 0, "{waiting} messages");
        world.time.end();
    }
}

/// Nothing that a queue can hold survives twelve days: the ledger does.
#[test]
fn a_pause_that_outlasts_the_queues_retention() {
    const CUSTOMERS: u32 = 2_000;
    let world = world(Production);
    world.set_flowing(StageName::Score, false);
    enroll(&world, CUSTOMERS, 2..4);
    run_for(&world, 14 * DAY);
    assert_eq!((world.stacks[StageName::Score].queue.expired(), world.scorer.lanes().calls), (u64::from(CUSTOMERS), 0));
    world.set_flowing(StageName::Score, true);
    run_for(&world, 2 * HOUR);
    assert_all_mailed_once(&world, CUSTOMERS);
    assert_eq!(world.watch.repeated(), u64::from(CUSTOMERS));
    world.time.end();
}

/// The second, third and fourth of the month without a scheduler that reaches its queue, and, if it is dark, without
/// tick and audit.
fn three_lost_days(customers: u32, dark: bool) -> Arc<World> {
    let world = world(Production);
    enroll(&world, customers, 2..5);
    let (from, to) = (starts() + DAY, starts() + 4 * DAY);
    world.run_until(from);
    world.scheduler.set_target_down(to);
    world.faults.set(Faults { nothing_scheduled: dark, ..Faults::default() });
    world.run_until(to);
    world.faults.set(Faults::default());
    world
}

#[test]
fn catch_up_after_three_lost_days() {
    // Three days of the seeds' roster, on the lanes that the template has.
    const CUSTOMERS: u32 = 60_000;
    let world = three_lost_days(CUSTOMERS, true);
    let letters = world.schedule_dlq.depth().visible;
    println!("{letters} letters, {} sent", sent(&world));
    // The scheduler tries for a day, so the last day's come by themselves.
    assert!(sent(&world) == 0 && letters.abs_diff(40_000) < 500, "{letters} letters");
    assert_eq!(world.replay_schedules(), letters);
    run_for(&world, 4 * HOUR);
    assert_all_mailed_once(&world, CUSTOMERS);
    assert_eq!(world.watch.repeated(), 0);
    world.time.end();
}

#[test]
fn three_lost_days_of_which_no_letter_is_left() {
    const CUSTOMERS: u32 = 12_000;
    let world = three_lost_days(CUSTOMERS, true);
    let letters = world.schedule_dlq.purge() as u64;
    run_for(&world, 4 * HOUR);
    assert_all_mailed_once(&world, CUSTOMERS);
    // The tick queues each of them, once.
    assert_eq!(world.watch.repeated(), letters);
    world.time.end();
}

#[test]
fn three_days_without_the_scheduler_alone() {
    const CUSTOMERS: u32 = 6_000;
    let world = three_lost_days(CUSTOMERS, false);
    // The tick misses a customer's message after an hour.
    let late = CUSTOMERS - sent(&world);
    println!("{late} of {CUSTOMERS} late at the end");
    assert!(late < 400, "{late} customers are late");
    let letters = world.replay_schedules();
    run_for(&world, 4 * HOUR);
    println!("{letters} letters too many");
    assert_all_mailed_once(&world, CUSTOMERS);
    world.time.end();
}
