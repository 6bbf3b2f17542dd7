use std::time::Duration;

use jiff::Timestamp;

use super::{GameDay, GameFault};
use crate::month::{Scenario, Spread, StageScenario};

fn scenario() -> Scenario {
    let stage = |millis| StageScenario::of_lanes(20, Duration::from_millis(millis));
    Scenario {
        customers: 2_000,
        days: 30,
        starts: "2026-11-01T00:00:00Z".parse().unwrap(),
        seed: 7,
        spread: Spread::BySignup,
        window: Duration::from_mins(1),
        api: false,
        capacity: None,
        stages: StageScenario::of_stages(stage(2_400), stage(3_300)),
    }
}

fn at(hours: u64) -> Timestamp {
    scenario().starts + Duration::from_hours(hours)
}

fn fault(name: &str) -> &'static GameFault {
    GameFault::named(name).unwrap()
}

#[test]
fn a_fault_ends_by_itself_unless_it_was_mended_and_thrown_again() {
    let day = GameDay::new(scenario());
    day.advance_to(at(12));
    day.throw(fault("score-down"), Some(Duration::from_hours(1)));
    assert_eq!(day.lasting().len(), 1);
    day.advance_to(at(12) + Duration::from_mins(30));
    day.mend(fault("score-down"));
    day.throw(fault("score-down"), None);
    day.advance_to(at(14));
    let lasting = day.lasting();
    assert_eq!((lasting.len(), lasting[0].until), (1, None), "the first one's end isn't the second one's");
    // Time may have stood still between two that are thrown.
    day.throw(fault("score-down"), Some(Duration::from_hours(1)));
    day.throw(fault("score-down"), Some(Duration::from_hours(2)));
    day.advance_to(at(15) + Duration::from_mins(30));
    assert_eq!(day.lasting()[0].until, Some(at(16)), "it lasts for so long from when it was thrown last");
    day.advance_to(at(16));
    assert_eq!(day.lasting(), vec![]);
    day.advance_to(at(40));
    assert_eq!((day.lasting(), day.violations()), (vec![], vec![]));
}

#[test]
fn the_same_at_the_same_moments_comes_to_the_same_however_time_is_cut() {
    let digest = |step: Duration, losing: u64| {
        let day = GameDay::new(scenario());
        let pass = |until| {
            while day.now() < until {
                day.advance_to((day.now() + step).min(until));
            }
        };
        pass(at(13));
        day.throw(fault("email-losing"), Some(Duration::from_hours(losing)));
        day.throw(fault("ledger-throttled"), None);
        pass(at(18));
        day.mend(fault("ledger-throttled"));
        pass(at(30));
        day.digest()
    };
    let first = digest(Duration::from_hours(5), 3);
    assert_eq!(first, digest(Duration::from_millis(61_037), 3));
    assert_ne!(first, digest(Duration::from_hours(5), 2), "a digest tells of everything");
}

/// Every fault, for some hours of a busy day: none breaks a promise.
#[test]
fn no_fault_breaks_a_promise() {
    for fault in GameFault::all() {
        let day = GameDay::new(Scenario { customers: 3_000, ..scenario() });
        day.advance_to(at(13));
        day.throw(fault, Some(Duration::from_hours(4)));
        day.advance_to(at(24));
        assert_eq!(day.violations(), [], "{}", fault.name);
    }
}
