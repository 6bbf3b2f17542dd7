//! The simulator against arithmetic: what a lane carries in a day.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{entry::StageName, ports::StageQueue as _};
use pulse_sim::{
    clock::VirtualClock,
    mailer::MemoryMailer,
    provider::SimulatedLatency,
    scorer::MemoryScorer,
    seeds::person,
    time::VirtualTime,
    world::{Latency, Production, StageSettings, World, WorldSettings},
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, start};

const DAY: Duration = Duration::from_hours(24);

/// Scoring takes 2.4 s, email 3.3 s.
const SCORING: Duration = Duration::from_millis(2_400);
const MAILING: Duration = Duration::from_millis(3_300);

#[track_caller]
fn assert_within_two_percent(counted: f64, expected: f64) {
    let off = counted / expected - 1.0;
    assert!(off.abs() <= 0.02, "{counted} is {:.1} % off {expected}", off * 100.0);
}

/// A stage of one lane whose provider always takes so long.
fn one_lane(stage: &mut StageSettings, takes: Duration) {
    stage.maximum_concurrency = 1;
    stage.worker.in_flight = 1;
    stage.latency = Latency { mean: takes, sigma: 0.0 };
}

/// A world in which so many customers wait to be scored, and never stop waiting.
fn backlog(customers: u32, adjust: impl FnOnce(&mut WorldSettings)) -> Arc<World> {
    let starts: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a moment");
    let mut settings = WorldSettings::shipped(starts, 1);
    // With one call in flight, a batch as the template has it would outlast the function.
    for stage in [StageName::Score, StageName::Email] {
        settings.stages[stage].batch_size = 30;
    }
    adjust(&mut settings);
    let world = World::new(settings, Arc::new(Production));
    for number in 0..customers {
        let person =
            pulse_core::customer::Customer { consent: pulse_core::customer::Consent::default(), ..person(1, number) };
        world.enroll_at_once(&person);
    }
    let mut open = Vec::new();
    world.ledger.for_each_entry(|entry| open.push(entry.id().clone()));
    for id in open {
        let message = pulse_core::message::WorkMessage::for_entry(&id);
        world.stacks[StageName::Score].queue.send(&message).now_or_never().expect("at once").expect("queued");
    }
    world
}

#[test]
fn one_scoring_lane_carries_36_000_a_day() {
    let world = backlog(38_000, |settings| one_lane(&mut settings.stages[StageName::Score], SCORING));
    world.run_until(world.time.now() + DAY);
    assert_eq!(world.scorer.lanes().peak, 1);
    assert_within_two_percent(world.scorer.lanes().calls as f64, 36_000.0);
    world.time.end();
}

#[test]
fn one_email_lane_carries_26_182_a_day() {
    let world = backlog(30_000, |settings| {
        settings.stages[StageName::Score].latency = Latency { mean: Duration::from_millis(100), sigma: 0.0 };
        one_lane(&mut settings.stages[StageName::Email], MAILING);
    });
    // Once there is a backlog to be mailed.
    let from = world.time.now() + Duration::from_hours(1);
    world.run_until(from);
    let before = world.mailer.mails();
    world.run_until(from + DAY);
    assert_eq!(world.mailer.lanes().peak, 1);
    assert_within_two_percent((world.mailer.mails() - before) as f64, 26_182.0);
    world.time.end();
}

#[test]
fn in_sequence_a_day_holds_15_158_customers() {
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let time = VirtualTime::of(Arc::clone(&clock));
    let latency = |takes: Duration| {
        let time = time.clone();
        SimulatedLatency::new(move |_| Box::pin(time.sleep(takes / 2)))
    };
    let scorer = MemoryScorer::new(clock.clone()).with_latency(latency(SCORING));
    let stack = InMemoryStack::under(clock, scorer, MemoryMailer::deduplicating().with_latency(latency(MAILING)));
    let mut mailed = 0;
    let ends = time.now() + DAY;
    while time.now() < ends {
        let customer = customer(&format!("c{mailed}"));
        time.run(stack.enroll(std::slice::from_ref(&customer)));
        stack.fire_at(customer.id.as_str(), customer.slot.next_after(start()));
        assert!(time.run(stack.invoke(StageName::Score)) && time.run(stack.invoke(StageName::Email)));
        mailed += 1;
    }
    assert_eq!(stack.mailer.accepted().len(), mailed);
    assert_within_two_percent(mailed as f64, 15_158.0);
}
