use std::time::Duration;

use pulse_core::{
    bill::{ApiUse, Bill, Prices, TableCapacity, Units},
    entry::StageName,
    plan::Calls,
};

use super::{MonthReport, Scenario, Spread, StageScenario, Window, run};

fn scenario(customers: u32, days: u32) -> Scenario {
    let stage = |millis| StageScenario::of_lanes(20, Duration::from_millis(millis));
    Scenario {
        customers,
        days,
        starts: "2026-11-01T00:00:00Z".parse().unwrap(),
        seed: 1,
        spread: Spread::BySignup,
        window: Duration::from_mins(1),
        api: false,
        capacity: None,
        stages: StageScenario::of_stages(stage(2_400), stage(3_300)),
    }
}

#[test]
fn arithmetic_comes_to_the_bill_that_a_simulated_month_comes_to() {
    let scenario = scenario(40_000, 30);
    let simulated = run(&scenario, &mut |_| {});
    let calls = |stage: &StageScenario| Calls::new(stage.latency_mean, stage.in_flight).unwrap();
    let [score, email] = scenario.of_entries().map(calls);
    let expected = ApiUse::expected(scenario.customers, scenario.days, score, email);
    let bill = Bill::of(&expected, &Prices::default());
    let cents = |one: f64, other: f64| (one - other).abs() * 100.0;
    for (mine, lived) in bill.lines.iter().zip(&simulated.bill.lines) {
        assert!(cents(mine.cost, lived.cost) < 1.0, "{mine:?} {lived:?}");
    }
    assert!(cents(bill.total, simulated.bill.total) < 1.0, "{} {}", bill.total, simulated.bill.total);
}

/// A day's customers wait behind a pause, on a table that has a fraction of what their writes take.
fn catch_up(most: Option<u32>) -> MonthReport {
    let few = Units { reads: 4, writes: 4 };
    let capacity = TableCapacity { table: few, open: few, tally: few, most, target: 0.7 };
    let mut scenario = Scenario { capacity: Some(capacity), ..scenario(90_000, 3) };
    let pause = Window { from: Duration::from_hours(24), lasts: Duration::from_hours(20) };
    scenario.stages[StageName::Score].pauses.push(pause);
    run(&scenario, &mut |_| {})
}

#[test]
fn a_table_of_provisioned_capacity_is_scaled_by_a_backlog_and_nobody_is_missed_or_mailed_twice() {
    let most_in_ten_minutes = |report: &MonthReport| report.samples.iter().map(|sample| sample.mailed).max();
    let scaled = catch_up(Some(1_000));
    assert_eq!(scaled.proof.objections(), Vec::<String>::new());
    assert_eq!(scaled.redriven, 0, "what waits for the table comes to no dead letter");
    assert!(scaled.throttled > Some(0), "it takes minutes to be scaled");
    let (capacity, hours) = scaled.api.capacity.unwrap();
    assert!(hours == 72 && capacity.writes > 12 * 72, "{capacity:?}");
    // Where nothing scales it, the same customers are done hours later, and nobody is missed either.
    let fixed = catch_up(None);
    assert_eq!(fixed.proof.objections(), Vec::<String>::new());
    assert_eq!(fixed.api.capacity.unwrap().0.writes, 12 * 72);
    assert!(most_in_ten_minutes(&scaled) > most_in_ten_minutes(&fixed).map(|mails| 2 * mails));
}
