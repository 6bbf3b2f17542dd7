//! The whole table of what may follow what, asked of the transitions themselves.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::{Change, Entry, EntryId, IllegalTransition, Progress, Queueing, SkipReason, StageName};
use crate::{
    customer::CustomerId,
    failure::Cause,
    run::RunId,
    score::{Band, Score, ScoreValue},
};

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn score() -> Score {
    Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now() }
}

fn entry(at: StageName, progress: Progress) -> Entry {
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
    let is_scored = at == StageName::Email && !matches!(progress, Progress::Skipped { .. });
    Entry { at, progress, score: is_scored.then(score), ..Entry::scheduled(id, now(), None) }
}

fn scheduled() -> Entry {
    entry(StageName::Score, Progress::Waiting)
}

fn scored() -> Entry {
    entry(StageName::Email, Progress::Waiting)
}

/// A mail under way, whose claim is just over.
fn sending() -> Entry {
    entry(StageName::Email, Progress::Claimed { lease_until: now() })
}

/// An entry in every state, with leases that are live and over, in doubt and not.
fn entries() -> Vec<(&'static str, Entry)> {
    let doubtful = |entry| Entry { in_doubt_since: Some(now()), ..entry };
    let cause = || Cause::new("It was so.");
    let failed = |stage| entry(stage, Progress::Failed { cause: cause(), at: now() });
    let claimed = |stage, lease_until| entry(stage, Progress::Claimed { lease_until });
    let (live, over) = (now() + 1.minute(), now());
    let skipped = |reason| entry(StageName::Email, Progress::Skipped { reason, at: now() });
    vec![
        ("scheduled", scheduled()),
        ("scoring", claimed(StageName::Score, live)),
        ("scoring, lease over", claimed(StageName::Score, over)),
        ("scored", scored()),
        ("sending", claimed(StageName::Email, live)),
        ("sending, lease over", claimed(StageName::Email, over)),
        ("sent", entry(StageName::Email, Progress::Done { provider_id: "p".into(), at: now() })),
        ("skipped", skipped(SkipReason::OptedOut)),
        ("skipped, had left", skipped(SkipReason::Closed)),
        ("skipped, had left, in doubt", doubtful(skipped(SkipReason::Closed))),
        ("failed scoring", failed(StageName::Score)),
        ("failed email", failed(StageName::Email)),
        ("indeterminate", entry(StageName::Email, Progress::Indeterminate { cause: cause(), at: now() })),
        ("unconfirmed", entry(StageName::Email, Progress::Unconfirmed { cause: cause(), at: now() })),
        ("scored, in doubt", doubtful(scored())),
        ("failed email, in doubt", doubtful(failed(StageName::Email))),
    ]
}

type Step = fn(&Entry) -> Result<Change, IllegalTransition>;

/// Every step, with the states it may start from.
fn steps() -> Vec<(&'static str, Step, Vec<&'static str>)> {
    vec![
        (
            "claim for scoring",
            |e| e.claim(StageName::Score, now(), now() + 2.minutes()),
            vec!["scheduled", "scoring, lease over", "failed scoring"],
        ),
        ("record score", |e| e.record_score(score(), now()), vec!["scoring", "scoring, lease over"]),
        (
            "forget stale score",
            |e| e.forget_stale_score(now()),
            vec!["scored", "failed email", "scored, in doubt", "failed email, in doubt", "sending, lease over"],
        ),
        (
            "claim for sending",
            |e| e.claim(StageName::Email, now(), now() + 2.minutes()),
            vec!["scored", "sending, lease over", "failed email", "scored, in doubt", "failed email, in doubt"],
        ),
        (
            "release",
            |e| e.release(Cause::new("It was busy."), now()),
            vec!["scoring", "scoring, lease over", "sending", "sending, lease over"],
        ),
        (
            "record sent",
            |e| e.record_sent("p".into(), now(), None),
            vec![
                "sending",
                "sending, lease over",
                "failed email",
                "indeterminate",
                "unconfirmed",
                "scored, in doubt",
                "failed email, in doubt",
            ],
        ),
        (
            "skip",
            |e| e.skip(SkipReason::Closed, now(), None),
            vec![
                "scheduled",
                "scoring",
                "scoring, lease over",
                "scored",
                "sending",
                "sending, lease over",
                "failed scoring",
                "failed email",
                "scored, in doubt",
                "failed email, in doubt",
            ],
        ),
        (
            "fail scoring",
            |e| e.fail(StageName::Score, Cause::new("It was so."), now(), None),
            vec!["scheduled", "scoring", "scoring, lease over"],
        ),
        (
            "fail email",
            |e| e.fail(StageName::Email, Cause::new("It was so."), now(), None),
            vec!["scored", "sending", "sending, lease over", "scored, in doubt"],
        ),
        (
            "mark indeterminate",
            |e| e.mark_indeterminate(Cause::new("It was so."), now(), None),
            vec!["sending", "sending, lease over", "scored, in doubt", "failed email, in doubt"],
        ),
        (
            "release in doubt",
            |e| e.release_in_doubt(Cause::new("It was so."), now()),
            vec!["sending", "sending, lease over"],
        ),
        (
            "defer",
            |e| e.defer(StageName::Email, now() + 1.hour(), now()),
            vec!["scored", "scored, in doubt", "sending, lease over", "failed email", "failed email, in doubt"],
        ),
        (
            "queue again",
            |e| e.queue_again(now()),
            vec!["scheduled", "scoring, lease over", "scored", "scored, in doubt", "sending, lease over"],
        ),
        (
            "put off scoring",
            |e| e.put_off(StageName::Score, Cause::new("It was down."), now()),
            vec!["scheduled", "scoring", "scoring, lease over"],
        ),
        (
            "put off email",
            |e| e.put_off(StageName::Email, Cause::new("It was down."), now()),
            vec!["scored", "scored, in doubt", "sending", "sending, lease over"],
        ),
        ("record unsent", |e| e.record_unsent(now()), vec!["indeterminate", "unconfirmed"]),
        ("mark unconfirmed", Entry::mark_unconfirmed, vec!["indeterminate"]),
        ("reschedule", |e| e.reschedule(now() + 1.hour()), vec!["scheduled"]),
        ("reopen", |e| e.reopen(now() + 1.hour()), vec!["skipped, had left"]),
    ]
}

#[test]
fn a_step_is_taken_from_the_listed_states_and_refused_from_all_others() {
    for (step, take, legal) in steps() {
        for (name, entry) in entries() {
            let taken = take(&entry).is_ok();
            assert_eq!(taken, legal.contains(&name), "{step} from {name}");
        }
    }
}

#[test]
fn a_sent_or_skipped_entry_never_moves_again_but_for_who_comes_back() {
    for (step, take, _) in steps() {
        for (name, entry) in entries() {
            let comes_back = (step, name) == ("reopen", "skipped, had left");
            if !comes_back && matches!(entry.progress(), Progress::Done { .. } | Progress::Skipped { .. }) {
                assert!(take(&entry).is_err(), "{step} from {name}");
            }
        }
    }
}

#[test]
fn a_refused_step_says_which_entry_and_what_it_is() {
    let error = scheduled().record_score(score(), now()).unwrap_err();
    assert_eq!(error.to_string(), "entry c-1/2026-11 is scheduled and can't be handed on");
}

#[test]
fn a_released_claim_keeps_the_score_and_the_trouble() {
    let sending = sending();
    let released = sending.release(Cause::new("The provider was busy."), now()).unwrap().into_after();
    assert_eq!((released.state(), released.score()), ("scored", Some(&score())));
    assert_eq!(released.failure_streak().unwrap().cause.as_str(), "The provider was busy.");
}

#[test]
fn an_entry_stays_in_doubt_since_the_first_mail_that_got_no_answer() {
    let later = now() + 1.hour();
    let sending = sending();
    let again = sending.claim(StageName::Email, later, later + 2.minutes()).unwrap().into_after();
    assert_eq!(again.in_doubt_since(), Some(now()));
    let released = again.release_in_doubt(Cause::new("The answer was lost."), later).unwrap().into_after();
    assert_eq!(released.in_doubt_since(), Some(now()));
    let failed = released.fail(StageName::Email, Cause::new("It was so."), later, None).unwrap().into_after();
    assert_eq!(failed.in_doubt_since(), Some(now()));
    let sent = failed.record_sent("p".into(), later, None).unwrap().into_after();
    assert_eq!(sent.in_doubt_since(), None);
}

#[test]
fn trouble_is_told_since_its_first_moment_unless_it_is_another() {
    let cause = || Cause::new("It was down.");
    let claim = |entry: &Entry, at| entry.claim(StageName::Score, at, at + 2.minutes()).unwrap().into_after();
    let mut entry = scheduled();
    let since = |entry: &Entry| entry.failure_streak().unwrap().since;
    for minutes in [0, 60, 120] {
        let at = now() + minutes.minutes();
        entry = claim(&entry, at).release(cause(), at).unwrap().into_after();
        assert_eq!(since(&entry), now());
    }
    assert_eq!(entry.failing_since(now() + 4.hours()), Some(now()));
    // The provider asked for five hours, so these are no quiet ones.
    let asked = claim(&entry, now() + 3.hours()).release_for(Some(Duration::from_hours(5)), cause(), now() + 3.hours());
    assert_eq!(asked.unwrap().after().failing_since(now() + 10.hours()), Some(now()));
    let much_later = now() + 8.hours();
    assert_eq!(entry.failing_since(much_later), None);
    let entry = claim(&entry, much_later).put_off(StageName::Score, cause(), much_later).unwrap().into_after();
    assert_eq!(since(&entry), much_later);
}

#[test]
fn a_mail_that_was_under_way_when_it_was_put_off_or_its_score_too_old_stays_in_doubt() {
    let sending = sending();
    let put_off = sending.put_off(StageName::Email, Cause::new("It was down."), now() + 1.hour()).unwrap().into_after();
    // Since its lease was over, and not since somebody saw that.
    assert_eq!(put_off.in_doubt_since(), Some(now()));
    let stale = sending.forget_stale_score(now() + 1.hour()).unwrap().into_after();
    let scoring = stale.claim(StageName::Score, now(), now()).unwrap().into_after();
    assert_eq!(scoring.record_score(score(), now()).unwrap().after().in_doubt_since(), Some(now()));
}

#[test]
fn an_entry_that_was_put_off_waits_anew_when_its_message_is_sent() {
    let later = now() + 1.hour();
    let deferred = scored().defer(StageName::Email, later, now()).unwrap().into_after();
    assert_eq!((deferred.queueing(), deferred.awaited_since()), (Queueing::Deferred, later));
    let queued = deferred.queue_again(later).unwrap().into_after();
    assert_eq!((queued.queueing(), queued.awaited_since()), (Queueing::Pending, later));
    let again = queued.queue_again(later + 1.hour()).unwrap().into_after();
    assert_eq!(again.queueing(), Queueing::Requeued { at: later + 1.hour() });
    assert_eq!(again.due(), later);
}

proptest! {
    #[test]
    fn whatever_happens_versions_rise_by_one_and_only_sending_leads_to_sent(
        choices in prop::collection::vec(0_usize..steps().len(), 1..40),
    ) {
        let steps = steps();
        let mut current = scheduled();
        for choice in choices {
            let (step, take, _) = &steps[choice];
            let Ok(change) = take(&current) else { continue };
            prop_assert_eq!(change.expected_version(), current.version());
            prop_assert_eq!(change.after().version(), current.version() + 1);
            prop_assert_eq!(change.after().id(), current.id());
            if matches!(change.after().progress(), Progress::Done { .. }) {
                prop_assert_eq!(*step, "record sent");
                prop_assert!(current.claims() > 0, "sent without a claim");
            }
            current = change.into_after();
        }
    }
}
