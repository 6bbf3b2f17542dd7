//! Workers that are killed, and answers that are lost.

use std::time::Duration;

use futures::{FutureExt as _, future};
use pulse_core::{
    customer::{Consent, Customer, OptOutMark},
    entry::{Progress, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, SendError, StageQueue as _},
};
use pulse_sim::{
    mailer::{InjectedFailure, MemoryMailer},
    provider::{Leg, SimulatedLatency},
    scorer::MemoryScorer,
};
use pulse_tests::in_memory_stack::{InMemoryStack, SETTINGS, customer, entry_id};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A latency that stops on `leg` for as long as the switch is on.
fn stuck_on(leg: Leg) -> (SimulatedLatency, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let hang = switch.clone();
    let latency = SimulatedLatency::new(move |at| {
        if at == leg && hang.load(Ordering::Relaxed) { future::pending().boxed() } else { future::ready(()).boxed() }
    });
    (latency, switch)
}

#[tokio::test]
async fn a_worker_killed_while_scoring_loses_nothing_and_is_back_before_the_queues_own_timeout() {
    let (latency, hang) = stuck_on(Leg::There);
    let stack =
        InMemoryStack::with(|clock| MemoryScorer::new(clock).with_latency(latency), MemoryMailer::deduplicating());
    let customers: Vec<_> = (0..10).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    let killed_at = stack.clock.now();
    stack.invoke_and_kill(StageName::Score);
    hang.store(false, Ordering::Relaxed);
    stack.drain().await;
    assert_eq!(stack.mailer.accepted().len(), 10);
    assert!(stack.clock.now() < killed_at + Duration::from_mins(3), "{}", stack.clock.now());
    assert!(stack.scorer.peak() <= SETTINGS.in_flight);
}

#[tokio::test]
async fn a_worker_killed_after_the_provider_accepted_leads_to_no_second_mail() {
    let (latency, hang) = stuck_on(Leg::Back);
    let stack =
        InMemoryStack::with(|clock| MemoryScorer::new(clock), MemoryMailer::deduplicating().with_latency(latency));
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack.invoke_and_kill(StageName::Email);
    assert!(stack.state("c-1", "2026-11").await == "sending");
    assert_eq!(stack.mails("c-1"), 1);
    hang.store(false, Ordering::Relaxed);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(stack.mails("c-1"), 1);
    // It was sent again by its key, and taken for the same.
    assert_eq!(stack.mailer.calls()[&entry_id("c-1", "2026-11")], 2);
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_leaves_the_fate_unknown_and_is_never_sent_to_blindly() {
    let (latency, hang) = stuck_on(Leg::Back);
    let stack = InMemoryStack::with(|clock| MemoryScorer::new(clock), MemoryMailer::forgetful().with_latency(latency));
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack.invoke_and_kill(StageName::Email);
    hang.store(false, Ordering::Relaxed);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(stack.mails("c-1"), 1);
    // Nor by a late duplicate.
    stack.email.queue.send_body(r#"{"v":1,"customer":"c-1","run":"2026-11"}"#);
    stack.fire_at("c-1", "2026-11-10T11:30:00Z".parse().unwrap());
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn a_lost_mail_is_sent_again_by_its_key_and_nothing_is_asked() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.mailer.fail_next([InjectedFailure::AnswerLost, InjectedFailure::AnswerLost]);
    stack.mailer.fail_next_fates([unaskable()]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!((stack.mails("c-1"), stack.mailer.calls()[&entry_id("c-1", "2026-11")]), (1, 3));
}

fn unaskable() -> SendError {
    SendError::Retry { after: None, cause: Cause::new("The provider is asked too often.") }
}

#[tokio::test]
async fn a_mail_in_doubt_of_someone_who_opted_out_meanwhile_is_asked_for_and_not_called_skipped() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.invoke(StageName::Score).await;
    stack.invoke(StageName::Email).await;
    let opted_out = Customer { consent: Consent::of_mark(OptOutMark::Yes), ..customer("c-1") };
    stack.rewrite(&opted_out).await;
    stack.mailer.fail_next_fates([unaskable()]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!((stack.mails("c-1"), stack.mailer.calls()[&entry_id("c-1", "2026-11")]), (1, 1));
}

#[tokio::test]
async fn nothing_is_asked_of_a_mail_that_was_refused_and_is_brought_back() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.mailer.fail_next([InjectedFailure::Refused(SendError::Fail { cause: Cause::new("It refuses.") })]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Failed { .. }));
    // It would be answered with trouble, and the message would come back.
    stack.mailer.fail_next_fates(vec![unaskable(); 5]);
    stack.email.dlq.move_to(&stack.email.queue);
    stack.invoke(StageName::Email).await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Done { .. }));
}

#[tokio::test]
async fn a_lost_answer_of_a_provider_that_cannot_be_asked_is_unknown_at_once() {
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.mailer.fail_next([InjectedFailure::AnswerLost]);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(stack.mails("c-1"), 1);
    assert_eq!(stack.email.dlq.depth().visible, 0);
}

#[tokio::test]
async fn two_workers_that_mail_one_entry_make_one_call() {
    let (latency, hang) = stuck_on(Leg::There);
    let stack =
        InMemoryStack::with(|clock| MemoryScorer::new(clock), MemoryMailer::deduplicating().with_latency(latency));
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    let again = WorkMessage::for_entry(&entry_id("c-1", "2026-11"));
    stack.email.queue.send(&again).await.unwrap();
    let [one, two] = stack.receive(StageName::Email).try_into().unwrap();
    let mut first = Box::pin(stack.work(StageName::Email, vec![one]));
    assert!(futures::poll!(&mut first).is_pending());
    let refused = stack.work(StageName::Email, vec![two.clone()]).await;
    assert_eq!(refused, [two.message_id]);
    drop(first);
    hang.store(false, Ordering::Relaxed);
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

/// The score stage makes no claim: both ask, the first answer counts, and there is one mail.
#[tokio::test]
async fn of_two_workers_that_score_one_entry_the_first_answer_counts() {
    let (latency, hang) = stuck_on(Leg::Back);
    let stack =
        InMemoryStack::with(|clock| MemoryScorer::new(clock).with_latency(latency), MemoryMailer::deduplicating());
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.fire_at("c-1", stack.clock.now());
    let [one, two] = stack.receive(StageName::Score).try_into().unwrap();
    let mut first = Box::pin(stack.work(StageName::Score, vec![one]));
    assert!(futures::poll!(&mut first).is_pending());
    hang.store(false, Ordering::Relaxed);
    assert!(stack.work(StageName::Score, vec![two]).await.is_empty());
    assert_eq!(stack.scorer.calls()[&entry_id("c-1", "2026-11")], 2);
    drop(first);
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}
