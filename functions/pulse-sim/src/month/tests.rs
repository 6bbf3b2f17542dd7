use std::time::Duration;

use pulse_core::{
    bill::{ApiUse, Bill, Prices},
    plan::Calls,
};

use super::{Scenario, Spread, StageScenario, run};

#[test]
fn arithmetic_comes_to_the_bill_that_a_simulated_month_comes_to() {
    let stage = |millis| StageScenario::of_lanes(20, Duration::from_millis(millis));
    let scenario = Scenario {
        customers: 40_000,
        days: 30,
        starts: "2026-11-01T00:00:00Z".parse().unwrap(),
        seed: 1,
        spread: Spread::BySignup,
        window: Duration::from_mins(1),
        api: false,
        stages: StageScenario::of_stages(stage(2_400), stage(3_300)),
    };
    let simulated = run(&scenario, &mut |_| {});
    let calls = |stage: &StageScenario| Calls::new(stage.latency_mean, stage.in_flight).unwrap();
    let [score, email] = scenario.of_entries().map(calls);
    let expected = ApiUse::expected(scenario.customers, scenario.days, score, email);
    let bill = Bill::of(&expected, &Prices::default());
    for (mine, lived) in bill.lines.iter().zip(&simulated.bill.lines) {
        // Polls of idle queues are the one thing that is reckoned too high: by half a million at most.
        let polls = if mine.what == "SQS requests" { 0.2 } else { 0.01 };
        let off = (mine.cost - lived.cost).abs();
        assert!(off <= polls || off <= 0.1 * lived.cost, "{mine:?} {lived:?}");
    }
}
