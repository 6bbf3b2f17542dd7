use std::time::Duration;

use pulse_core::{
    advice::Advice,
    control::Note,
    customer::{Contact, EmailAddress},
    entry::StageName,
    feedback::{FeedbackCount, FeedbackCounts, Reputation, ReputationBreaker, ReputationPolicy},
    overview::How,
    pausing::PausingError,
    ports::{FeedbackLog as _, Ledger as _},
    suppression::SuppressionReason,
};

use super::{World, customer, now, run, start};
use crate::{AtProvider, SwitchError, Until};

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

#[test]
fn complaints_hold_the_email_stage_and_only_a_note_lets_it_go() {
    let world = World::new();
    let counts = FeedbackCounts::from_fn(|count| match count {
        FeedbackCount::Heard | FeedbackCount::Delivered => 2_000,
        FeedbackCount::Complained => 9,
        _ => 0,
    });
    now(world.ledger.count_feedback(run(), start() - Duration::from_hours(2), &counts)).unwrap();
    let (log, controls, clock) = (&*world.ledger, &*world.ledger, &*world.clock);
    let breaker = ReputationBreaker { log, controls, clock, policy: ReputationPolicy::default() };
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
