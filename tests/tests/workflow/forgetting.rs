//! Who asks to be forgotten is: wherever it is killed, whoever enrols them meanwhile, and whatever is told later.

use std::time::Duration;

use futures::FutureExt as _;
use pulse_core::{
    control::Note,
    customer::{CustomerId, Standing},
    enrollment::{Enrolled, Outcome, PartnerChange, PartnerName, PartnerOutcome},
    entry::{Progress, StageName},
    failure::Cause,
    feedback::{About, Feedback, FeedbackKind, FeedbackListener, FeedbackSource, Heard},
    forgetting::{Forgetting, Forgotten},
    ports::{Activity, Clock as _, CustomerNotes, Ledger, Schedules as _},
    score::{Band, Score, ScoreValue},
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::{
    first_release::{profile_written_back, written_back},
    in_memory_stack::{InMemoryStack, customer, entry_id},
};

use crate::mortal::Mortal;

const RUN: &str = "2026-11";

fn note() -> Note {
    Note::parse("asked by letter").unwrap()
}

async fn forget_by(stack: &InMemoryStack, ledger: &dyn Ledger, notes: &dyn CustomerNotes) -> Option<Forgotten> {
    let forgetting =
        Forgetting { ledger, in_campaigns: &*stack.ledger, notes, schedules: &stack.schedules, sleeper: &*stack.clock };
    let id = customer("c-1").id;
    forgetting.forget(&id, &"aoife".into(), &note(), &mut |_, _| {}).await.unwrap()
}

async fn forget(stack: &InMemoryStack) -> Forgotten {
    forget_by(stack, &*stack.ledger, &*stack.ledger).await.expect("a customer")
}

/// A stack with a customer whose mail of this month went out, or met this; with a note, and next month's entry open.
async fn mailed(failures: impl IntoIterator<Item = InjectedFailure>) -> InMemoryStack {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1"), customer("c-2")]).await;
    stack.mailer.fail_next(failures);
    stack.fire(&customer("c-1"));
    stack.drain().await;
    let activity = Activity { customer: customer("c-1").id, at: stack.clock.now(), what: "Ada rang us.".to_owned() };
    stack.ledger.note(&activity).await.unwrap();
    stack
}

/// All that is kept of the customer, as rows.
async fn kept(stack: &InMemoryStack) -> String {
    let id = customer("c-1").id;
    let profile = serde_json::to_string(&stack.ledger.customer(&id).await.unwrap()).unwrap();
    let entries = serde_json::to_string(&stack.ledger.entries(&id).await.unwrap()).unwrap();
    let notes = serde_json::to_string(&stack.ledger.all_notes(&id).await.unwrap()).unwrap();
    let schedule = format!("{:?}", stack.schedules.get(&id).await.unwrap());
    [profile, entries, notes, schedule].join("\n")
}

async fn assert_forgotten(stack: &InMemoryStack) {
    let id = customer("c-1").id;
    let profile = stack.ledger.customer(&id).await.unwrap().expect("a tombstone");
    assert!(profile.is_forgotten() && profile.mark.settled, "{profile:?}");
    assert_eq!(stack.schedules.get(&id).await.unwrap(), None);
    assert_eq!(stack.ledger.all_notes(&id).await.unwrap(), []);
    let rows = kept(stack).await;
    let before = serde_json::to_value(customer("c-1")).unwrap();
    let personal = [before["name"].as_str().unwrap(), before["contact"]["email"].as_str().unwrap(), "Ada"];
    for personal in personal {
        assert!(!rows.contains(personal), "{personal} in {rows}");
    }
    for entry in stack.ledger.entries(&id).await.unwrap() {
        assert!(entry.is_erased() && entry.score().is_none() && entry.previous().is_none(), "{entry:?}");
    }
    assert!(stack.audit(true).await.is_clean(), "an audit finds nothing to mend");
}

#[tokio::test]
async fn nothing_personal_is_left_and_the_run_goes_on_adding_up() {
    let stack = mailed([]).await;
    let before = (stack.state("c-1", RUN).await, stack.ledger.entries(&customer("c-1").id).await.unwrap().len());
    let done = forget(&stack).await;
    assert_eq!((done.again, done.entries, done.notes, done.in_doubt.len()), (false, before.1, 1, 0));
    assert_forgotten(&stack).await;
    assert_eq!(stack.state("c-1", RUN).await, before.0);
    // The other customer's rows are as they were.
    assert_eq!(stack.ledger.customer(&customer("c-2").id).await.unwrap().unwrap().standing, Standing::Active);
    let (rows, mark) = (kept(&stack).await, done.tombstone);
    stack.clock.advance(Duration::from_hours(1));
    let again = forget(&stack).await;
    assert_eq!((again.again, again.tombstone, again.notes), (true, mark, 0));
    assert_eq!(kept(&stack).await, rows);
    let nobody = CustomerId::parse("nobody").unwrap();
    let forgetting = Forgetting {
        ledger: &*stack.ledger,
        in_campaigns: &*stack.ledger,
        notes: &*stack.ledger,
        schedules: &stack.schedules,
        sleeper: &*stack.clock,
    };
    assert_eq!(forgetting.forget(&nobody, &"aoife".into(), &note(), &mut |_, _| {}).await, Ok(None));
}

#[tokio::test]
async fn no_roster_no_opt_in_and_no_repair_brings_them_back_until_someone_lets_them() {
    let stack = mailed([]).await;
    forget(&stack).await;
    let rows = kept(&stack).await;
    stack.clock.advance(Duration::from_hours(24));
    let enrollment = stack.enrollment();
    let told = enrollment.enroll(&customer("c-1"), stack.clock.now()).await;
    assert_eq!(told, Ok(Enrolled { outcome: Outcome::Forgotten, consent: None, opted_out: false }));
    let id = customer("c-1").id;
    enrollment.unenroll(&id).await.unwrap();
    enrollment.repair(&id).await.unwrap();
    let change = PartnerChange {
        customer: id.clone(),
        sequence: 7,
        occurred_at: stack.clock.now(),
        contact: Some(customer("c-1").contact),
        zone: None,
        standing: Some(Standing::Active),
        opted_out: Some(false),
    };
    let partner = PartnerName::parse("crm").unwrap();
    assert_eq!(enrollment.change(&partner, &change).await, Ok(PartnerOutcome::Unknown));
    assert_eq!(kept(&stack).await, rows);

    let forgetting = Forgetting {
        ledger: &*stack.ledger,
        in_campaigns: &*stack.ledger,
        notes: &*stack.ledger,
        schedules: &stack.schedules,
        sleeper: &*stack.clock,
    };
    assert_eq!(forgetting.let_back(&id, &"aoife".into(), &note()).await, Ok(true));
    assert_eq!(forgetting.let_back(&id, &"aoife".into(), &note()).await, Ok(false));
    let told = enrollment.enroll(&customer("c-1"), stack.clock.now()).await.unwrap();
    assert_eq!(told.outcome, Outcome::Changed);
    let profile = stack.ledger.customer(&id).await.unwrap().unwrap();
    assert!(profile.is_like(&customer("c-1")) && !profile.consent.opted_out(), "{profile:?}");
    assert!(stack.audit(false).await.is_clean());
}

#[tokio::test]
async fn a_mail_that_is_under_way_is_waited_for_and_one_in_doubt_is_settled_by_what_is_told() {
    // A worker claimed the mail, and died: until its lease is over it may be sending.
    let stack = mailed([InjectedFailure::AnswerLost]).await;
    let id = entry_id("c-1", RUN);
    let Progress::Indeterminate { .. } = stack.progress("c-1", RUN).await else { panic!("not in doubt") };
    forget(&stack).await;
    assert_forgotten(&stack).await;
    let about = About { entry: Some(id), provider_id: Some("their-id".into()), ..About::default() };
    let at = stack.clock.now();
    let told = Feedback { source: FeedbackSource::Ses, id: "e".into(), about, kind: FeedbackKind::Delivered, at };
    let listener = FeedbackListener::new(&*stack.ledger, &*stack.ledger, &*stack.clock);
    assert_eq!(listener.hear(&told).await, Ok(Heard::Done));
    assert_eq!(stack.state("c-1", RUN).await, "sent");
    // That it was told is noted, in words that say nothing of the customer.
    let rows = kept(&stack).await;
    assert!(!rows.contains("their-id") && !rows.contains("example.com"), "{rows}");
    assert!(stack.entry("c-1", RUN).await.is_erased() && stack.audit(true).await.is_clean());
}

#[tokio::test]
async fn who_is_being_scored_or_mailed_is_forgotten_when_the_worker_is_done() {
    for stage in [StageName::Score, StageName::Email] {
        let stack = InMemoryStack::new();
        stack.enroll(&[customer("c-1")]).await;
        stack.fire(&customer("c-1"));
        let entry = stack.entry("c-1", RUN).await;
        let now = stack.clock.now();
        let until = now.saturating_add(Duration::from_mins(2)).unwrap();
        let mut claimed = entry.claim(StageName::Score, now, until).unwrap();
        stack.ledger.apply(&claimed).await.unwrap();
        if stage == StageName::Email {
            let score =
                Score { value: ScoreValue::parse(712).unwrap(), band: Band::parse("good").unwrap(), as_of: now };
            let scored = claimed.into_after().record_score(score, now).unwrap();
            stack.ledger.apply(&scored).await.unwrap();
            claimed = scored.into_after().claim(stage, now, until).unwrap();
            stack.ledger.apply(&claimed).await.unwrap();
        }
        let mut waits = Vec::new();
        let forgetting = Forgetting {
            ledger: &*stack.ledger,
            in_campaigns: &*stack.ledger,
            notes: &*stack.ledger,
            schedules: &stack.schedules,
            sleeper: &*stack.clock,
        };
        let id = customer("c-1").id;
        let mut watch = |_, until| waits.push(until);
        let done = forgetting.forget(&id, &"aoife".into(), &note(), &mut watch).await.unwrap().unwrap();
        assert!(waits.contains(&until) && stack.clock.now() >= until, "{waits:?}");
        let is_doubtful = stage == StageName::Email;
        assert_eq!(!done.in_doubt.is_empty(), is_doubtful, "{done:?}");
        stack.drain().await;
        stack.clock.advance(Duration::from_mins(75));
        stack.sweep().await;
        stack.drain().await;
        assert!(!stack.entry("c-1", RUN).await.is_open(), "{:?}", stack.entry("c-1", RUN).await);
        assert_eq!(stack.mails("c-1"), 0);
    }
}

#[tokio::test]
async fn wherever_it_is_killed_nobody_is_mailed_and_the_next_one_or_an_enrolment_goes_on() {
    let mut died = 0;
    for left in 0.. {
        let stack = mailed([]).await;
        let mortal = Mortal::after(&stack, left);
        if forget_by(&stack, &mortal, &mortal).now_or_never().is_some() {
            break;
        }
        died += 1;
        let is_begun = stack.ledger.customer(&customer("c-1").id).await.unwrap().unwrap().is_forgotten();
        // The month's file comes in between, and what was due is worked on.
        stack.enroll(&[customer("c-1")]).await;
        stack.drain().await;
        let profile = stack.ledger.customer(&customer("c-1").id).await.unwrap().unwrap();
        assert_eq!(profile.is_forgotten(), is_begun, "killed after {left}");
        forget(&stack).await;
        assert_forgotten(&stack).await;
    }
    assert!(died > 10, "{died}");
}

#[tokio::test]
async fn the_first_release_finds_someone_who_has_left_and_reads_their_entries() {
    let stack = mailed([]).await;
    forget(&stack).await;
    let id = customer("c-1").id;
    let tombstone = stack.ledger.customer(&id).await.unwrap().unwrap();
    let (opted_out, back) = profile_written_back(&tombstone);
    assert!(opted_out && back.standing == Standing::Closed);
    for entry in stack.ledger.entries(&id).await.unwrap() {
        assert_eq!(written_back(&entry).state(), entry.state());
    }
}

#[tokio::test]
async fn a_click_on_an_old_link_counts_for_who_was_forgotten_and_outlasts_it() {
    let stack = mailed([]).await;
    forget(&stack).await;
    let id = customer("c-1").id;
    let listener = FeedbackListener::new(&*stack.ledger, &*stack.ledger, &*stack.clock);
    let clicked = listener.unsubscribe(&id, Cause::new("Message m-1."), stack.clock.now()).await;
    assert_eq!(clicked, Ok(true));
    let gone = stack.ledger.customer(&id).await.unwrap().unwrap();
    assert!(gone.is_forgotten());
    assert!(stack.ledger.save_customer(&gone.let_back()).await.unwrap());
    stack.clock.advance(Duration::from_hours(24));
    stack.enrollment().enroll(&customer("c-1"), stack.clock.now()).await.unwrap();
    let back = stack.ledger.customer(&id).await.unwrap().unwrap();
    assert!(!back.is_forgotten() && back.consent.opted_out());
}
