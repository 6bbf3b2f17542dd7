use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{
    dead_letters::RedriveOrder,
    delivery::{Delivery, DeliveryChange, Endpoint, EndpointName, Fact, FactId, FactKind, Owner, Subject, Target},
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    orders::OrderAction,
    ports::{Deliveries as _, DlqName, Endpoints as _, Ledger as _},
    why::NextWord,
};

use super::{World, customer, id, now, start};
use crate::{DeliveriesError, DeliveryListed, DeliveryQuestion, EndpointError};

const QUEUE: DlqName = DlqName::Stage(StageName::Deliver);

fn name(name: &str) -> EndpointName {
    EndpointName::parse(name).unwrap()
}

/// A world with endpoints `crm` and `warehouse`.
fn told() -> World {
    let world = World::new();
    for name in ["crm", "warehouse"] {
        let bus = Target::bus("pulse").unwrap();
        let endpoint = Endpoint::new(self::name(name), bus, [FactKind::Sent], "aoife".into(), start());
        assert!(now(world.ledger.save_endpoint(&endpoint)).unwrap());
    }
    world
}

/// Word of a customer's mail that waits since then.
fn bring(world: &World, whose: &str, to: &str, since: Timestamp) -> Delivery {
    let fact = FactId { subject: Subject::Entry(id(whose)), version: 5, kind: FactKind::Sent };
    let delivery = Delivery::of(Fact { id: fact, as_of: since, written_at: since }, name(to));
    let known = now(world.ledger.customer(&id(whose).customer)).unwrap().unwrap_or_else(|| customer(whose));
    assert!(now(world.ledger.save_with_word(&known, std::slice::from_ref(&delivery))).unwrap());
    delivery
}

fn apply(world: &World, change: DeliveryChange) -> Delivery {
    now(world.ledger.apply_delivery(&change)).unwrap();
    change.into_after()
}

fn fail(world: &World, delivery: &Delivery) -> Delivery {
    let claimed = apply(world, delivery.claim(start(), start() + Duration::from_mins(1)).unwrap());
    apply(world, claimed.release(None, Cause::new("It answered 503."), start()).unwrap())
}

/// Word that an endpoint refused, with its letter.
fn give_up(world: &World, delivery: &Delivery) {
    apply(world, delivery.give_up(Cause::new("It answered 422."), start()).unwrap());
    bury(world, delivery);
}

fn bury(world: &World, delivery: &Delivery) {
    world.dlqs[StageName::Deliver].send_body(&WorkMessage::for_delivery(delivery.id()).body());
}

fn ask(world: &World, question: &DeliveryQuestion) -> (Vec<DeliveryListed>, bool) {
    let report = now(world.app.deliveries(question, &|| false)).unwrap();
    (report.deliveries, report.is_more)
}

fn whose(listed: &[DeliveryListed]) -> Vec<String> {
    listed.iter().map(|one| format!("{} to {}", one.owner, one.endpoint)).collect()
}

fn ago(minutes: u64) -> Timestamp {
    start() - Duration::from_mins(minutes)
}

#[test]
fn what_waits_longest_comes_first_with_how_often_it_was_tried_and_what_went_wrong() {
    let world = told();
    bring(&world, "c-1", "crm", ago(5));
    let failing = bring(&world, "c-2", "crm", ago(50));
    fail(&world, &failing);
    bring(&world, "c-3", "warehouse", ago(20));
    let delivered = bring(&world, "c-4", "crm", ago(90));
    let claimed = apply(&world, delivered.claim(start(), start()).unwrap());
    apply(&world, claimed.record_delivered(start()).unwrap());

    let (listed, is_more) = ask(&world, &DeliveryQuestion { limit: 10, ..DeliveryQuestion::default() });
    let expected = ["customer/c-2 to crm", "customer/c-3 to warehouse", "customer/c-1 to crm"];
    assert_eq!((whose(&listed), is_more), (expected.map(str::to_owned).into(), false));
    let DeliveryListed { owner, run, fact, since, calls, cause, given_up, .. } = &listed[0];
    assert_eq!((owner, run, fact), (&Owner::Customer(id("c-2").customer), &Some(super::run()), &FactKind::Sent));
    assert_eq!((since, calls, given_up), (&ago(50), &1, &false));
    assert_eq!(cause.as_ref().map(Cause::as_str), Some("It answered 503."));
    assert_eq!((listed[2].calls, &listed[2].cause), (0, &None));

    let of_crm = DeliveryQuestion { endpoint: Some(name("crm")), limit: 1, failed: false };
    let (listed, is_more) = ask(&world, &of_crm);
    assert_eq!((whose(&listed), is_more), (vec!["customer/c-2 to crm".to_owned()], true));
    let nobody = DeliveryQuestion { endpoint: Some(name("nobody")), ..of_crm };
    let error = now(world.app.deliveries(&nobody, &|| false)).unwrap_err();
    assert_eq!(error, DeliveriesError::Endpoint(EndpointError::Unknown(name("nobody"))));
}

#[test]
fn what_was_given_up_is_found_by_its_letters_which_stay() {
    let world = told();
    bring(&world, "c-1", "crm", ago(5));
    for (whose, to, minutes) in [("c-2", "crm", 10), ("c-3", "warehouse", 20), ("c-4", "crm", 30)] {
        give_up(&world, &bring(&world, whose, to, ago(minutes)));
    }
    // Its message died with a worker, and another brought it.
    let delivered = bring(&world, "c-5", "crm", ago(40));
    bury(&world, &delivered);
    let claimed = apply(&world, delivered.claim(start(), start()).unwrap());
    apply(&world, claimed.record_delivered(start()).unwrap());
    world.dlqs[StageName::Deliver].send_body("no message");

    let question = DeliveryQuestion { endpoint: Some(name("crm")), failed: true, limit: 10 };
    let (listed, is_more) = ask(&world, &question);
    assert_eq!(
        (whose(&listed), is_more),
        (["customer/c-4 to crm", "customer/c-2 to crm"].map(str::to_owned).into(), false)
    );
    assert!(listed.iter().all(|one| one.given_up && one.cause == Some(Cause::new("It answered 422."))), "{listed:?}");
    let (all, _) = ask(&world, &DeliveryQuestion { endpoint: None, ..question });
    assert_eq!(all.len(), 3);
    let counts = now(world.app.given_up_counts(&|| false)).unwrap();
    assert_eq!((counts.by_endpoint, counts.is_more), ([(name("crm"), 2), (name("warehouse"), 1)].into(), false));
    assert_eq!(world.dlqs[StageName::Deliver].depth().visible, 5);
}

#[test]
fn the_letters_of_one_endpoint_come_back_alone() {
    let world = told();
    for (whose, to) in [("c-1", "crm"), ("c-2", "warehouse"), ("c-3", "crm")] {
        give_up(&world, &bring(&world, whose, to, ago(10)));
    }
    world.bring_failed("c-4");
    let endpoint = Some(name("crm"));
    let action = OrderAction::Redrive { queue: QUEUE, cause: None, endpoint: endpoint.clone(), rate: None };
    let preview = now(world.app.preview_order(&action, &mut |_| {}, &|| false)).unwrap();
    assert_eq!((preview.expected, preview.what.as_str()), (2, "redrive the deliver queue's letters of word for crm"));
    let order = RedriveOrder { endpoint, ..RedriveOrder::default() };
    let report = now(world.app.redrive(QUEUE, &order, &mut |_| {}, &|| false)).unwrap().redriven;
    assert_eq!((report.redriven, report.others, world.waiting(StageName::Deliver)), (2, 1, 2));
    assert_eq!(world.dlqs[StageName::Deliver].depth().visible, 1);
    let of_none = RedriveOrder { endpoint: Some(name("nobody")), ..order };
    let report = now(world.app.redrive(QUEUE, &of_none, &mut |_| {}, &|| false)).unwrap().redriven;
    assert_eq!((report.redriven, report.others), (0, 1));
}

#[test]
fn of_one_endpoint_each_fact_that_waits_says_what_comes_next() {
    let world = told();
    let failing = bring(&world, "c-1", "crm", ago(2));
    fail(&world, &failing);
    bring(&world, "c-2", "crm", ago(1));
    bring(&world, "c-3", "warehouse", ago(3));
    let report = now(world.app.endpoint_report(&name("crm"), 10)).unwrap();
    let told: Vec<_> = report.word.iter().map(|word| (word.delivery.owner.to_string(), word.next.clone())).collect();
    assert_eq!(told.iter().map(|(owner, _)| owner.as_str()).collect::<Vec<_>>(), ["customer/c-1", "customer/c-2"]);
    let is_so = matches!(&told[0].1, NextWord::Retries { cause, .. } if cause.as_str() == "It answered 503.");
    assert!(is_so && matches!(told[1].1, NextWord::Waits { .. }) && !report.is_more, "{told:?}");
    let first = now(world.app.endpoint_report(&name("crm"), 1)).unwrap();
    assert_eq!((first.word.len(), first.is_more, first.listed.waiting.deliveries), (1, true, 2));
    let nobody = now(world.app.endpoint_report(&name("nobody"), 1)).unwrap_err();
    assert_eq!(nobody, EndpointError::Unknown(name("nobody")));
}
