//! Providers that refuse, and messages that can't be read.

use std::time::Duration;

use pulse_core::{
    entry::{Progress, SkipReason, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, Ledger as _, LedgerReports as _, ScoreError, SendError},
    stage::Stage as _,
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{BrokenQueue, InMemoryStack, SETTINGS, customer, entry_id};

fn busy(after: Option<u64>) -> ScoreError {
    ScoreError::Retry { after: after.map(Duration::from_secs), cause: Cause::new("The scoring API answered 429.") }
}

#[tokio::test]
async fn a_busy_provider_is_left_alone_for_as_long_as_it_asked() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    let fired = stack.fire(&customer("c-1"));
    stack.scorer.fail_next([busy(Some(1800))]);
    stack.invoke(StageName::Score).await;
    let entry = stack.entry("c-1", "2026-11").await;
    assert_eq!(entry.state(), "scheduled");
    assert_eq!(entry.failure_streak().unwrap().cause.as_str(), "The scoring API answered 429.");
    stack.drain().await;
    let Progress::Done { at, .. } = stack.progress("c-1", "2026-11").await else { panic!("not sent") };
    assert!(at >= fired + Duration::from_mins(30));
    assert_eq!(stack.scorer.calls()[&entry_id("c-1", "2026-11")], 2);
}

#[tokio::test]
async fn on_the_last_receive_the_entry_says_failed_the_message_is_dead_and_a_redrive_takes_it_up_again() {
    let stack = InMemoryStack::new().impatient();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.scorer.fail_next(vec![busy(None); SETTINGS.max_receive_count as usize]);
    stack.drain().await;

    let Progress::Failed { cause, .. } = stack.progress("c-1", "2026-11").await else { panic!("not failed") };
    assert_eq!(cause.as_str(), "The scoring API answered 429.");
    assert_eq!(stack.score.dlq.depth().visible, 1);
    assert_eq!(stack.scorer.calls()[&entry_id("c-1", "2026-11")], 5);
    let notes = stack.ledger.activities(&customer("c-1").id).await.unwrap();
    assert_eq!(notes.len(), 1);

    assert_eq!(stack.score.dlq.move_to(&stack.score.queue), 1);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.score.dlq.depth().visible, 0);
}

#[tokio::test]
async fn what_trying_again_cannot_help_reaches_the_dead_letter_queue_soon_after_one_call() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    let fired = stack.fire(&customer("c-1"));
    stack.scorer.fail_next([ScoreError::Fail { cause: Cause::new("The scoring API knows no such product.") }]);
    stack.drain().await;
    assert!(stack.state("c-1", "2026-11").await == "failed");
    assert_eq!(stack.score.dlq.depth().visible, 1);
    assert_eq!(stack.scorer.calls()[&entry_id("c-1", "2026-11")], 1);
    assert!(stack.clock.now() < fired + Duration::from_mins(1));
}

#[tokio::test]
async fn a_mail_that_keeps_failing_is_dead_lettered_with_its_score_kept_and_a_redrive_sends_it_once() {
    let stack = InMemoryStack::with_forgetful_mailer().impatient();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    let refused = InjectedFailure::Refused(SendError::Retry { after: None, cause: Cause::new("SES answered 500.") });
    stack.mailer.fail_next(vec![refused; 5]);
    stack.drain().await;
    let failed = stack.entry("c-1", "2026-11").await;
    assert_eq!((failed.state(), failed.at(), failed.score().is_some()), ("failed", StageName::Email, true));
    assert_eq!(stack.mails("c-1"), 0);
    assert_eq!(stack.email.dlq.move_to(&stack.email.queue), 1);
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.scorer.calls().values().sum::<u64>(), 1);
}

#[tokio::test]
async fn an_address_that_the_provider_refuses_for_good_is_suppressed_and_the_entry_skipped() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    let refused = SendError::AddressRefused { cause: Cause::new("The provider refuses the address.") };
    stack.mailer.fail_next([InjectedFailure::Refused(refused)]);
    stack.drain().await;
    assert!(matches!(
        stack.progress("c-1", "2026-11").await,
        Progress::Skipped { reason: SkipReason::AddressRefused, .. }
    ));
    stack.clock.advance(Duration::from_hours(1));
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-12").await, Progress::Skipped { reason: SkipReason::Suppressed, .. }));
    assert_eq!(stack.mailer.calls().len(), 1);
}

#[tokio::test]
async fn bad_messages_go_to_the_dead_letter_queue_and_cost_the_good_ones_nothing() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    for body in
        ["", "not json", r#"{"v":9,"customer":"c-1","run":"2026-11"}"#, r#"{"v":1,"customer":"c-2","run":"2026-11"}"#]
    {
        stack.score.queue.send_body(body);
        stack.email.queue.send_body(body);
    }
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.score.dlq.depth().visible, 4);
    assert_eq!(stack.email.dlq.depth().visible, 4);
}

#[tokio::test]
async fn a_score_whose_email_could_not_be_queued_is_not_lost_and_not_asked_for_again() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    let stage = stack.score_stage();
    let mut queues = stack.queues.clone();
    queues[StageName::Email] = std::sync::Arc::new(BrokenQueue);
    let meter = pulse_core::stage::Meter::default();
    let worker = pulse_core::stage::Worker {
        stage: &stage,
        queue: &*stack.score.queue,
        queues: &queues,
        clock: &*stack.clock,
        settings: SETTINGS,
        provider: &stack.watch(StageName::Score, &meter),
    };
    let failed = worker.work(stack.receive(StageName::Score), stack.clock.now() + Duration::from_mins(2)).await;
    assert_eq!(failed.unfinished.len(), 1);
    assert!(stack.state("c-1", "2026-11").await == "scored");
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.scorer.calls().values().sum::<u64>(), 1);
}

#[tokio::test]
async fn a_worker_starts_nothing_that_cannot_end_before_its_deadline() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..10).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    let too_short = SETTINGS.call_timeout + Duration::from_secs(1);
    let failed = stack.work_until(StageName::Score, stack.receive(StageName::Score), too_short).await;
    assert_eq!(failed.len(), 10);
    assert!(stack.scorer.calls().is_empty());
    // They are back at once, and nothing of it is on the ledger.
    assert_eq!(stack.score.queue.depth().visible, 10);
    assert_eq!(stack.entry("c-0", "2026-11").await.version(), 1);
    stack.drain().await;
    assert_eq!(stack.mailer.accepted().len(), 10);
}

#[tokio::test]
async fn the_message_with_the_fewest_receives_left_goes_first() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..8).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    let mut deliveries = stack.receive(StageName::Score);
    deliveries[7].receive_count = 4;
    stack.scorer.fail_next([busy(None)]);
    stack.work(StageName::Score, deliveries).await;
    assert!(stack.entry("c-7", "2026-11").await.failure_streak().is_some());
}

#[tokio::test]
async fn a_redriven_message_whose_first_receive_no_worker_saw_is_taken_up_all_the_same() {
    let stack = InMemoryStack::new().impatient();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.scorer.fail_next(vec![busy(None); SETTINGS.max_receive_count as usize]);
    stack.drain().await;
    stack.clock.advance(Duration::from_secs(1));
    assert_eq!(stack.score.dlq.move_to(&stack.score.queue), 1);
    // Its poller was scaled in, say.
    assert_eq!(stack.receive(StageName::Score).len(), 1);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.score.dlq.depth().visible, 0);
}

#[tokio::test]
async fn the_quiet_hours_of_a_pause_use_up_no_patience() {
    let cause = || Cause::new("The scoring API answered 429.");
    let message = WorkMessage::for_entry(&entry_id("c-1", "2026-11"));
    let patience = Duration::from_hours(1);
    for (quiet, is_put_off) in [(Duration::from_hours(2), false), (Duration::from_hours(60), true)] {
        let stack = InMemoryStack::new();
        stack.enroll(&[customer("c-1")]).await;
        stack.fire(&customer("c-1"));
        stack.scorer.fail_next([busy(None)]);
        stack.invoke(StageName::Score).await;
        stack.clock.advance(quiet);
        let stage = stack.score_stage();
        assert_eq!(stage.put_off(&message, &cause(), patience).await, is_put_off, "{quiet:?}");
    }
}

#[tokio::test]
async fn a_month_that_failed_does_not_take_the_next_one_with_it() {
    let stack = InMemoryStack::new().impatient();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.scorer.fail_next(vec![busy(None); 5]);
    stack.drain().await;
    stack.clock.advance(Duration::from_hours(24));
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-12").await, Progress::Done { .. }));
    // And the failed month can still be redriven, next to an entry that is there already.
    stack.score.dlq.move_to(&stack.score.queue);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.state("c-1", "2027-01").await, "scheduled");
    assert_eq!(stack.mails("c-1"), 2);
    assert!(stack.ledger.entry(&entry_id("c-1", "2027-02")).await.unwrap().is_none());
}
