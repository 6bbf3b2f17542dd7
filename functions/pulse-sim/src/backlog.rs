//! A day's backlog: everyone who is due in a day waits until a stage that was paused is resumed. Says how busy it keeps the
//! lanes; and beside it, what a quiet day takes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    bill::STAGE_MEMORY_GB,
    customer::{Consent, Contact, Customer, Zone},
    entry::StageName,
    slot::Slot,
};

use crate::{
    seeds::person,
    world::{LaneUse, Production, World, WorldSettings},
};

const DAY: Duration = Duration::from_hours(24);

/// How often it is looked whether a queue is empty.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest that a backlog is waited for.
const PATIENCE: Duration = Duration::from_hours(48);

/// What became of a stage's backlog, while messages waited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BacklogReport {
    /// The share of the lanes' time in which they had a call under way.
    pub busy: f64,
    /// Calls a second, as a share of lanes / mean latency.
    pub throughput: f64,
    /// How long messages waited: from the first call until the queue was empty.
    pub took: Duration,
    /// The most calls that were under way at once.
    pub peak: u32,
}

/// What a day took of the stage's function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayReport {
    /// Invocations.
    pub invocations: u64,
    /// Lambda's duration times memory.
    pub gb_seconds: f64,
}

/// The stages that a month's entries go through, in order.
pub const STAGES: [StageName; 2] = [StageName::Score, StageName::Email];

/// Lives through a day's backlog of so many customers with these settings: first of scores, while the email stage is still paused,
/// then of mails.
///
/// # Panics
/// When the backlog doesn't end.
#[must_use]
pub fn backlog(customers: u32, settings: WorldSettings) -> [BacklogReport; 2] {
    let world = world_with_a_day_of(customers, settings);
    for stage in STAGES {
        world.set_flowing(stage, false);
    }
    world.run_until(world.time.now() + DAY);
    let reports = STAGES.map(|stage| {
        world.set_flowing(stage, true);
        let report = follow(&world, stage);
        // The last calls end.
        world.run_until(world.time.now() + Duration::from_mins(30));
        report
    });
    world.time.end();
    reports
}

/// Lives through a day in which as many are due, as they signed up, and nothing is amiss.
#[must_use]
pub fn quiet_day(customers: u32, settings: WorldSettings) -> [DayReport; 2] {
    let world = world_with_a_day_of(customers, settings);
    world.run_until(world.time.now() + DAY + Duration::from_hours(1));
    let reports = STAGES.map(|stage| {
        let used = world.stacks[stage].function.used();
        DayReport { invocations: used.invocations, gb_seconds: used.billed.as_secs_f64() * STAGE_MEMORY_GB }
    });
    world.time.end();
    reports
}

/// A world of so many customers, all of whom are due on the day that begins now.
#[must_use]
pub fn world_with_a_day_of(customers: u32, settings: WorldSettings) -> Arc<World> {
    let settings = WorldSettings { thorough: false, audits: false, ..settings };
    let seed = settings.seed;
    let world = World::new(settings, Arc::new(Production));
    let midnight = world.time.now();
    let shapes = (0..).map(|number| person(seed, number)).filter(|person| matches!(person.contact, Contact::Email(_)));
    for (number, shape) in (0..customers).zip(shapes) {
        // From six in the morning to midnight, most in the afternoon, as `pulse simulate` has it.
        let [one, other] = [7_919, 104_729].map(|prime| u64::from(number) * prime % 64_800);
        let due = midnight + Duration::from_secs(6 * 3_600 + u64::midpoint(one, other));
        let signed_up_at: Timestamp = due - Duration::from_hours(24 * 365);
        let slot = Slot::of_sign_up(&shape.id, signed_up_at, &Zone::UTC);
        world.enroll_at_once(&Customer { consent: Consent::default(), signed_up_at, slot, zone: Zone::UTC, ..shape });
    }
    world
}

/// From the first call until nobody waits.
fn follow(world: &World, stage: StageName) -> BacklogReport {
    let stack = &world.stacks[stage];
    let lanes = || -> LaneUse { if stage == StageName::Score { world.scorer.lanes() } else { world.mailer.lanes() } };
    let (before, gives_up_at) = (lanes(), world.time.now() + PATIENCE);
    let step = || world.run_until(world.time.now() + LOOK_EVERY);
    while lanes().calls == before.calls {
        assert!(world.time.now() < gives_up_at, "no call was made");
        step();
    }
    let (first, began) = (lanes(), world.time.now());
    while stack.queue.depth().visible > 0 {
        assert!(world.time.now() < gives_up_at, "the backlog doesn't end");
        step();
    }
    let last = lanes();
    let took = Duration::try_from(world.time.now().duration_since(began)).unwrap_or_default();
    let settings = &world.settings.stages[stage];
    let lane_seconds = settings.lanes() as f64 * took.as_secs_f64();
    BacklogReport {
        busy: (last.busy_seconds - first.busy_seconds) / lane_seconds,
        throughput: (last.calls - first.calls) as f64 * settings.latency.mean.as_secs_f64() / lane_seconds,
        took,
        peak: last.peak,
    }
}
