use pulse_core::{
    advice::Advice,
    dead_letters::{DeadLetterError, RedriveOrder},
    entry::StageName,
    message::WorkMessage,
    ports::DlqName,
    stage::{NoSuchStage, StageSet},
};

use super::{World, id, now, run};
use crate::FailedOrder;

const STAGE: StageName = StageName::Score;
const QUEUE: DlqName = DlqName::Stage(STAGE);

fn with_letters() -> World {
    let world = World::new();
    for name in ["c-1", "c-2"] {
        world.bring_failed(name);
        world.dlqs[STAGE].send_body(&WorkMessage::for_entry(&id(name)).body());
    }
    world
}

#[test]
fn letters_are_told_by_cause_queue_by_queue_and_put_back() {
    let world = with_letters();
    let all = now(world.app.dead_letters(None, 100, &|| false)).unwrap();
    assert_eq!(all.len(), DlqName::of(StageSet::of_every_stack()).count());
    let one = now(world.app.dead_letters(Some(QUEUE), 100, &|| false)).unwrap();
    let [found] = one.as_slice() else { panic!("{one:?}") };
    assert_eq!((found.queue, found.report.looked_at, found.report.causes[0].count), (QUEUE, 2, 2));
    assert_eq!(world.dlqs[STAGE].depth().visible, 2);
}

#[test]
fn there_are_no_letters_of_a_stage_that_the_stack_has_not() {
    let world = World::new();
    let missing = DlqName::Stage(StageName::Call);
    let refused = Err(DeadLetterError::NoSuchStage(NoSuchStage { stage: StageName::Call }));
    assert_eq!(now(world.app.dead_letters(Some(missing), 100, &|| false)), refused);
    let redriven = now(world.app.redrive(missing, &RedriveOrder::default(), &mut |_| {}, &|| false));
    assert!(matches!(redriven, Err(DeadLetterError::NoSuchStage(_))), "{redriven:?}");
}

#[test]
fn letters_are_redriven_after_a_dry_run_that_moves_nothing() {
    let world = with_letters();
    let redrive = |dry_run| {
        let order = RedriveOrder { dry_run, ..RedriveOrder::default() };
        now(world.app.redrive(QUEUE, &order, &mut |_| {}, &|| false)).unwrap()
    };
    let report = redrive(true);
    assert_eq!((report.dry_run, report.redriven.redriven, world.waiting(STAGE)), (true, 2, 0));
    let report = redrive(false);
    assert_eq!((report.dry_run, report.redriven.redriven, world.waiting(STAGE)), (false, 2, 2));
    assert_eq!(world.dlqs[STAGE].depth().visible, 0);
}

#[test]
fn by_the_ledger_a_dry_run_counts_and_the_order_queues_what_failed() {
    let world = with_letters();
    let mut order = FailedOrder { stage: STAGE, run: run(), limit: 100, dry_run: true };
    let report = now(world.app.redrive_failed(order)).unwrap();
    assert_eq!((report.queued, world.waiting(STAGE)), (2, 0));
    assert_eq!(report.advice(), Some(Advice::Redrive { stage: STAGE, run: run() }));
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json, serde_json::json!({ "dry_run": true, "queued": 2, "failed": 0, "dropped": 0 }));
    (order.dry_run, order.limit) = (false, 1);
    let report = now(world.app.redrive_failed(order)).unwrap();
    assert_eq!((report.queued, report.failed, world.waiting(STAGE), report.advice()), (1, 0, 1, None));
}
