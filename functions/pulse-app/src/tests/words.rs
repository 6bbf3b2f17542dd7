//! Words that scripts read of `--json`: they stay, whatever things are called in the code.

use pulse_core::{
    dead_letters::Way,
    entry::StageName,
    lanes::{LaneSettings, Step},
    ports::LaneControl as _,
};
use serde_json::json;

use super::{World, now};

#[test]
fn a_redrive_says_how_letters_were_moved() {
    let words = [Way::MoveTask, Way::SomeonesMoveTask, Way::OneByOne, Way::Fallback];
    let said = json!(["move-task", "someones-move-task", "one-by-one", "one-by-one-for-want-of-tasks"]);
    assert_eq!(serde_json::to_value(words).unwrap(), said);
}

#[test]
fn lanes_have_their_settings_and_steps() {
    let world = World::new();
    let settings = LaneSettings { rate_divisor: Some(2), ..now(world.lanes.settings(StageName::Score)).unwrap() };
    let said = serde_json::to_value(settings).unwrap();
    assert_eq!((&said["sharers"], &said["in_flight"], &said["maximum_concurrency"]), (&json!(2), &json!(4), &json!(5)));
    let step = Step::Configure { in_flight: 4, rate_divisor: Some(2) };
    assert_eq!(serde_json::to_value(step).unwrap(), json!({ "configure": { "in_flight": 4, "sharers": 2 } }));
}
