//! What a partner's answer makes of an entry.

use jiff::ToSpan as _;

use super::*;
use crate::{
    customer::CustomerId,
    entry::{Entry, EntryId, Erasing, Plan, Position, Progress, Queueing, StageName},
    failure::Cause,
    run::RunId,
    score::{Band, Score, ScoreValue},
};

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn called() -> Called {
    Called { at: now(), reference: Some(Reference::parse("INV-0042").unwrap()) }
}

fn entry(steps: &[StageName]) -> Entry {
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("invoices").unwrap());
    Entry::of_campaign(id, Plan::of(steps).unwrap(), now())
}

fn claimed(entry: &Entry, stage: StageName) -> Entry {
    entry.claim(stage, now(), now() + 2.minutes()).unwrap().into_after()
}

fn calling() -> Entry {
    claimed(&entry(&[StageName::Call, StageName::Email]), StageName::Call)
}

#[test]
fn a_reference_is_one_short_line_and_never_shown() {
    let reference = Reference::parse(" INV-0042 \u{65e5}\n").unwrap();
    assert_eq!((reference.expose(), format!("{reference:?}")), ("INV-0042 \u{65e5}", "Reference(..)".to_owned()));
    let longest = "\u{e9}".repeat(Reference::LONGEST);
    assert!(Reference::parse(&longest).is_ok());
    for bad in ["", "  ", &format!("{longest}x"), "a\u{0}b", "a\r\nb", "a\u{2028}b", "a\u{7f}"] {
        let error = Reference::parse(bad).unwrap_err().to_string();
        assert!(error.starts_with("reference ") && (bad.trim().is_empty() || !error.contains(bad)), "{error}");
    }
    assert!(serde_json::from_str::<Reference>(r#""a\tb""#).is_err());
}

#[test]
fn what_was_done_is_kept_and_the_next_stage_is_due() {
    let waiting = entry(&[StageName::Call, StageName::Email]);
    assert_eq!((waiting.state(), calling().state()), ("to-call", "calling"));
    let done = calling().record_called(called(), now() + 1.minute()).unwrap().into_after();
    assert_eq!((done.state(), done.called(), done.due()), ("scored", Some(&called()), now() + 1.minute()));
    for entry in [&waiting, &done] {
        assert!(entry.record_called(called(), now()).is_err(), "it isn't being called for");
    }
    let kept = serde_json::to_string(&done).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&kept).unwrap(), done);
    // A row without it is as it was before there was any.
    assert!(!serde_json::to_string(&calling()).unwrap().contains("called"));
}

#[test]
fn an_entry_whose_partner_is_not_ready_waits_without_a_message_and_nothing_has_failed() {
    let failed = calling().release(Cause::new("It was busy."), now()).unwrap().into_after();
    let until = now() + 10.minutes();
    let waiting = claimed(&failed, StageName::Call).postpone(until).unwrap().into_after();
    assert_eq!((waiting.progress(), waiting.queueing()), (&Progress::Waiting, Queueing::Deferred));
    assert_eq!((waiting.due(), waiting.failure_streak()), (until, None));
    assert!(matches!(waiting.position(), Position::Open { stage: StageName::Call, .. }));
    assert!(waiting.dispatch(now()).is_err(), "not before its time");
    assert!(waiting.dispatch(until).is_ok());
    // Of a mail nobody may say that nothing was done, nor of what no worker has.
    let mailing = claimed(&entry(&[StageName::Email]), StageName::Email);
    assert!(mailing.postpone(until).is_err() && waiting.postpone(until).is_err());
}

#[test]
fn a_call_whose_answer_was_lost_is_no_doubt() {
    let over = calling();
    assert_eq!(over.in_doubt_since(), None);
    assert!(over.release_in_doubt(Cause::new("It was lost."), now()).is_err());
    let again = over.claim(StageName::Call, now() + 1.hour(), now() + 2.hours()).unwrap().into_after();
    let closed = again.close_with_campaign(Some(Cause::new("It was over.")), now() + 1.hour()).unwrap();
    assert!(matches!(closed.after().progress(), Progress::Abandoned { .. }));
}

#[test]
fn who_is_scored_again_is_not_called_for_again() {
    let steps = [StageName::Score, StageName::Call, StageName::Email];
    let score = Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now() };
    let scored = claimed(&entry(&steps), StageName::Score).record_score(score.clone(), now()).unwrap().into_after();
    assert_eq!(scored.waits_for(), Some(StageName::Call));
    let done = claimed(&scored, StageName::Call).record_called(called(), now()).unwrap().into_after();
    let stale = done.forget_stale_score(now()).unwrap().into_after();
    let again = claimed(&stale, StageName::Score).record_score(score, now()).unwrap().into_after();
    assert_eq!((again.waits_for(), again.called()), (Some(StageName::Email), Some(&called())));
}

#[test]
fn whoever_is_forgotten_leaves_no_reference() {
    let done = calling().record_called(called(), now()).unwrap().into_after();
    let sent = claimed(&done, StageName::Email).record_sent("m-1".into(), now(), None).unwrap().into_after();
    for entry in [done, sent] {
        let Erasing::Change(change) = entry.erase(now()) else { panic!("there is something to erase") };
        assert_eq!(change.after().called(), None);
        assert_eq!(change.after().erase(now()), Erasing::Done);
    }
}
