//! A customer's month when nothing goes wrong, and those who get no mail.

use std::time::Duration;

use pulse_core::{
    customer::{Contact, Customer, EmailAddress, Standing},
    entry::{Progress, SkipReason, StageName},
    failure::Cause,
    ports::{Clock as _, Ledger as _, Schedules as _},
    quiet_hours::QuietHours,
};
use pulse_sim::queue::Depth;
use pulse_tests::house::{House, SETTINGS, customer, entry_id};

#[tokio::test]
async fn a_customer_whose_schedule_fires_is_scored_mailed_once_and_due_again_next_month() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    let due = house.fire(&customer("c-1"));
    assert_eq!(due.to_string(), "2026-11-10T11:30:00Z");
    house.drain().await;

    let sent = house.entry("c-1", "2026-11").await;
    assert!(matches!(sent.progress(), Progress::Done { .. }), "{sent:?}");
    assert_eq!(house.mails("c-1"), 1);
    let next = house.entry("c-1", "2026-12").await;
    assert_eq!(next.state(), "scheduled");
    assert_eq!(next.due().to_string(), "2026-12-10T11:30:00Z");
    assert_eq!(next.previous(), sent.score());
}

#[tokio::test]
async fn the_cycle_goes_on_for_a_year_with_one_mail_a_month() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    for month in 1..=12 {
        house.fire(&customer("c-1"));
        house.drain().await;
        assert_eq!(house.mails("c-1"), month);
        house.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(house.ledger.entries(&customer("c-1").id).await.unwrap().len(), 13);
}

#[tokio::test]
async fn a_message_that_comes_three_times_and_in_any_order_leads_to_one_mail() {
    let house = House::new();
    let customers: Vec<_> = (0..30).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    for customer in customers.iter().chain(customers.iter().rev()).chain(&customers) {
        house.fire(customer);
    }
    house.drain().await;
    for customer in &customers {
        assert_eq!(house.mails(customer.id.as_str()), 1, "{}", customer.id);
    }
    // Late duplicates, days after, on both queues.
    house.clock.advance(Duration::from_hours(72));
    for customer in &customers {
        house.fire_at(customer.id.as_str(), "2026-11-10T11:30:00Z".parse().unwrap());
        house.email.queue.send_body(&format!(r#"{{"v":1,"customer":"{}","run":"2026-11"}}"#, customer.id));
    }
    house.drain().await;
    assert_eq!(house.mailer.accepted().len(), customers.len());
    assert_eq!(house.scorer.calls().values().sum::<u64>(), customers.len() as u64);
}

#[tokio::test]
async fn those_who_should_get_no_mail_are_skipped_with_the_reason_and_stay_in_the_cycle() {
    let house = House::new();
    let opted_out = Customer { opted_out: true, ..customer("c-out") };
    let no_address = Customer { contact: Contact::Unusable, ..customer("c-bad") };
    let suppressed = customer("c-sup");
    house.enroll(&[opted_out.clone(), no_address.clone(), suppressed.clone()]).await;
    let address = EmailAddress::parse("C-SUP@example.com").unwrap();
    house.ledger.suppress(&address, &Cause::new("It bounced.")).await.unwrap();
    for customer in [&opted_out, &no_address, &suppressed] {
        house.fire(customer);
    }
    house.drain().await;
    for (id, expected) in
        [("c-out", SkipReason::OptedOut), ("c-bad", SkipReason::BadAddress), ("c-sup", SkipReason::Suppressed)]
    {
        assert!(
            matches!(house.progress(id, "2026-11").await, Progress::Skipped { reason, .. } if reason == expected),
            "{id}"
        );
        assert_eq!(house.state(id, "2026-12").await, "scheduled", "{id}");
    }
    assert_eq!(house.mailer.accepted().len(), 0);
    // Nobody pays for a score that can't be mailed.
    assert_eq!(house.scorer.calls().len(), 1);
}

#[tokio::test]
async fn what_changes_between_the_stages_counts_when_the_mail_goes_out() {
    let house = House::new();
    let moved = customer("c-moved");
    let left = customer("c-left");
    let opting = customer("c-opting");
    house.enroll(&[moved.clone(), left.clone(), opting.clone()]).await;
    for customer in [&moved, &left, &opting] {
        house.fire(customer);
    }
    house.invoke(StageName::Score).await;
    let address = EmailAddress::parse("new@example.com").unwrap();
    house.enroll(&[Customer { contact: Contact::Email(address.clone()), ..moved }]).await;
    house.enroll(&[Customer { opted_out: true, ..opting }]).await;
    // The function reads the profile anew, whatever the command line did or didn't do to the entry.
    let closed = Customer { standing: Standing::Closed, ..left };
    house.ledger.save_customer(&closed).await.unwrap();
    house.drain().await;

    let accepted = house.mailer.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].to, address);
    for (id, expected) in [("c-left", SkipReason::Closed), ("c-opting", SkipReason::OptedOut)] {
        assert!(
            matches!(house.progress(id, "2026-11").await, Progress::Skipped { reason, .. } if reason == expected),
            "{id}"
        );
    }
    assert!(house.ledger.entry(&entry_id("c-left", "2026-12")).await.unwrap().is_none());
    assert_eq!(house.state("c-opting", "2026-12").await, "scheduled");
}

#[tokio::test]
async fn an_unenrolled_customer_has_no_schedule_and_no_open_entry_and_a_late_message_does_nothing() {
    let house = House::new();
    let customer = customer("c-1");
    house.enroll(std::slice::from_ref(&customer)).await;
    assert!(house.enrollment().unenroll(&customer.id).await.unwrap());
    assert!(house.schedules.get(&customer.id).await.unwrap().is_none());
    house.fire(&customer);
    house.drain().await;
    assert!(matches!(house.progress("c-1", "2026-11").await, Progress::Skipped { reason: SkipReason::Closed, .. }));
    assert_eq!(house.ledger.entries(&customer.id).await.unwrap().len(), 1);
    assert!(house.scorer.calls().is_empty());
}

#[tokio::test]
async fn a_score_that_is_too_old_is_asked_for_again_before_it_is_mailed() {
    let house = House::new();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.invoke(StageName::Score).await;
    house.clock.advance(Duration::from_hours(96));
    let resumed = house.clock.now();
    house.drain().await;
    let sent = house.entry("c-1", "2026-11").await;
    assert_eq!(sent.state(), "sent");
    assert!(sent.score().unwrap().as_of >= resumed);
    assert_eq!(house.scorer.calls()[&entry_id("c-1", "2026-11")], 2);
    assert_eq!(house.mails("c-1"), 1);
}

#[tokio::test]
async fn nobody_is_mailed_in_their_quiet_hours() {
    let mut house = House::new();
    house.policy.quiet_hours = QuietHours::parse("11:00-13:00").unwrap();
    house.enroll(&[customer("c-1")]).await;
    house.fire(&customer("c-1"));
    house.drain().await;
    house.clock.advance(Duration::from_mins(89));
    house.sweep().await;
    assert_eq!(house.email.queue.depth(), Depth::default(), "it isn't time yet");
    house.clock.advance(Duration::from_mins(1));
    house.sweep().await;
    house.drain().await;
    let Progress::Done { at, .. } = house.progress("c-1", "2026-11").await else { panic!("not sent") };
    assert_eq!(at.to_string(), "2026-11-10T13:00:00Z");
}

#[tokio::test]
async fn a_batch_never_has_more_calls_in_flight_than_its_lanes() {
    use futures::{FutureExt as _, channel::oneshot};
    use pulse_sim::{
        provider::{Journey, Leg},
        scorer::MemoryScorer,
    };
    use std::sync::{Arc, Mutex};

    // Every call waits for its gate; gates open one by one, always the oldest.
    let gates: Arc<Mutex<std::collections::VecDeque<oneshot::Sender<()>>>> = Arc::default();
    let opened = gates.clone();
    let journey = Journey::new(move |leg| match leg {
        Leg::There => {
            let (open, gate) = oneshot::channel();
            opened.lock().unwrap().push_back(open);
            gate.map(|_| ()).boxed()
        }
        Leg::Back => futures::future::ready(()).boxed(),
    });
    let house = House::with(
        |clock| MemoryScorer::new(clock).with_journey(journey),
        pulse_sim::mailer::MemoryMailer::deduplicating(),
    );
    let customers: Vec<_> = (0..40).map(|n| customer(&format!("c-{n}"))).collect();
    house.enroll(&customers).await;
    for customer in &customers {
        house.fire(customer);
    }
    let mut invocation = Box::pin(house.invoke(StageName::Score));
    let mut waiting = Vec::new();
    while futures::poll!(&mut invocation).is_pending() {
        waiting.push(gates.lock().unwrap().len());
        let gate = gates.lock().unwrap().pop_front().expect("a call waits");
        let _ = gate.send(());
    }
    assert_eq!(house.scorer.peak(), SETTINGS.in_flight);
    // A new call starts as soon as one ends: as long as there are messages, every lane is busy.
    assert!(waiting[..36].iter().all(|&calls| calls == SETTINGS.in_flight), "{waiting:?}");
}
