use std::time::Duration;

use pulse_core::{
    advice::Advice,
    control::Note,
    customer::{Contact, EmailAddress},
    entry::StageName,
    feedback::{FeedbackCount, FeedbackCounts, Reputation, ReputationBreaker, ReputationPolicy},
    overview::How,
    pausing::PausingError,
    ports::{Controls as _, FeedbackLog as _, Ledger as _},
    suppression::SuppressionReason,
};

use super::{World, customer, now, run, start};
use crate::{AtProvider, NextLook, PauseOrder, SwitchError, Until};

fn note() -> Note {
    Note::parse("they wrote").unwrap()
}

fn address() -> EmailAddress {
    let Contact::Email(address) = customer("c-1").contact else { panic!("an address") };
    address
}

#[test]
fn an_operator_adds_an_address_looks_it_up_and_releases_it_at_ses_too() {
    let world = World::by_ses();
    let app = &world.app;
    assert_eq!(now(app.suppression(&address())), Ok(None));
    now(app.suppress(&address(), &note())).unwrap();
    world.ses.hold(&address());
    let state = now(app.suppression(&address())).unwrap().unwrap();
    let [held] = state.in_force.as_slice() else { panic!("{state:?}") };
    assert_eq!(held.reason, SuppressionReason::Operator);
    assert_eq!(held.evidence.cause.as_ref().unwrap().as_str(), "aoife: they wrote");
    let listed = now(app.suppressions(10)).unwrap();
    assert_eq!((listed.by_reason[&SuppressionReason::Operator], listed.newest.len()), (1, 1));
    assert_eq!(listed.newest[0].digest.len(), 12);

    world.clock.advance(Duration::from_secs(1));
    let released = now(app.release(&address(), &note())).unwrap();
    assert_eq!((released.before.len(), released.at_provider), (1, AtProvider::Released));
    let state = now(app.suppression(&address())).unwrap().unwrap();
    assert_eq!((state.in_force.len(), state.released.unwrap().by.as_str()), (0, "aoife"));
    let again = now(app.release(&address(), &note())).unwrap();
    assert_eq!((again.before.len(), again.at_provider), (0, AtProvider::NotHeld));
    let json = serde_json::to_string(&now(app.suppressions(10)).unwrap()).unwrap();
    assert!(!json.contains(address().expose()) && json.contains("\"released\":1"), "{json}");
}

#[test]
fn an_address_that_was_never_suppressed_is_released_at_ses_and_nothing_is_kept_of_it() {
    let world = World::by_ses();
    world.ses.hold(&address());
    assert_eq!(now(world.app.release(&address(), &note())).unwrap().at_provider, AtProvider::Released);
    assert_eq!(now(world.ledger.suppression(&address())), Ok(None));
}

#[test]
fn what_marketing_cloud_holds_is_said_to_be_released_by_hand() {
    let world = World::new();
    now(world.app.suppress(&address(), &note())).unwrap();
    assert_eq!(now(world.app.release(&address(), &note())).unwrap().at_provider, AtProvider::ByHand);
}

/// 9 of 2,000 recipients have called their mail spam.
fn with_complaints() -> World {
    let world = World::new();
    let counts = FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard | FeedbackCount::Delivered => 2_000,
        FeedbackCount::Complained => 9,
        _ => 0,
    });
    now(world.ledger.count_feedback(run(), start() - Duration::from_hours(2), &counts)).unwrap();
    world
}

fn breaker(world: &World) -> ReputationBreaker<'_> {
    let (log, campaigns, controls, clock) = (&*world.ledger, &*world.ledger, &*world.ledger, &*world.clock);
    ReputationBreaker { log, campaigns, controls, clock, policy: ReputationPolicy::default() }
}

#[test]
fn what_tick_is_about_to_hold_is_told_apart_from_what_is_held_and_a_note_counts_ahead() {
    let world = with_complaints();
    let stage = StageName::Email;
    let email = || now(world.app.overviews()).unwrap().into_iter().find(|one| one.stage == stage).unwrap();
    let reputation = || now(world.app.reputation()).unwrap();
    assert_eq!((reputation().will_hold, reputation().held_since, email().held), (true, None, None));
    let resume = |note: Option<&Note>| now(world.app.resume(stage, note, Until::Switched, &mut |_| {})).unwrap();
    let report = resume(None);
    assert_eq!((report.flows, report.was_held, report.next_look), (true, false, NextLook::Holds));
    assert_eq!(report.advice(), Some(Advice::ResumeWithNote { stage }));
    let report = resume(Some(&note()));
    assert_eq!((report.flows, report.was_held, report.next_look), (true, false, NextLook::Cleared));
    assert_eq!(report.advice(), None);
    assert!(!reputation().will_hold);
    assert_eq!(now(breaker(&world).run()), Ok(Reputation::Good));
    assert_eq!(email().held, None);
    let cleared = now(world.ledger.control(stage)).unwrap().cleared.unwrap();
    assert_eq!((cleared.by.as_str(), cleared.note), ("aoife", note()));
    // The figures of today don't need it any more.
    assert_eq!(resume(Some(&note())).next_look, NextLook::Nothing);
}

#[test]
fn a_pause_beside_a_hold_for_bad_reputation_keeps_both_notes_and_says_that_one_is_needed() {
    let world = with_complaints();
    assert_eq!(now(breaker(&world).run()), Ok(Reputation::Bad));
    assert!(now(world.app.reputation()).unwrap().held_since.is_some());
    let (stage, lasts) = (StageName::Email, Some(Duration::from_hours(6)));
    let order = PauseOrder { stage, note: note(), lasts, until: Until::Switched };
    let report = now(world.app.pause(&order, &mut |_| {})).unwrap();
    assert_eq!((report.needs_note, report.advice()), (true, Advice::ResumeWithNote { stage }));
    let email = now(world.app.overviews()).unwrap().into_iter().find(|one| one.stage == stage).unwrap();
    let How::Reputation { note: figures } = email.held.unwrap().how else { panic!("held for its reputation") };
    assert!(figures.as_str().contains("9 were called spam"), "{figures}");
    let [beside] = email.held_too.as_slice() else { panic!("{:?}", email.held_too) };
    assert_eq!(beside.how, How::Command { who: "aoife".into(), note: note() });
    // A note ends both.
    assert!(now(world.app.resume(stage, Some(&note()), Until::Switched, &mut |_| {})).unwrap().flows);
}

#[test]
fn complaints_hold_the_email_stage_and_only_a_note_lets_it_go() {
    let world = with_complaints();
    let breaker = breaker(&world);
    assert_eq!(now(breaker.run()), Ok(Reputation::Bad));
    let status = now(world.app.status()).unwrap();
    assert_eq!((status.reputation.standing, status.reputation.counts.complaints), (Reputation::Bad, 9));
    let held = status.stages.iter().find(|stage| stage.stage == StageName::Email).unwrap().held.clone().unwrap();
    assert!(matches!(held.how, How::Reputation { .. }), "{held:?}");
    let stage = StageName::Email;
    assert_eq!(held.advice(stage), [Advice::ResumeWithNote { stage }]);
    assert_eq!(serde_json::to_value(&held).unwrap()["by"], "reputation");

    let refused = now(world.app.resume(stage, None, Until::Switched, &mut |_| {})).unwrap_err();
    assert_eq!(refused, SwitchError::Pausing(PausingError::NoteNeeded(stage)));
    assert_eq!(refused.advice(), Some(Advice::ResumeWithNote { stage }));
    assert!(now(world.app.resume(stage, Some(&note()), Until::Switched, &mut |_| {})).unwrap().flows);
    // What was counted before counts no more.
    let reputation = now(world.app.reputation()).unwrap();
    assert_eq!((reputation.standing, reputation.counts.mails), (Reputation::Good, 0));
    assert_eq!(now(breaker.run()), Ok(Reputation::Good));
}
