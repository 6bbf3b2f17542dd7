//! One entry, replayed: what is foreseen is what happens, and a further mail goes out only by force, and once.

use std::{sync::Arc, time::Duration};

use jiff::ToSpan as _;
use pulse_core::{
    control::Note,
    customer::{Consent, Customer, CustomerId, OptOutMark},
    entry::{Progress, SkipReason, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, Ledger as _, LedgerReports as _, Mailer as _, ScoreError, SendError, StageQueue as _},
    quiet_hours::QuietHours,
    replay::{ReplayError, ReplayOne, Requeued},
    stage::Preview,
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::{
    conformance::samples::run,
    in_memory_stack::{BrokenQueue, InMemoryStack, customer, entry_id},
};

fn replay(stack: &InMemoryStack) -> ReplayOne<'_> {
    ReplayOne {
        ledger: &*stack.ledger,
        controls: &*stack.ledger,
        stages: &stack.stages,
        queues: &stack.queues,
        clock: &*stack.clock,
        rules: stack.rules(),
    }
}

fn note() -> Note {
    Note::parse("asked for it by phone").unwrap()
}

async fn foreseen(stack: &InMemoryStack, run: &str) -> Preview {
    replay(stack).preview(&entry_id("c-1", run)).await.unwrap().preview
}

async fn again(stack: &InMemoryStack, run: &str, note: Option<&Note>) -> Result<Requeued, ReplayError> {
    replay(stack).again(&entry_id("c-1", run), note).await
}

/// A stack whose only customer is scored.
async fn scored() -> InMemoryStack {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack
}

async fn sent(stack: InMemoryStack) -> InMemoryStack {
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    stack
}

#[tokio::test]
async fn what_scoring_gave_up_is_scored_and_mailed_when_it_is_replayed() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.scorer.fail_next([ScoreError::Fail { cause: Cause::new("It refuses.") }]);
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::Score { and_skip: None });
    stack.score.queue.purge();
    assert_eq!(again(&stack, "2026-11", None).await, Ok(Requeued::Queued { stage: StageName::Score }));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn what_mailing_gave_up_is_mailed_when_it_is_replayed() {
    let stack = scored().await;
    stack.mailer.fail_next([InjectedFailure::Refused(SendError::Fail { cause: Cause::new("It refuses.") })]);
    stack.invoke(StageName::Email).await;
    stack.email.queue.purge();
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::Mail);
    assert_eq!(again(&stack, "2026-11", None).await, Ok(Requeued::Queued { stage: StageName::Email }));
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn someone_who_opted_out_or_is_suppressed_is_foreseen_to_be_skipped_and_is() {
    for suppressed in [false, true] {
        let stack = scored().await;
        let mark = if suppressed { OptOutMark::Empty } else { OptOutMark::Yes };
        let customer = Customer { consent: Consent::of_mark(mark), ..customer("c-1") };
        stack.rewrite(&customer).await;
        if suppressed {
            let address = pulse_core::customer::EmailAddress::parse("c-1@example.com").unwrap();
            stack.suppress(&address).await;
        }
        let reason = if suppressed { SkipReason::Suppressed } else { SkipReason::OptedOut };
        assert_eq!(foreseen(&stack, "2026-11").await, Preview::Skip { reason });
        stack.invoke(StageName::Email).await;
        assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Skipped { reason: r, .. } if r == reason));
    }
}

#[tokio::test]
async fn quiet_hours_and_old_scores_are_foreseen() {
    let mut stack = scored().await;
    stack.policy.quiet_hours = QuietHours::parse("10:00-13:00").unwrap();
    let until = "2026-11-10T13:00:00Z".parse().unwrap();
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::PutOff { until });
    stack.invoke(StageName::Email).await;
    assert_eq!(stack.entry("c-1", "2026-11").await.due(), until);

    let stack = scored().await;
    stack.clock.advance(Duration::from_hours(73));
    let as_of = stack.entry("c-1", "2026-11").await.score().unwrap().as_of;
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::ScoreAgain { as_of });
    stack.invoke(StageName::Email).await;
    assert_eq!(stack.state("c-1", "2026-11").await, "scheduled");
}

#[tokio::test]
async fn a_mail_in_doubt_for_too_long_is_foreseen_to_be_lost_track_of() {
    let stack = scored().await;
    let now = stack.clock.now();
    let sending = stack.entry("c-1", "2026-11").await.claim(StageName::Email, now, now).unwrap();
    stack.ledger.apply(&sending).await.unwrap();
    stack.clock.advance(Duration::from_hours(47));
    let expected = Preview::AskFirst { or_else: Box::new(Preview::Indeterminate) };
    assert_eq!(foreseen(&stack, "2026-11").await, expected);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::Unsettled);
    for note in [None, Some(&note())] {
        let refused = again(&stack, "2026-11", note).await;
        assert_eq!(refused, Err(ReplayError::Unknown { entry: entry_id("c-1", "2026-11") }));
    }
}

#[tokio::test]
async fn what_a_worker_has_is_left_to_it() {
    let stack = scored().await;
    let now = stack.clock.now();
    let sending = stack.entry("c-1", "2026-11").await.claim(StageName::Email, now, now + 2.minutes()).unwrap();
    stack.ledger.apply(&sending).await.unwrap();
    assert_eq!(foreseen(&stack, "2026-11").await, Preview::InHand { lease_until: now + 2.minutes() });
    let refused = again(&stack, "2026-11", Some(&note())).await;
    assert_eq!(refused, Err(ReplayError::InHand(entry_id("c-1", "2026-11"))));
}

#[tokio::test]
async fn a_mail_before_its_time_goes_out_only_by_force() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    assert_eq!(again(&stack, "2026-11", None).await, Err(ReplayError::NotDue(entry_id("c-1", "2026-11"))));
    assert_eq!(stack.score.queue.depth().visible, 0);
    assert_eq!(again(&stack, "2026-11", Some(&note())).await, Ok(Requeued::Queued { stage: StageName::Score }));
    stack.drain().await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1, "its schedule finds it sent");
    let notes = stack.ledger.activities(&customer("c-1").id).await.unwrap();
    assert!(notes[0].what.contains("asked for it by phone"), "{notes:?}");
}

#[tokio::test]
async fn a_sent_mail_is_followed_by_another_only_by_force_and_stays_as_it_is() {
    for stack in [InMemoryStack::new(), InMemoryStack::with_forgetful_mailer()] {
        let stack = sent(stack).await;
        let before = stack.entry("c-1", "2026-11").await;
        let refused = again(&stack, "2026-11", None).await;
        assert_eq!(refused, Err(ReplayError::Closed { entry: entry_id("c-1", "2026-11"), state: "sent" }));
        stack.drain().await;
        assert_eq!(stack.mails("c-1"), 1);

        assert_eq!(again(&stack, "2026-11", Some(&note())).await, Ok(Requeued::Repeated { run: run("2026-11-r2") }));
        let notes = stack.ledger.activities(&customer("c-1").id).await.unwrap();
        assert!(notes[0].what.contains("as run 2026-11-r2. asked for it by phone"), "{notes:?}");
        // Not a third before the second is done.
        let refused = again(&stack, "2026-11", Some(&note())).await;
        assert_eq!(refused, Err(ReplayError::RepeatUnderWay(entry_id("c-1", "2026-11-r2"))));
        stack.drain().await;
        assert!(matches!(stack.progress("c-1", "2026-11-r2").await, Progress::Done { .. }));
        assert_eq!((stack.mails("c-1"), stack.entry("c-1", "2026-11").await), (2, before));

        assert_eq!(again(&stack, "2026-11-r2", Some(&note())).await, Ok(Requeued::Repeated { run: run("2026-11-r3") }));
        stack.drain().await;
        let mut keys: Vec<_> = stack.mailer.accepted().iter().map(|mail| mail.entry.message_key()).collect();
        keys.sort();
        assert_eq!(keys, ["c-1_2026-11", "c-1_2026-11-r2", "c-1_2026-11-r3"]);
    }
}

#[tokio::test]
async fn further_mails_leave_the_monthly_cycle_alone() {
    let stack = sent(InMemoryStack::new()).await;
    again(&stack, "2026-11", Some(&note())).await.unwrap();
    assert!(stack.audit(false).await.is_clean());
    stack.enroll(&[customer("c-1")]).await;
    stack.drain().await;
    let entries = stack.ledger.entries(&customer("c-1").id).await.unwrap();
    let runs: Vec<_> = entries.iter().map(|entry| (entry.id().run.to_string(), entry.is_open())).collect();
    let expected = [("2026-12", true), ("2026-11-r2", false), ("2026-11", false)];
    assert_eq!(runs, expected.map(|(run, is_open)| (run.to_owned(), is_open)));
    stack.clock.advance(Duration::from_mins(1));
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 3);
    assert!(stack.audit(false).await.is_clean());
}

#[tokio::test]
async fn of_two_orders_at_once_one_leads_to_a_mail() {
    let stack = sent(InMemoryStack::new()).await;
    let (replay, id, note) = (replay(&stack), entry_id("c-1", "2026-11"), note());
    let (one, other) = futures::join!(replay.again(&id, Some(&note)), replay.again(&id, Some(&note)));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 2);
}

#[tokio::test]
async fn an_order_whose_message_was_never_queued_is_found_by_the_sweep() {
    let stack = sent(InMemoryStack::new()).await;
    let mut queues = stack.queues.clone();
    queues[StageName::Score] = Arc::new(BrokenQueue);
    let replay = ReplayOne { queues: &queues, ..replay(&stack) };
    let failed = replay.again(&entry_id("c-1", "2026-11"), Some(&note())).await;
    assert!(matches!(failed, Err(ReplayError::Queue(_))), "{failed:?}");
    stack.clock.advance(Duration::from_mins(75));
    stack.sweep().await;
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 2);
}

#[tokio::test]
async fn a_further_mail_whose_answer_is_lost_is_asked_for_under_its_own_key() {
    let stack = sent(InMemoryStack::new()).await;
    again(&stack, "2026-11", Some(&note())).await.unwrap();
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11-r2").await, Progress::Done { .. }));
    assert_eq!(stack.mails("c-1"), 2);
    let fate = stack.mailer.look_up(&entry_id("c-1", "2026-11-r2")).await.unwrap();
    assert!(matches!(fate, pulse_core::ports::MailLookup::Accepted(_)));
}

#[tokio::test]
async fn a_message_alone_makes_no_further_mail() {
    let stack = sent(InMemoryStack::new()).await;
    for queue in [&stack.score.queue, &stack.email.queue] {
        queue.send(&WorkMessage::for_entry(&entry_id("c-1", "2026-11-r2"))).await.unwrap();
    }
    stack.drain().await;
    assert_eq!(stack.ledger.entry(&entry_id("c-1", "2026-11-r2")).await, Ok(None));
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn nobody_is_ordered_a_further_mail_that_would_be_skipped_or_beyond_the_ninth() {
    let stack = sent(InMemoryStack::new()).await;
    stack.rewrite(&Customer { consent: Consent::of_mark(OptOutMark::Yes), ..customer("c-1") }).await;
    let refused = again(&stack, "2026-11", Some(&note())).await;
    let customer_id: CustomerId = customer("c-1").id;
    assert_eq!(refused, Err(ReplayError::Unmailable { customer: customer_id.clone(), reason: SkipReason::OptedOut }));
    stack.rewrite(&customer("c-1")).await;
    for _ in 2..=9 {
        again(&stack, "2026-11", Some(&note())).await.unwrap();
        stack.drain().await;
    }
    assert_eq!(again(&stack, "2026-11", Some(&note())).await, Err(ReplayError::TooManyRepeats(customer_id)));
    assert_eq!(stack.mails("c-1"), 9);
}
