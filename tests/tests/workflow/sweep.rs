//! What fell off is queued again, and what was put off is woken; what merely waits is left alone.

use std::time::Duration;

use pulse_core::{
    entry::{Progress, Queueing, StageName},
    failure::Cause,
    ports::{Clock as _, Ledger as _, SendError},
    quiet_hours::QuietHours,
    tick::{StageSweep, Swept},
};
use pulse_sim::{mailer::Mishap, queue::Depth};
use pulse_tests::house::{House, customer, entry_id};

const HOUR: Duration = Duration::from_hours(1);

/// A customer who was due so long ago, and whose schedule never fired.
async fn unfired(house: &House, ago: Duration) {
    let customer = customer("c-1");
    house.enroll(std::slice::from_ref(&customer)).await;
    let due = customer.slot.next_after(house.clock.now());
    let wait = Duration::try_from(due.duration_since(house.clock.now())).unwrap();
    house.clock.advance(wait + ago);
}

async fn swept(house: &House, stage: StageName) -> Swept {
    let both = house.sweep().await;
    both.into_iter().find(|StageSweep { stage: of, .. }| *of == stage).unwrap().swept
}

fn repeated(count: usize) -> Swept {
    Swept::Done { woken: 0, repeated: count, failed: 0 }
}

async fn is_sent(house: &House) -> bool {
    matches!(house.progress("c-1", "2026-11").await, Progress::Done { .. })
}

#[tokio::test]
async fn a_customer_whose_schedule_never_fired_is_queued_after_the_grace_and_not_before() {
    let house = House::new();
    unfired(&house, Duration::from_mins(59)).await;
    assert_eq!(swept(&house, StageName::Score).await, repeated(0));
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(swept(&house, StageName::Score).await, repeated(1));
    house.drain().await;
    assert!(is_sent(&house).await && house.mails("c-1") == 1);
}

#[tokio::test]
async fn a_lost_message_is_repeated_at_most_once_a_day() {
    let house = House::new();
    unfired(&house, HOUR).await;
    assert_eq!(swept(&house, StageName::Score).await, repeated(1));
    for _ in 0..23 {
        house.score.queue.purge();
        house.clock.advance(HOUR);
        assert_eq!(swept(&house, StageName::Score).await, repeated(0));
    }
    house.clock.advance(HOUR);
    assert_eq!(swept(&house, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn a_purged_email_queue_is_filled_again() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    assert_eq!(house.email.queue.purge(), 1);
    house.clock.advance(HOUR);
    assert_eq!(swept(&house, StageName::Email).await, repeated(1));
    house.drain().await;
    assert!(is_sent(&house).await && house.mails("c-1") == 1);
}

#[tokio::test]
async fn a_paused_stage_is_left_alone_and_for_an_hour_after_it_is_resumed() {
    let house = House::new();
    unfired(&house, 2 * HOUR).await;
    house.stages.set_paused(StageName::Score, true);
    assert_eq!(swept(&house, StageName::Score).await, Swept::Paused);
    house.stages.set_paused(StageName::Score, false);
    assert_eq!(swept(&house, StageName::Score).await, repeated(0));
    house.clock.advance(HOUR);
    assert_eq!(swept(&house, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn behind_a_backlog_only_what_no_queue_can_hold_any_more_is_repeated() {
    let house = House::new();
    unfired(&house, 2 * HOUR).await;
    for _ in 0..401 {
        house.score.queue.send_body("waits");
    }
    assert_eq!(swept(&house, StageName::Score).await, repeated(0));
    house.clock.advance(10 * 24 * HOUR);
    assert_eq!(swept(&house, StageName::Score).await, repeated(1));
}

#[tokio::test]
async fn a_message_that_waits_for_its_next_try_is_not_repeated() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    house.clock.advance(HOUR);
    let busy = SendError::Retry { after: Some(2 * HOUR), cause: Cause::new("It asks to be left alone.") };
    house.mailer.fail_next([Mishap::Refused(busy)]);
    house.invoke(StageName::Email).await;
    assert_eq!(swept(&house, StageName::Email).await, repeated(0));
}

#[tokio::test]
async fn a_worker_that_died_on_the_last_receive_is_made_up_for_without_a_redrive() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    let entry = house.entry("c-1", "2026-11").await;
    let now = house.clock.now();
    house.ledger.apply(&entry.claim(StageName::Email, now, now).unwrap()).await.unwrap();
    house.email.queue.purge();
    house.clock.advance(HOUR);
    assert_eq!(swept(&house, StageName::Email).await, repeated(1));
    house.drain().await;
    assert!(is_sent(&house).await && house.mails("c-1") == 1);
}

#[tokio::test]
async fn a_claim_to_send_that_expired_is_not_sent_again_by_a_provider_that_cannot_be_asked() {
    let house = House::with_forgetful_mailer();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    let entry = house.entry("c-1", "2026-11").await;
    let now = house.clock.now();
    house.ledger.apply(&entry.claim(StageName::Email, now, now).unwrap()).await.unwrap();
    house.email.queue.purge();
    house.clock.advance(HOUR);
    house.sweep().await;
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert_eq!(house.mails("c-1"), 0);
    assert!(house.entry("c-1", "2026-12").await.is_open(), "the next month is open all the same");
}

#[tokio::test]
async fn a_mail_that_was_put_off_goes_out_even_if_the_queue_was_purged_meanwhile() {
    let mut house = House::new();
    house.policy.quiet_hours = QuietHours::parse("11:00-13:00").unwrap();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.drain().await;
    assert_eq!(house.email.queue.depth(), Depth::default(), "it waits on the ledger");
    assert_eq!(house.entry("c-1", "2026-11").await.queueing(), Queueing::Deferred);
    house.email.queue.purge();
    house.clock.advance(Duration::from_mins(90));
    assert_eq!(swept(&house, StageName::Email).await, Swept::Done { woken: 1, repeated: 0, failed: 0 });
    house.drain().await;
    assert!(is_sent(&house).await && house.mails("c-1") == 1);
}

#[tokio::test]
async fn a_mail_in_doubt_for_longer_than_its_key_is_remembered_is_never_sent_again() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    let entry = house.entry("c-1", "2026-11").await;
    let now = house.clock.now();
    let sending = entry.claim(StageName::Email, now, now).unwrap();
    house.ledger.apply(&sending).await.unwrap();
    let released = sending.after().release_in_doubt(Cause::new("The answer was lost."), now).unwrap();
    house.ledger.apply(&released).await.unwrap();
    house.clock.advance(47 * HOUR);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Indeterminate { .. }));
    assert!(!house.mailer.calls().contains_key(&entry_id("c-1", "2026-11")));
}
