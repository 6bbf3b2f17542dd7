//! Hundreds of months, each with its own faults.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use pulse_aws::config::process_variable;
use pulse_sim::{
    seeds::{FaultPlan, run, shrink},
    world::{Production, SystemUnderTest, Violation},
};

/// How many seeds are lived through in each run of the tests: a few minutes on two processors.
const SEEDS: u64 = 60;

/// Says how many seeds are lived through instead. A thousand are, before a release.
const SEEDS_VARIABLE: &str = "PULSE_SEEDS";

const CUSTOMERS: u32 = 200;
const DAYS: u32 = 35;

fn shipped() -> Arc<dyn SystemUnderTest> {
    Arc::new(Production)
}

fn plan(seed: u64) -> FaultPlan {
    FaultPlan::of_seed(seed, CUSTOMERS, DAYS).with_panics().with_orders()
}

/// How many seeds are lived through, where these are in each run of the tests.
pub(crate) fn seeds(usual: u64) -> u64 {
    process_variable(SEEDS_VARIABLE).map_or(usual, |seeds| seeds.parse().expect("a number of seeds"))
}

/// What came of all seeds that broke a promise, on as many threads as there are processors, in their order.
pub(crate) fn broken_seeds(seeds: u64, plan: fn(u64) -> FaultPlan) -> Vec<(u64, Violation)> {
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let work = || {
        let mut broken = Vec::new();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds {
                return broken;
            }
            let report = run(&plan(seed), shipped(), false);
            broken.extend(report.violations.into_iter().take(1).map(|violation| (seed, violation)));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let broken = workers.into_iter().flat_map(|worker| worker.join().expect("a seed ends"));
        let mut broken: Vec<_> = broken.collect();
        broken.sort_by_key(|(seed, _)| *seed);
        broken
    })
}

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = seeds(SEEDS);
    let broken = broken_seeds(seeds, plan);
    let Some((seed, violation)) = broken.first() else { return };
    let shrunk = shrink(&plan(*seed), violation.promise, &shipped());
    panic!(
        "{} of {seeds} seeds break a promise. Seed {seed}: {violation}.\nReplay it with: {}\n{}",
        broken.len(),
        shrunk.command(),
        shrunk.story().join("\n")
    );
}

#[test]
fn the_same_seed_gives_the_same_trace_byte_for_byte() {
    for seed in [3, 14, 159] {
        let plan = FaultPlan::of_seed(seed, 50, DAYS);
        let traces = [(); 2].map(|()| run(&plan, shipped(), true).trace);
        assert!(traces[0].len() > 100, "seed {seed} has hardly a trace");
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}

#[test]
fn a_month_without_faults_needs_no_sweep_and_mails_everyone_once() {
    let report = run(&FaultPlan::calm(1, CUSTOMERS, DAYS), shipped(), false);
    assert_eq!(report.violations, []);
    assert_eq!(report.repeated, 0);
    assert!(report.mails > u64::from(CUSTOMERS) * 9 / 10, "{} mails", report.mails);
}
