use jiff::ToSpan as _;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    customer::CustomerId,
    entry::{EntryId, SkipReason, StageName},
    failure::Cause,
    feedback::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    run::RunId,
};

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn entry(at: StageName, progress: Progress) -> Entry {
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
    Entry { at, progress, ..Entry::scheduled(id, now(), None) }
}

fn cause() -> Cause {
    Cause::new("It was so.")
}

/// An entry in every state that no worker has.
fn states() -> Vec<Entry> {
    let in_doubt = |entry| Entry { in_doubt_since: Some(now()), ..entry };
    let email = |progress| entry(StageName::Email, progress);
    vec![
        entry(StageName::Score, Progress::Waiting),
        in_doubt(entry(StageName::Score, Progress::Waiting)),
        email(Progress::Waiting),
        in_doubt(email(Progress::Waiting)),
        email(Progress::Claimed { lease_until: now() }),
        email(Progress::Done { provider_id: "recorded".into(), at: now() }),
        email(Progress::Skipped { reason: SkipReason::OptedOut, at: now() }),
        entry(StageName::Score, Progress::Failed { cause: cause(), at: now() }),
        email(Progress::Failed { cause: cause(), at: now() }),
        email(Progress::Indeterminate { cause: cause(), at: now() }),
        email(Progress::Unconfirmed { cause: cause(), at: now() }),
    ]
}

fn told(kind: FeedbackKind, at: Timestamp) -> FeedbackFacts {
    let about = About { provider_id: Some("told".into()), ..About::default() };
    FeedbackFacts::of(&Feedback { source: FeedbackSource::Ses, id: "1".into(), about, kind, at })
}

fn rejected() -> FeedbackKind {
    FeedbackKind::Rejected { cause: Cause::new("It has a virus."), invalid_address: false }
}

fn facts() -> impl Strategy<Value = FeedbackFacts> {
    let bounce = |kind| FeedbackKind::Bounced(Bounce { kind, status: None });
    let kinds = vec![
        FeedbackKind::Accepted,
        FeedbackKind::Delivered,
        FeedbackKind::Delayed,
        bounce(BounceKind::Hard),
        bounce(BounceKind::Soft),
        FeedbackKind::Complained,
        rejected(),
    ];
    (select(kinds), -2..3_i64).prop_map(|(kind, minutes)| told(kind, now() + minutes.minutes()))
}

/// What an entry comes to that hears all of this, one after the other.
fn after(entry: &Entry, facts: &[FeedbackFacts]) -> Entry {
    facts.iter().fold(entry.clone(), |entry, facts| match entry.hear(facts, now(), || None) {
        Hearing::News(change) => change.into_after(),
        Hearing::Known => entry,
        Hearing::Later { .. } => panic!("nobody has it"),
    })
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_what_is_told_gives_the_same_entry(
        state in select(states()),
        (told, again) in vec(facts(), 1..7).prop_flat_map(|told| {
            let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
            (Just(told), Just(twice).prop_shuffle())
        })
    ) {
        let unversioned = |entry: Entry| Entry { version: 0, ..entry };
        prop_assert_eq!(unversioned(after(&state, &told)), unversioned(after(&state, &again)));
    }

    #[test]
    fn what_was_heard_survives_the_way_to_the_ledger_and_back(
        state in select(states()), told in vec(facts(), 0..5)
    ) {
        let heard = after(&state, &told);
        let row = serde_json::to_string(&heard).unwrap();
        // The first release reads no mail without a score.
        prop_assert!(!row.contains("\"state\":\"sent\"") || row.contains("\"score\""), "{row}");
        prop_assert_eq!(serde_json::from_str::<Entry>(&row).unwrap(), heard);
    }

    #[test]
    fn an_entry_whose_mail_went_out_is_never_left_to_be_sent(state in select(states()), told in vec(facts(), 1..7)) {
        let heard = after(&state, &told);
        let is_skipped = matches!(state.progress(), Progress::Skipped { .. });
        if matches!(heard.feedback().verdict(), Some(Verdict::Went { .. })) && !is_skipped {
            prop_assert!(matches!(heard.progress(), Progress::Done { .. }), "{:?}", heard.progress());
        }
    }
}

#[test]
fn a_worker_that_has_the_entry_is_not_raced() {
    let until = now() + 1.minute();
    let claimed = entry(StageName::Email, Progress::Claimed { lease_until: until });
    let delivered = told(FeedbackKind::Delivered, now());
    assert_eq!(claimed.hear(&delivered, now(), || None), Hearing::Later { until });
    assert!(matches!(claimed.hear(&delivered, until, || None), Hearing::News(_)));
}

#[test]
fn a_doubt_is_settled_with_the_providers_id_and_next_months_entry_is_opened_once() {
    let next = || {
        let entry = entry(StageName::Score, Progress::Waiting);
        let run = RunId::parse("2026-12").unwrap();
        Some(Entry { id: EntryId { run, ..entry.id.clone() }, ..entry })
    };
    for state in states() {
        let Hearing::News(change) = state.hear(&told(FeedbackKind::Delivered, now()), now(), next) else {
            panic!("it is news to {state:?}");
        };
        assert_eq!(change.next().is_some(), state.is_open(), "{state:?}");
        match (state.progress(), change.after().progress()) {
            (Progress::Done { .. }, Progress::Done { provider_id, .. }) => assert_eq!(provider_id, "recorded"),
            (Progress::Skipped { .. }, Progress::Skipped { .. }) => {}
            (_, Progress::Done { provider_id, .. }) => assert_eq!(provider_id, "told"),
            (_, other) => panic!("{other:?}"),
        }
        assert!(change.after().in_doubt_since().is_none());
    }
}

#[test]
fn an_entry_of_which_a_mail_is_told_is_not_opened_again_for_who_comes_back() {
    let left = entry(StageName::Email, Progress::Skipped { reason: SkipReason::Closed, at: now() });
    assert!(left.reopen(now() + 1.hour()).is_ok());
    assert!(after(&left, &[told(FeedbackKind::Delivered, now())]).reopen(now() + 1.hour()).is_err());
}

#[test]
fn a_mail_that_was_not_sent_after_all_fails_for_good_unless_it_turns_out_that_it_was() {
    let sent = entry(StageName::Email, Progress::Done { provider_id: "recorded".into(), at: now() });
    let dropped = after(&sent, &[told(rejected(), now() + 1.minute())]);
    assert!(matches!(dropped.progress(), Progress::Failed { cause, .. } if cause.as_str() == "It has a virus."));
    // It turns out that it was delivered.
    let delivered = after(&dropped, &[told(FeedbackKind::Delivered, now() + 2.minutes())]);
    let Progress::Done { provider_id, at } = delivered.progress() else { panic!("{delivered:?}") };
    assert_eq!((provider_id.as_str(), *at), ("recorded", now()));
    // Nobody takes it up again: what is told of this mail couldn't be told from what is told of another.
    let later = now() + 10.minutes();
    assert!(dropped.claim(StageName::Email, later, later + 1.minute()).is_err());
    assert!(dropped.forget_stale_score(later).is_err() && dropped.defer(StageName::Email, later, later).is_err());
    assert!(dropped.record_sent("second".into(), later, None).is_err());
}
