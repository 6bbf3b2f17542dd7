use std::time::Duration;

use pulse_core::{
    advice::Advice,
    control::Note,
    entry::{StageName, TallyKey},
    overview::{Condition, How},
};

use super::{World, now, run};
use crate::{PauseOrder, Until};

#[test]
fn the_status_has_everything_in_one_report_and_says_what_to_do() {
    let world = World::new();
    world.bring_failed("c-1");
    world.bring_unsettled("c-2");
    world.bring("c-3", |_| Vec::new());
    let stage = StageName::Score;
    let order = PauseOrder { stage, note: Note::parse("wrong roster").unwrap(), lasts: None, until: Until::Switched };
    now(world.app.pause(&order, &mut |_| {})).unwrap();
    let status = now(world.app.status()).unwrap();
    let [november, ..] = status.runs.as_slice() else { panic!("{status:?}") };
    assert_eq!((november.run, november.places[&TallyKey::Failed(stage)]), (run(), 1));
    assert_eq!(status.advice(), [Advice::Redrive { stage, run: run() }]);
    let held = status.stages[0].held.clone().unwrap();
    assert_eq!(status.stages[0].condition, Condition::Paused);
    assert_eq!(held.how, How::Command { who: "aoife".into(), note: order.note });
    assert_eq!(held.advice(stage), [Advice::Resume { stage }]);
    assert_eq!((status.queues.len(), status.lanes[0].count(), status.roster.active), (7, 20, 3));

    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["runs"][0]["places"]["failed-score"], 1);
    assert_eq!(json["runs"][0]["places"]["indeterminate"], 1);
    assert_eq!(json["stages"][0]["held"]["by"], "command");

    // Ten days are how long the queues keep a message.
    world.clock.advance(Duration::from_hours(8 * 24));
    let status = now(world.app.status()).unwrap();
    assert_eq!(status.advice(), [Advice::Redrive { stage, run: run() }, Advice::Resume { stage }]);
}
