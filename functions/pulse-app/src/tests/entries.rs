use std::sync::Arc;

use pulse_core::{
    advice::Advice,
    control::Note,
    entry::{Progress, StageName},
    ports::{Ledger as _, LedgerReports as _},
    replay::{ReplayError, Requeued},
    run::RunId,
    settlement::{Settled, SettlementError, SettlementOutcome},
    stage::Preview,
    why::Reason,
};

use super::{World, customer, id, now, run, start, unreadable::Unreadable};
use crate::{CustomerWhyError, ReplayOrder, RunQuestion};

fn note() -> Note {
    Note::parse("asked for it by phone").unwrap()
}

#[test]
fn mails_of_which_it_is_not_known_whether_they_were_accepted_are_listed_and_settled() {
    let world = World::new();
    world.bring_unsettled("c-1");
    world.bring_failed("c-2");
    let unsettled = now(world.app.unsettled()).unwrap();
    let [mail] = unsettled.mails.as_slice() else { panic!("{unsettled:?}") };
    assert_eq!((mail.key.as_str(), unsettled.all), ("c-1_2026-11", 1));
    assert_eq!(mail.advice(), Advice::Settle { customer: id("c-1").customer, run: run(), item: None });

    let sent = SettlementOutcome::Sent { provider_id: "m-1".into() };
    let report = now(world.app.settle(&id("c-1"), &sent, &note())).unwrap();
    assert_eq!(report.settled, Settled::Sent);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json, serde_json::json!({ "customer": "c-1", "run": "2026-11", "outcome": "sent" }));
    assert_eq!(now(world.app.unsettled()).unwrap().mails, []);
    let notes = now(world.ledger.activities(&id("c-1").customer)).unwrap();
    assert!(notes[0].what.contains("asked for it by phone"), "{notes:?}");

    let missing = now(world.app.settle(&id("c-9"), &sent, &note())).unwrap_err();
    assert_eq!(missing, SettlementError::NoEntry(id("c-9")));
    assert_eq!(missing.advice(), Some(Advice::LookAtCustomer { customer: id("c-9").customer }));
}

#[test]
fn a_replay_is_looked_at_first_and_then_ordered() {
    let world = World::new();
    world.bring_failed("c-1");
    let preview = now(world.app.replay(&id("c-1"), &ReplayOrder::Preview)).unwrap();
    assert_eq!((&preview.prospect.preview, preview.requeued.as_ref()), (&Preview::Score { and_skip: None }, None));
    assert_eq!(preview.advice(), Some(Advice::ReplayAgain { customer: id("c-1").customer, run: run() }));
    assert_eq!(world.waiting(StageName::Score), 0);
    let done = now(world.app.replay(&id("c-1"), &ReplayOrder::Again)).unwrap();
    assert_eq!(done.requeued, Some(Requeued::Queued { stage: StageName::Score }));
    assert_eq!((done.advice(), world.waiting(StageName::Score)), (None, 1));
}

#[test]
fn who_has_their_mail_gets_a_further_one_only_by_force() {
    let world = World::new();
    world.bring_unsettled("c-1");
    now(world.app.settle(&id("c-1"), &SettlementOutcome::Sent { provider_id: "m-1".into() }, &note())).unwrap();
    let refused = now(world.app.replay(&id("c-1"), &ReplayOrder::Again)).unwrap_err();
    let (customer, repeat) = (id("c-1").customer, RunId::parse("2026-11-r2").unwrap());
    assert_eq!(refused, ReplayError::Closed { entry: id("c-1"), state: "sent" }.into());
    assert_eq!(refused.advice(), Some(Advice::OrderFurtherMail { customer: customer.clone(), run: run() }));
    let done = now(world.app.replay(&id("c-1"), &ReplayOrder::ByForce(note()))).unwrap();
    assert_eq!(done.requeued, Some(Requeued::Repeated { run: repeat }));
    assert_eq!(done.advice(), Some(Advice::Why { customer, run: repeat }));
}

#[test]
fn why_of_a_run_is_that_of_the_current_month_unless_another_is_named() {
    let world = World::new();
    world.bring_failed("c-1");
    let why = |run| now(world.app.why_run(RunQuestion { run, limit: 100, in_depth: true })).unwrap();
    let report = why(None);
    assert_eq!((report.run, report.adds_up()), (run(), true));
    assert_eq!(report.count(Reason::Failed(StageName::Score)), 1);
    assert_eq!(report.advice(), [Advice::Redrive { stage: StageName::Score, run: run() }]);
    assert_eq!(why(Some(RunId::parse("2026-10").unwrap())).count(Reason::Failed(StageName::Score)), 0);
}

#[test]
fn why_of_a_customer_says_what_to_do_next() {
    let world = World::new();
    world.bring_failed("c-1");
    let customer = customer("c-1").id;
    let story = now(world.app.why_customer(&customer, Some(run()))).unwrap();
    let stage = StageName::Score;
    let redrive =
        [Advice::Redrive { stage, run: run() }, Advice::ReplayAgain { customer: customer.clone(), run: run() }];
    assert!(redrive.iter().all(|advice| story.advice().contains(advice)), "{:?}", story.advice());

    let other = RunId::parse("2026-10").unwrap();
    let error = now(world.app.why_customer(&customer, Some(other))).unwrap_err();
    assert_eq!(error, CustomerWhyError::NotInRun { customer, run: other });
    let unknown = now(world.app.why_customer(&id("c-9").customer, None)).unwrap_err();
    assert_eq!(unknown.to_string(), "Customer c-9 is not on the roster");
    assert_eq!(unknown.advice(), Some(Advice::EnrollSomeone));
}

#[test]
fn what_was_not_sent_is_queued_again() {
    let world = World::new();
    world.bring_unsettled("c-1");
    let report = now(world.app.settle(&id("c-1"), &SettlementOutcome::NotSent, &note())).unwrap();
    assert_eq!((report.settled, world.waiting(StageName::Email)), (Settled::Queued, 1));
    let entry = now(world.ledger.entry(&id("c-1"))).unwrap().unwrap();
    assert_eq!(*entry.progress(), Progress::Waiting);
}

#[test]
fn a_customers_story_is_told_though_a_function_has_a_configuration_that_cannot_be_read() {
    let mut world = World::new();
    world.bring_failed("c-1");
    world.app.settings = Arc::new(Unreadable);
    let story = now(world.app.why_customer(&id("c-1").customer, None)).unwrap();
    let [outlook] = story.outlooks.as_slice() else { panic!("{story:?}") };
    assert_eq!((&outlook.then, outlook.will_be_skipped), (&None, None));
}

#[test]
fn an_export_of_someone_who_was_forgotten_says_so_and_no_blank_as_a_fact() {
    let world = World::new();
    world.bring_failed("c-1");
    let export = || serde_json::to_value(now(world.app.export(&id("c-1").customer)).unwrap()).unwrap();
    assert_eq!((&export()["profile"]["id"], export().get("forgotten")), (&"c-1".into(), None));
    now(world.app.forget(&id("c-1").customer, &note(), &mut |_, _| {})).unwrap();
    let export = export();
    assert_eq!(export.get("profile"), None);
    let forgotten = &export["forgotten"];
    assert_eq!((&forgotten["id"], &forgotten["note"]), (&"c-1".into(), &"asked for it by phone".into()));
    assert_eq!(forgotten["at"], start().to_string());
    assert!(
        forgotten["kept"].as_array().unwrap().iter().all(|kept| kept.as_str().unwrap().contains(": so that")
            || kept.as_str().unwrap().contains("should they come back")),
        "{forgotten}"
    );
    assert_eq!(export["entries"].as_array().map(Vec::len), Some(1));
}
