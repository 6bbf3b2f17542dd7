//! Digests of what happens in seeds and in a month: what a change that is to change nothing is held against.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use crate::{
    month::{self, Scenario, Spread, StageScenario, Window},
    seeds::{FaultPlan, run_with},
    world::{Production, Record, SystemUnderTest},
};

/// Customers and days of each seed, as `pulse simulate --seeds` has them.
const SIZE: (u32, u32) = (200, 35);

/// What is recorded, a line each: `seed 0 4c5d..`, and `month 3ad1..` last.
pub const RECORDED: &str = include_str!("../digests.txt");

/// The line of a seed, lived through by what is shipped.
#[must_use]
pub fn of_seed(seed: u64) -> String {
    of_seed_by(seed, Arc::new(Production))
}

/// The line of a seed, lived through by other code.
#[must_use]
pub fn of_seed_by(seed: u64, product: Arc<dyn SystemUnderTest>) -> String {
    let plan = FaultPlan::of_seed(seed, SIZE.0, SIZE.1);
    let report = run_with(&plan, product, false, &|settings| settings.record = Record::Digest);
    format!("seed {seed} {:016x}", report.digest.unwrap_or_default())
}

/// The lines of the first seeds, made on as many threads as there are processors.
///
/// # Panics
/// When the simulator itself is broken.
#[must_use]
pub fn of_seeds(seeds: u64) -> Vec<String> {
    let next = AtomicU64::new(0);
    let work = || {
        let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Relaxed)).filter(|seed| *seed < seeds));
        numbers.map(|seed| (seed, of_seed(seed))).collect::<Vec<_>>()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut lines: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a seed ends")).collect()
    });
    lines.sort_by_key(|(seed, _)| *seed);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The line of a month of 20,000 customers in which scoring is out of order for six hours.
#[must_use]
pub fn of_month() -> String {
    let hours = Duration::from_hours;
    let [mut score, email] = [2_400, 3_300].map(|mean| StageScenario::of_lanes(20, Duration::from_millis(mean)));
    score.outages.push(Window { from: hours(66), lasts: hours(6) });
    let scenario = Scenario {
        customers: 20_000,
        days: 31,
        starts: FaultPlan::calm(0, SIZE.0, SIZE.1).starts,
        seed: 0,
        spread: Spread::BySignup,
        window: Duration::from_mins(1),
        api: false,
        capacity: None,
        stages: StageScenario::of_stages(score, email),
    };
    format!("month {:016x}", month::digest(&scenario))
}
