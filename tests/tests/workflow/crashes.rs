//! Workers that are killed, and answers that are lost.

use std::time::Duration;

use futures::{FutureExt as _, future};
use pulse_core::{
    entry::{Progress, StageName},
    failure::Cause,
    ports::{Clock as _, SendError},
};
use pulse_sim::{
    mailer::{MemoryMailer, Mishap},
    provider::{Journey, Leg},
    scorer::MemoryScorer,
};
use pulse_tests::house::{House, SETTINGS, customer, entry_id};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A journey that stops on `leg` for as long as the switch is on.
fn stuck_on(leg: Leg) -> (Journey, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let stuck = switch.clone();
    let journey = Journey::new(move |at| {
        if at == leg && stuck.load(Ordering::Relaxed) { future::pending().boxed() } else { future::ready(()).boxed() }
    });
    (journey, switch)
}

#[tokio::test]
async fn a_worker_killed_while_scoring_loses_nothing_and_is_back_before_the_queues_own_timeout() {
    let (journey, stuck) = stuck_on(Leg::There);
    let house = House::with(|clock| MemoryScorer::new(clock).with_journey(journey), MemoryMailer::deduplicating());
    let customers: Vec<_> = (0..10).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    for customer in &customers {
        house.fire(customer);
    }
    let killed_at = house.clock.now();
    house.invoke_and_kill(StageName::Score);
    stuck.store(false, Ordering::Relaxed);
    house.drain().await;
    assert_eq!(house.mailer.accepted().len(), 10);
    assert!(house.clock.now() < killed_at + Duration::from_mins(3), "{}", house.clock.now());
    assert!(house.scorer.peak() <= SETTINGS.in_flight);
}

#[tokio::test]
async fn a_worker_killed_after_the_provider_accepted_leads_to_no_second_mail() {
    let (journey, stuck) = stuck_on(Leg::Back);
    let house = House::with(|clock| MemoryScorer::new(clock), MemoryMailer::deduplicating().with_journey(journey));
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    house.invoke_and_kill(StageName::Email);
    assert!(house.state("c-1", "2026-11").await == "sending");
    assert_eq!(house.mails("c-1"), 1);
    stuck.store(false, Ordering::Relaxed);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(house.mails("c-1"), 1);
    // It was asked, not sent again.
    assert_eq!(house.mailer.calls()[&entry_id("c-1", "2026-11")], 1);
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_leaves_the_fate_unknown_and_is_never_sent_to_blindly() {
    let (journey, stuck) = stuck_on(Leg::Back);
    let house = House::with(|clock| MemoryScorer::new(clock), MemoryMailer::forgetful().with_journey(journey));
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    house.invoke_and_kill(StageName::Email);
    stuck.store(false, Ordering::Relaxed);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(house.mails("c-1"), 1);
    // Nor by a late duplicate.
    house.email.queue.send_body(r#"{"v":1,"customer":"c-1","run":"2026-11"}"#);
    house.fire_at("c-1", "2026-11-10T11:30:00Z".parse().unwrap());
    house.drain().await;
    assert_eq!(house.mails("c-1"), 1);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_asking() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.mailer.fail_next([Mishap::AnswerLost]);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(house.mails("c-1"), 1);
    assert_eq!(house.mailer.calls()[&entry_id("c-1", "2026-11")], 1);
}

#[tokio::test]
async fn a_lost_answer_that_cannot_be_settled_now_is_settled_after_the_claim() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.mailer.fail_next([Mishap::AnswerLost]);
    let down = || SendError::Retry { after: None, cause: Cause::new("The provider is down.") };
    house.mailer.fail_next_fates([down(), down()]);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Done { .. }));
    assert_eq!(house.mails("c-1"), 1);
}

#[tokio::test]
async fn a_lost_answer_of_a_provider_that_cannot_be_asked_is_unknown_at_once() {
    let house = House::with_forgetful_mailer();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.mailer.fail_next([Mishap::AnswerLost]);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(house.mails("c-1"), 1);
    assert_eq!(house.email.dlq.depth().visible, 0);
}

#[tokio::test]
async fn two_workers_on_the_same_entry_make_one_call() {
    let (journey, stuck) = stuck_on(Leg::There);
    let house = House::with(|clock| MemoryScorer::new(clock).with_journey(journey), MemoryMailer::deduplicating());
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.fire_at("c-1", house.clock.now());
    let deliveries = house.receive(StageName::Score);
    assert_eq!(deliveries.len(), 2);
    let [one, two] = deliveries.try_into().unwrap();
    let mut first = Box::pin(house.work(StageName::Score, vec![one]));
    assert!(futures::poll!(&mut first).is_pending());
    let refused = house.work(StageName::Score, vec![two.clone()]).await;
    assert_eq!(refused, [two.message_id]);
    assert_eq!(house.scorer.calls()[&entry_id("c-1", "2026-11")], 1);
    drop(first);
    stuck.store(false, Ordering::Relaxed);
    house.drain().await;
    assert_eq!(house.mails("c-1"), 1);
}
