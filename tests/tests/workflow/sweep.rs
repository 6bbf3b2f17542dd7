//! What fell off is queued again, and what was put off is woken; what merely waits is left alone.

use std::time::Duration;

use pulse_core::{
    entry::{Progress, Queueing, StageName},
    failure::Cause,
    ports::{Clock as _, Ledger as _, SendError},
    quiet_hours::QuietHours,
    tick::{StageSweep, Swept},
};
use pulse_sim::{mailer::InjectedFailure, queue::QueueDepth};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

const HOUR: Duration = Duration::from_hours(1);

/// For how long a message is waited for, as the template has it.
const GRACE: Duration = Duration::from_mins(75);

/// A customer who was due so long ago, and whose schedule never fired.
async fn unfired(stack: &InMemoryStack, ago: Duration) {
    let customer = customer("c-1");
    stack.enroll(std::slice::from_ref(&customer)).await;
    let due = customer.slot.next_after(stack.clock.now());
    let wait = Duration::try_from(due.duration_since(stack.clock.now())).unwrap();
    stack.clock.advance(wait + ago);
}

async fn swept(stack: &InMemoryStack, stage: StageName) -> Swept {
    let both = stack.sweep().await;
    both.into_iter().find(|StageSweep { stage: of, .. }| *of == stage).unwrap().swept
}

fn repeated(count: usize) -> Swept {
    Swept::Done { woken: 0, repeated: count, failed: 0 }
}

async fn is_sent(stack: &InMemoryStack) -> bool {
    matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. })
}

#[tokio::test]
async fn a_customer_whose_schedule_never_fired_is_queued_after_the_grace_and_not_before() {
    let stack = InMemoryStack::new();
    unfired(&stack, Duration::from_mins(74)).await;
    assert_eq!(swept(&stack, StageName::Score).await, repeated(0));
    stack.clock.advance(Duration::from_mins(1));
    assert_eq!(swept(&stack, StageName::Score).await, repeated(1));
    stack.drain().await;
    assert!(is_sent(&stack).await && stack.mails("c-1") == 1);
}

#[tokio::test]
async fn a_lost_message_is_repeated_at_most_once_a_day() {
    let stack = InMemoryStack::new();
    unfired(&stack, GRACE).await;
    assert_eq!(swept(&stack, StageName::Score).await, repeated(1));
    for _ in 0..23 {
        stack.score.queue.purge();
        stack.clock.advance(HOUR);
        assert_eq!(swept(&stack, StageName::Score).await, repeated(0));
    }
    stack.clock.advance(HOUR);
    assert_eq!(swept(&stack, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn a_purged_email_queue_is_filled_again() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    assert_eq!(stack.email.queue.purge(), 1);
    stack.clock.advance(GRACE);
    assert_eq!(swept(&stack, StageName::Email).await, repeated(1));
    stack.drain().await;
    assert!(is_sent(&stack).await && stack.mails("c-1") == 1);
}

#[tokio::test]
async fn a_paused_stage_is_left_alone_and_for_the_grace_after_it_is_resumed() {
    let stack = InMemoryStack::new();
    unfired(&stack, 2 * HOUR).await;
    stack.stages.set_paused(StageName::Score, true);
    assert_eq!(swept(&stack, StageName::Score).await, Swept::Paused);
    stack.stages.set_paused(StageName::Score, false);
    assert_eq!(swept(&stack, StageName::Score).await, repeated(0));
    stack.clock.advance(GRACE);
    assert_eq!(swept(&stack, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn behind_a_backlog_only_what_no_queue_can_hold_any_more_is_repeated() {
    let stack = InMemoryStack::new();
    unfired(&stack, 2 * HOUR).await;
    for _ in 0..401 {
        stack.score.queue.send_body("waits");
    }
    assert_eq!(swept(&stack, StageName::Score).await, repeated(0));
    stack.clock.advance(10 * 24 * HOUR);
    assert_eq!(swept(&stack, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn a_message_that_waits_for_its_next_try_is_not_repeated() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack.clock.advance(GRACE);
    let busy = SendError::Retry { after: Some(2 * HOUR), cause: Cause::new("It asks to be left alone.") };
    stack.mailer.fail_next([InjectedFailure::Refused(busy)]);
    stack.invoke(StageName::Email).await;
    assert_eq!(swept(&stack, StageName::Email).await, repeated(0));
}

/// Scores c-1, claims the entry for a worker that calls nobody, loses its message, and lets the grace go by.
async fn worker_dies_before_it_calls(stack: &InMemoryStack) {
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let entry = stack.entry("c-1", "2026-11").await;
    let now = stack.clock.now();
    stack.ledger.apply(&entry.claim(StageName::Email, now, now).unwrap()).await.unwrap();
    stack.email.queue.purge();
    stack.clock.advance(GRACE);
}

#[tokio::test]
async fn a_worker_that_died_on_the_last_receive_is_made_up_for_without_a_redrive() {
    let stack = InMemoryStack::new();
    worker_dies_before_it_calls(&stack).await;
    assert_eq!(swept(&stack, StageName::Email).await, repeated(1));
    stack.drain().await;
    assert!(is_sent(&stack).await && stack.mails("c-1") == 1);
}

#[tokio::test]
async fn a_claim_to_send_that_expired_is_not_sent_again_by_a_provider_that_cannot_be_asked() {
    let stack = InMemoryStack::with_forgetful_mailer();
    worker_dies_before_it_calls(&stack).await;
    stack.sweep().await;
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(stack.mails("c-1"), 0);
    assert!(stack.entry("c-1", "2026-12").await.is_open(), "the next month is open all the same");
}

#[tokio::test]
async fn a_mail_that_was_put_off_goes_out_even_if_the_queue_was_purged_meanwhile() {
    let mut stack = InMemoryStack::new();
    stack.policy.quiet_hours = QuietHours::parse("11:00-13:00").unwrap();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    assert_eq!(stack.email.queue.depth(), QueueDepth::default(), "it waits on the ledger");
    assert_eq!(stack.entry("c-1", "2026-11").await.queueing(), Queueing::Deferred);
    stack.email.queue.purge();
    stack.clock.advance(Duration::from_mins(90));
    assert_eq!(swept(&stack, StageName::Email).await, Swept::Done { woken: 1, repeated: 0, failed: 0 });
    stack.drain().await;
    assert!(is_sent(&stack).await && stack.mails("c-1") == 1);
}

#[tokio::test]
async fn a_mail_in_doubt_for_longer_than_its_key_is_remembered_is_never_sent_again() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let entry = stack.entry("c-1", "2026-11").await;
    let now = stack.clock.now();
    let sending = entry.claim(StageName::Email, now, now).unwrap();
    stack.ledger.apply(&sending).await.unwrap();
    let released = sending.after().release_in_doubt(Cause::new("The answer was lost."), now).unwrap();
    stack.ledger.apply(&released).await.unwrap();
    stack.clock.advance(47 * HOUR);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert!(!stack.mailer.calls().contains_key(&entry_id("c-1", "2026-11")));
}
