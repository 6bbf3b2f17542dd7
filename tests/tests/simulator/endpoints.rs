//! Other systems are told of each fact, in order, whatever becomes of them and of workers; and one's trouble is its own.

use std::{sync::Arc, time::Duration};

use pulse_sim::{
    seeds::{Fault, FaultPlan, Kind, run},
    world::{Down, EndpointFaults, Production, Promise, SystemUnderTest},
};

use crate::{
    mutants::{
        BelievesRefusals, HoldsNobody, NeverLooksAfterEndpoints, SendsOutOfOrder, SharesNoLanes,
        TakesFailuresForAnswers, TellsNobody,
    },
    seeds::{broken_seeds, seeds},
};

/// Seeds that are lived through with other systems in each run of the tests.
const SEEDS: u64 = 15;

fn plan(seed: u64) -> FaultPlan {
    FaultPlan::of_seed(seed, 100, 35).with_orders().with_endpoints()
}

fn shipped() -> Arc<dyn SystemUnderTest> {
    Arc::new(Production)
}

#[test]
fn no_seed_with_endpoints_breaks_a_promise() {
    let broken = broken_seeds(seeds(SEEDS), plan);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A month in which the first endpoint is down for ten days, in this way.
fn ten_days(down: Down) -> FaultPlan {
    ten_days_of(EndpointFaults { down: Some(down), ..EndpointFaults::default() })
}

fn ten_days_of(faults: EndpointFaults) -> FaultPlan {
    let day = Duration::from_hours(24);
    let outage = Fault { at: 3 * day, lasts: 10 * day, kind: Kind::Endpoint(0, faults) };
    FaultPlan { has_endpoints: true, faults: vec![(0, outage)], ..FaultPlan::calm(7, 600, 35) }
}

#[test]
fn an_endpoint_that_is_down_for_ten_days_loses_nothing_and_burns_no_receive() {
    for down in [Down::Refusing, Down::Hanging, Down::Limiting(Duration::from_hours(1)), Down::Failing] {
        assert_eq!(run(&ten_days(down), shipped(), false).violations, [], "{down:?}");
    }
}

/// One that has another key refuses each fact, and none for what it says.
#[test]
fn an_endpoint_that_refuses_everything_for_ten_days_loses_nothing() {
    let plan = ten_days_of(EndpointFaults { has_another_key: true, ..EndpointFaults::default() });
    assert_eq!(run(&plan, shipped(), false).violations, []);
    assert!(breaks(&(Arc::new(BelievesRefusals) as Arc<dyn SystemUnderTest>), &plan, Promise::FactsArrive));
}

/// By how much the slowest hundredth of what the other endpoints are told may be slower, in percent.
const SLOWER: u32 = 5;

/// The 99th percentile of how long facts took to each endpoint but the first.
fn of_the_others(product: &Arc<dyn SystemUnderTest>, plan: &FaultPlan) -> Vec<Duration> {
    let report = run(plan, Arc::clone(product), false);
    let of_one = |latencies: &Vec<Duration>| {
        let mut sorted = latencies.clone();
        sorted.sort();
        sorted[sorted.len() * 99 / 100]
    };
    let others = report.told.iter().filter(|(name, _)| name.as_str() != "crm").map(|(_, latencies)| of_one(latencies));
    others.collect()
}

fn stay_apart(product: &Arc<dyn SystemUnderTest>, down: Down) -> bool {
    let calm = FaultPlan { faults: Vec::new(), ..ten_days(down) };
    let (undisturbed, beside) = (of_the_others(product, &calm), of_the_others(product, &ten_days(down)));
    println!("{down:?}: {undisturbed:?} undisturbed, {beside:?} beside an endpoint that is down");
    assert_eq!(undisturbed.len(), 2);
    undisturbed.iter().zip(&beside).all(|(calm, beside)| *beside * 100 <= *calm * (100 + SLOWER))
}

#[test]
fn an_endpoint_that_is_down_for_ten_days_slows_no_other() {
    for down in [Down::Refusing, Down::Hanging] {
        assert!(stay_apart(&shipped(), down), "{}: {down:?}", Promise::EndpointsStayApart);
    }
}

#[test]
fn an_endpoint_that_is_called_however_it_is_is_caught() {
    assert!(!stay_apart(&(Arc::new(HoldsNobody) as Arc<dyn SystemUnderTest>), Down::Hanging));
}

fn breaks(product: &Arc<dyn SystemUnderTest>, plan: &FaultPlan, promise: Promise) -> bool {
    run(plan, Arc::clone(product), false).violations.iter().any(|violation| violation.promise == promise)
}

fn assert_caught(product: impl SystemUnderTest + 'static, promise: Promise) {
    let product: Arc<dyn SystemUnderTest> = Arc::new(product);
    let seed = (0..SEEDS).find(|seed| breaks(&product, &plan(*seed), promise));
    let seed = seed.unwrap_or_else(|| panic!("{SEEDS} seeds don't see that {promise} fails"));
    assert!(!breaks(&shipped(), &plan(seed), promise), "what is shipped breaks it too in seed {seed}");
}

#[test]
fn word_that_is_not_written_with_its_fact_is_caught() {
    assert_caught(TellsNobody, Promise::FactsArrive);
}

#[test]
fn word_that_is_taken_for_delivered_without_an_answer_is_caught() {
    assert_caught(TakesFailuresForAnswers, Promise::FactsArrive);
}

#[test]
fn word_that_nobody_wakes_is_caught() {
    assert_caught(NeverLooksAfterEndpoints, Promise::FactsArrive);
}

#[test]
fn word_that_overtakes_is_caught() {
    assert_caught(SendsOutOfOrder, Promise::FactsInOrder);
}

#[test]
fn calls_to_an_endpoint_past_its_lanes_are_caught() {
    assert_caught(SharesNoLanes, Promise::LanesHeld);
}
