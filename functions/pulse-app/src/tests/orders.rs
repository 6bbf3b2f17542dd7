use std::sync::atomic::Ordering;

use pulse_core::{
    control::Note,
    customer::EmailAddress,
    dead_letters::CauseFilter,
    entry::StageName,
    message::WorkMessage,
    orders::{Order, OrderAction, OrderKind, OrderRound, OrderState},
    ports::{CustomerNotes as _, DlqName},
    settlement::SettlementOutcome,
};

use super::{World, id, now, run, start};
use crate::{Begins, CancelError, GiveError, LaneOrder, PauseOrder, ReplayOrder, Until};

const STAGE: StageName = StageName::Score;

fn note() -> Note {
    Note::parse("The provider is well again.").unwrap()
}

fn by_cause(words: &str) -> OrderAction {
    let cause = CauseFilter::parse(words).ok();
    OrderAction::Redrive { queue: DlqName::Stage(STAGE), cause, endpoint: None, rate: None }
}

fn with_letters() -> World {
    let world = World::new();
    for name in ["c-1", "c-2"] {
        world.bring_failed(name);
        world.dlqs[STAGE].send_body(&WorkMessage::for_entry(&id(name)).body());
    }
    world
}

#[expect(clippy::result_large_err, reason = "an order is given once in a while")]
fn give(world: &World, action: OrderAction) -> Result<Order, GiveError> {
    let preview = now(world.app.preview_order(&action, &mut |_| {}, &|| false)).unwrap();
    now(world.app.give(action, Some(note()), preview)).map(|given| given.order)
}

/// What tick does for orders.
fn tick(world: &World) {
    let ports = &world.app.ports;
    let round = OrderRound {
        orders: &*ports.orders,
        ledger: &*ports.ledger,
        deliveries: &*ports.deliveries,
        listing: &*ports.reports,
        queues: &ports.queues,
        dead_letters: &ports.dead_letters,
        intake: &*ports.intake,
        sleeper: &*ports.sleeper,
    };
    now(round.run(start() + std::time::Duration::from_mins(1)));
}

fn newest(world: &World) -> Order {
    now(world.app.orders(None, None, 1)).unwrap().orders.remove(0)
}

#[test]
fn an_order_is_previewed_given_begun_on_at_once_and_carried_out_by_tick() {
    let world = with_letters();
    let action = by_cause("answered 500");
    let preview = now(world.app.preview_order(&action, &mut |_| {}, &|| false)).unwrap();
    assert_eq!((preview.expected, world.dlqs[STAGE].depth().visible), (2, 2));
    let given = now(world.app.give(action, Some(note()), preview)).unwrap();
    assert_eq!((given.begins, world.ticks.asked.load(Ordering::Relaxed)), (Begins::Now, 1));
    assert_eq!((given.order.by.as_str(), given.order.note.as_ref()), ("aoife", Some(&note())));
    tick(&world);
    let order = now(world.app.order(&given.order.id)).unwrap().unwrap();
    assert!(order.is_complete(), "{order:?}");
    assert_eq!((order.progress.moved, world.waiting(STAGE), order.expected()), (2, 2, 2));
    assert!(matches!(now(world.app.cancel(&order.id)), Err(CancelError::Ended(_))));
}

#[test]
fn by_the_ledger_no_more_are_queued_than_were_previewed() {
    let world = with_letters();
    let order = give(&world, OrderAction::RedriveFailed { stage: STAGE, run: run() }).unwrap();
    world.bring_failed("c-3");
    tick(&world);
    let order = now(world.app.order(&order.id)).unwrap().unwrap();
    assert_eq!((order.state, order.progress.moved, world.waiting(STAGE)), (OrderState::AsksAgain { more: 1 }, 2, 2));
}

#[test]
fn whoever_may_not_ask_for_a_tick_gives_orders_all_the_same() {
    let world = with_letters();
    world.ticks.denied.store(true, Ordering::Relaxed);
    let action = by_cause("500");
    let preview = now(world.app.preview_order(&action, &mut |_| {}, &|| false)).unwrap();
    assert_eq!(now(world.app.give(action, None, preview)).unwrap().begins, Begins::WithinAMinute);
}

#[test]
fn what_was_not_previewed_so_or_comes_to_nothing_is_not_ordered() {
    let world = with_letters();
    let preview = now(world.app.preview_order(&by_cause("500"), &mut |_| {}, &|| false)).unwrap();
    let other = now(world.app.give(by_cause("503"), None, preview.clone()));
    assert!(matches!(other, Err(GiveError::OtherPreview { .. })), "{other:?}");
    let mut more = preview;
    more.expected = 5;
    assert!(matches!(now(world.app.give(by_cause("500"), None, more)), Err(GiveError::OtherPreview { .. })));
    assert_eq!(give(&world, by_cause("503")), Err(GiveError::Nothing));
    world.ticks.are_old.store(true, Ordering::Relaxed);
    assert_eq!(give(&world, by_cause("500")), Err(GiveError::OldTick));
    assert_eq!(now(world.app.orders(None, None, 10)).unwrap().orders, []);
}

#[test]
fn an_order_that_is_cancelled_moves_nothing_more() {
    let world = with_letters();
    let order = give(&world, by_cause("500")).unwrap();
    let cancelled = now(world.app.cancel(&order.id)).unwrap();
    assert_eq!(cancelled.state, OrderState::Cancelled { cancelled_by: "aoife".into() });
    tick(&world);
    assert_eq!((world.waiting(STAGE), world.dlqs[STAGE].depth().visible), (0, 2));
    assert_eq!(newest(&world), cancelled);
}

#[test]
fn what_is_done_at_once_leaves_a_row_that_says_who_why_and_what_came_of_it() {
    let world = World::new();
    world.bring_failed("c-1");
    world.bring_unsettled("c-2");
    let pause = PauseOrder { stage: STAGE, note: note(), lasts: None, until: Until::Ordered };
    now(world.app.pause(&pause, &mut |_| {})).unwrap();
    let order = newest(&world);
    assert_eq!((&order.action, &order.state), (&OrderAction::Pause { stage: STAGE, until: None }, &OrderState::Done));
    assert_eq!((order.by.as_str(), order.note), ("aoife", Some(note())));

    now(world.app.resume(STAGE, None, Until::Ordered, &mut |_| {})).unwrap();
    now(world.app.replay(&id("c-1"), &ReplayOrder::Preview)).unwrap();
    now(world.app.replay(&id("c-1"), &ReplayOrder::Again)).unwrap();
    now(world.app.replay(&id("c-9"), &ReplayOrder::Again)).unwrap_err();
    now(world.app.settle(&id("c-2"), &SettlementOutcome::NotSent, &note())).unwrap();
    let address = EmailAddress::parse("ada@example.com").unwrap();
    now(world.app.release(&address, &note())).unwrap();
    now(world.app.set_lanes(LaneOrder { stage: STAGE, lanes: 8, in_flight: None, dry_run: true }, &mut |_| {}))
        .unwrap();
    let count = |kind| now(world.app.orders(Some(kind), None, 10)).unwrap().orders.len();
    assert_eq!(OrderKind::ALL.iter().map(|kind| count(*kind)).collect::<Vec<_>>(), [0, 2, 1, 1, 0, 1, 1, 0]);
    let all = now(world.app.orders(None, None, 10)).unwrap().orders;
    assert!(!format!("{all:?}{}", serde_json::to_string(&all).unwrap()).contains("example.com"));
    let failed = all.iter().find(|order| matches!(order.state, OrderState::Failed { .. })).unwrap();
    assert_eq!(failed.action.customer(), Some(&id("c-9").customer));

    let told = now(world.ledger.all_notes(&id("c-1").customer)).unwrap();
    let replay = all.iter().find(|order| order.action.customer() == Some(&id("c-1").customer)).unwrap();
    assert!(told[0].what.contains(&replay.id.to_string()) && told[0].what.contains("aoife"), "{told:?}");
}
