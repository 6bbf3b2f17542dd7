use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use pulse_core::{
    advice::Advice,
    control::{Breaker, BreakerPolicy, Control, Note, Outcomes},
    entry::StageName,
    pausing::{PausingError, Resumed},
    ports::{Clock as _, Controls as _, OutcomeLog as _, Switch},
};

use super::{World, now, start, unreadable::Unreadable};
use crate::{PauseOrder, PauseReport, ResumeReport, SwitchError, Switching, Until};

const STAGE: StageName = StageName::Email;

fn order(until: Until) -> PauseOrder {
    let note = Note::parse("wrong template").unwrap();
    PauseOrder { stage: STAGE, note, lasts: Some(Duration::from_hours(6)), until }
}

fn control(world: &World) -> Control {
    now(world.ledger.control(STAGE)).unwrap()
}

fn pause(world: &World, until: Until) -> Result<PauseReport, SwitchError> {
    now(world.app.pause(&order(until), &mut |_| {}))
}

fn resume(world: &World) -> Result<ResumeReport, SwitchError> {
    now(world.app.resume(STAGE, None, Until::Switched, &mut |_| {}))
}

#[test]
fn a_pause_is_made_at_once_though_no_tick_runs_and_waited_for() {
    let world = World::new();
    world.stages.state().takes = 3;
    world.stages.state().in_flight = 7;
    let mut heard = Vec::new();
    let report = now(world.app.pause(&order(Until::Drained), &mut |switching| heard.push(switching))).unwrap();
    let until = Some(start() + Duration::from_hours(6));
    assert_eq!(
        report,
        PauseReport {
            stage: STAGE,
            paused: true,
            until,
            replaced_until: None,
            needs_note: false,
            waiting: 7,
            in_flight: 0
        }
    );
    assert_eq!(report.advice(), Advice::Resume { stage: STAGE });
    assert!(matches!(heard.first(), Some(Switching::Mapping { mapping: Switch::TurningOff, .. })), "{heard:?}");
    assert!(matches!(heard.last(), Some(Switching::Draining { .. })), "{heard:?}");
    assert_eq!(world.stages.state().mapping, Switch::Off);
    assert_eq!(world.stages.state().turned, [false]);
    let pause = control(&world).pause.unwrap();
    assert_eq!((pause.by.as_str(), pause.note.as_str(), pause.until), ("aoife", "wrong template", until));
}

#[test]
fn a_pause_over_one_with_an_end_tells_which_end_is_gone() {
    let world = World::new();
    let until = pause(&world, Until::Ordered).unwrap().until;
    let endless = || PauseOrder { lasts: None, ..order(Until::Ordered) };
    let report = now(world.app.pause(&endless(), &mut |_| {})).unwrap();
    assert_eq!((report.until, report.replaced_until), (None, until));
    let again = now(world.app.pause(&endless(), &mut |_| {})).unwrap();
    assert_eq!(again.replaced_until, None, "an endless one has none");
    pause(&world, Until::Ordered).unwrap();
    world.clock.advance(Duration::from_hours(6));
    assert_eq!(now(world.app.pause(&endless(), &mut |_| {})).unwrap().replaced_until, None, "it was over");
}

#[test]
fn a_pause_that_is_not_waited_for_is_written_down_and_the_mapping_turned() {
    let world = World::new();
    world.stages.state().takes = 100;
    pause(&world, Until::Ordered).unwrap();
    assert_eq!(world.stages.state().mapping, Switch::TurningOff);
    assert_eq!(world.clock.now(), start());
}

#[test]
fn a_pause_whose_mapping_cannot_be_switched_now_is_written_down_and_told() {
    for until in [Until::Ordered, Until::Switched] {
        let world = World::new();
        world.stages.state().is_out_of_reach = true;
        let Err(SwitchError::Pausing(error @ PausingError::Switch(_))) = pause(&world, until) else { panic!("done") };
        assert!(error.to_string().starts_with("it is written down, and tick will do it within a minute"), "{error}");
        assert!(control(&world).is_paused(start()));
    }
}

#[test]
fn a_pause_of_a_stage_that_cannot_be_looked_at_switches_it_off_all_the_same() {
    let world = World::new();
    world.stages.state().is_blind = true;
    pause(&world, Until::Ordered).unwrap_err();
    assert!(control(&world).is_paused(start()));
    assert_eq!(world.stages.state().turned, [false]);
}

#[test]
fn a_pause_is_written_down_before_anything_is_asked_that_may_hang() {
    let mut world = World::new();
    world.app.settings = Arc::new(Unreadable);
    let unfinished = world.app.pause(&order(Until::Ordered), &mut |_| {}).now_or_never();
    assert_eq!(unfinished, None);
    assert!(control(&world).is_paused(start()));
}

#[test]
fn a_mapping_that_takes_too_long_is_told_with_what_to_look_at() {
    let world = World::new();
    world.stages.state().takes = u32::MAX;
    let error = pause(&world, Until::Switched).unwrap_err();
    assert_eq!(error, SwitchError::Slow { stage: STAGE, mapping: Switch::TurningOff, minutes: 5 });
    assert_eq!(error.advice(), Some(Advice::LookAtStages));
    assert_eq!(world.stages.state().turned, [false], "a mapping that is being switched is let alone");
}

#[test]
fn a_pause_that_someone_ends_meanwhile_is_not_made_again() {
    let world = World::new();
    world.stages.state().takes = 10;
    let mut times = 0;
    let paused = now(world.app.pause(&order(Until::Switched), &mut |_| {
        times += 1;
        if times == 2 {
            let control = control(&world);
            let ended = Control { pause: None, version: control.version + 1, ..control };
            assert!(now(world.ledger.save(STAGE, &ended)).unwrap());
        }
    }));
    assert_eq!(paused, Err(SwitchError::Undone(STAGE)));
}

#[test]
fn a_resume_ends_a_pause_and_one_that_was_none_says_so() {
    let world = World::new();
    pause(&world, Until::Switched).unwrap();
    let report = resume(&world).unwrap();
    assert_eq!((report.flows, report.was_held, report.advice()), (true, true, None));
    assert_eq!((world.stages.state().mapping, control(&world).pause), (Switch::On, None));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json, serde_json::json!({ "stage": "email", "flows": true, "was_held": true }));
    let report = resume(&world).unwrap();
    assert_eq!((report.flows, report.was_held, report.resumed), (true, false, Resumed::Already));
}

#[test]
fn a_reserved_concurrency_of_zero_goes_on_holding_the_stage_until_it_is_raised() {
    let world = World::new();
    world.stages.state().reserved = Some(0);
    pause(&world, Until::Switched).unwrap();
    let report = resume(&world).unwrap();
    assert_eq!((report.flows, report.resumed), (false, Resumed::ReservedZero));
    assert_eq!(report.advice(), Some(Advice::RaiseConcurrency { stage: STAGE }));
    assert_eq!((world.stages.state().mapping, control(&world).pause), (Switch::Off, None));
    // Raised, or taken away where the stack reserves none.
    for reserved in [Some(5), None] {
        world.stages.state().reserved = Some(0);
        assert_eq!(resume(&world).unwrap().resumed, Resumed::ReservedZero);
        world.stages.state().reserved = reserved;
        assert_eq!(resume(&world).unwrap().resumed, Resumed::Flows);
        assert_eq!(world.stages.state().mapping, Switch::On);
    }
}

#[test]
fn a_provider_that_still_fails_is_held_again_while_its_resume_is_waited_for() {
    let world = World::new();
    let broken = BreakerPolicy::default().open(&Outcomes::default(), start());
    let held = Control { version: 1, breaker: Breaker::Open(broken), ..Control::default() };
    assert!(now(world.ledger.save(STAGE, &held)).unwrap());
    world.stages.state().mapping = Switch::Off;
    world.stages.state().takes = 200;
    let down = Outcomes { calls: 40, failures: 40, ..Outcomes::default() };
    let report = now(world.app.resume(STAGE, None, Until::Switched, &mut |_| {
        now(world.ledger.report(STAGE, world.clock.now(), &down)).unwrap();
    }));
    let report = report.unwrap();
    assert_eq!((report.flows, report.resumed), (false, Resumed::HeldAgain));
    assert_eq!(report.advice(), Some(Advice::LookAtStages));
}

#[test]
fn a_stage_that_the_stack_has_not_is_neither_paused_nor_resumed() {
    let (world, stage) = (World::new(), StageName::Call);
    let paused = now(world.app.pause(&PauseOrder { stage, ..order(Until::Ordered) }, &mut |_| {})).map(drop);
    let resumed = now(world.app.resume(stage, None, Until::Ordered, &mut |_| {})).map(drop);
    for refused in [paused, resumed] {
        assert!(matches!(refused, Err(SwitchError::NoSuchStage(_))), "{refused:?}");
    }
    assert_eq!(now(world.ledger.control(stage)).unwrap().version, 0, "nothing is written down");
}
