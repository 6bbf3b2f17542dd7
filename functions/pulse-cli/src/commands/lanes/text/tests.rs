use pulse_core::lanes::{Lanes, steps};

use super::*;

fn settings(reserved: u32, enabled: bool) -> LaneSettings {
    LaneSettings {
        maximum_concurrency: 5,
        reserved_concurrency: Some(reserved),
        in_flight: 4,
        rate_divisor: None,
        enabled,
        changed_lately: false,
    }
}

fn told(asked_for: u32, dry_run: bool, enabled: bool) -> String {
    let before = settings(5, enabled);
    let lanes = Lanes::closest(asked_for, None, 4).unwrap();
    let (stage, steps) = (StageName::Score, steps(&before, lanes));
    let parameter_overrides = "ScoreMaximumConcurrency=9 ScoreInFlight=4".to_owned();
    set(&LaneReport { stage, asked_for, lanes, before, steps, dry_run, parameter_overrides })
}

#[test]
fn what_was_set_is_told_with_what_the_next_deployment_needs() {
    let text = told(36, false, true);
    assert!(text.contains("has 36 = 9 invocations x 4 calls. Before, it had 20 = 5 invocations x 4 calls"), "{text}");
    assert!(text.contains("ScoreMaximumConcurrency=9 ScoreInFlight=4") && text.contains("samconfig.toml"), "{text}");
    assert!(!text.contains("can't be split") && !text.contains("disabled"), "{text}");
    assert!(told(20, false, true).contains("already"));
}

#[test]
fn what_was_rounded_and_what_stays_paused_is_told() {
    let text = told(23, false, false);
    assert!(text.starts_with("23 lanes can't be split") && text.contains("has 22 = 2 invocations x 11"), "{text}");
    assert!(text.contains("disabled, and stays so"), "{text}");
}

#[test]
fn a_dry_run_lists_the_steps() {
    let text = told(8, true, true);
    let places = ["would have 8", "make 2 invocations", "Waiting until", "Reserving 2"].map(|part| text.find(part));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
}

#[test]
fn a_stage_that_is_throttled_or_paused_shows_it() {
    assert!(line(&settings(4, true)).contains("throttled"));
    assert!(line(&settings(0, true)).contains("paused by reserved concurrency 0"));
    assert!(line(&settings(5, false)).ends_with("reserved concurrency 5, mapping disabled"));
}
