//! A customer's month when nothing goes wrong, and those who get no mail.

use std::time::Duration;

use pulse_core::{
    customer::{Consent, Contact, Customer, EmailAddress, OptOutMark, Standing},
    entry::{Progress, SkipReason, StageName},
    ports::{Clock as _, Ledger as _, Schedules as _},
    quiet_hours::QuietHours,
};
use pulse_sim::queue::QueueDepth;
use pulse_tests::in_memory_stack::{InMemoryStack, SETTINGS, customer, entry_id};

#[tokio::test]
async fn a_customer_whose_schedule_fires_is_scored_mailed_once_and_due_again_next_month() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    let due = stack.fire(&customer("c-1"));
    assert_eq!(due.to_string(), "2026-11-10T11:30:00Z");
    stack.drain().await;

    let sent = stack.entry("c-1", "2026-11").await;
    assert!(matches!(sent.progress(), Progress::Done { .. }), "{sent:?}");
    assert_eq!(stack.mails("c-1"), 1);
    let next = stack.entry("c-1", "2026-12").await;
    assert_eq!(next.state(), "scheduled");
    assert_eq!(next.due().to_string(), "2026-12-10T11:30:00Z");
    assert_eq!(next.previous(), sent.score());
}

#[tokio::test]
async fn the_cycle_goes_on_for_a_year_with_one_mail_a_month() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    for month in 1..=12 {
        stack.fire(&customer("c-1"));
        stack.drain().await;
        assert_eq!(stack.mails("c-1"), month);
        stack.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(stack.ledger.entries(&customer("c-1").id).await.unwrap().len(), 13);
}

#[tokio::test]
async fn a_message_that_comes_three_times_and_in_any_order_leads_to_one_mail() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..30).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in customers.iter().chain(customers.iter().rev()).chain(&customers) {
        stack.fire(customer);
    }
    stack.drain().await;
    for customer in &customers {
        assert_eq!(stack.mails(customer.id.as_str()), 1, "{}", customer.id);
    }
    // Late duplicates, days after, on both queues.
    stack.clock.advance(Duration::from_hours(72));
    for customer in &customers {
        stack.fire_at(customer.id.as_str(), "2026-11-10T11:30:00Z".parse().unwrap());
        stack.email.queue.send_body(&format!(r#"{{"v":1,"customer":"{}","run":"2026-11"}}"#, customer.id));
    }
    stack.drain().await;
    assert_eq!(stack.mailer.accepted().len(), customers.len());
    assert_eq!(stack.scorer.calls().values().sum::<u64>(), customers.len() as u64);
}

#[tokio::test]
async fn those_who_should_get_no_mail_are_skipped_with_the_reason_and_stay_in_the_cycle() {
    let stack = InMemoryStack::new();
    let opted_out = Customer { consent: Consent::of_mark(OptOutMark::Yes), ..customer("c-out") };
    let no_address = Customer { contact: Contact::Unusable, ..customer("c-bad") };
    let suppressed = customer("c-sup");
    stack.enroll(&[opted_out.clone(), no_address.clone(), suppressed.clone()]).await;
    let address = EmailAddress::parse("C-SUP@example.com").unwrap();
    stack.suppress(&address).await;
    for customer in [&opted_out, &no_address, &suppressed] {
        stack.fire(customer);
    }
    stack.drain().await;
    for (id, expected) in
        [("c-out", SkipReason::OptedOut), ("c-bad", SkipReason::BadAddress), ("c-sup", SkipReason::Suppressed)]
    {
        assert!(
            matches!(stack.progress(id, "2026-11").await, Progress::Skipped { reason, .. } if reason == expected),
            "{id}"
        );
        assert_eq!(stack.state(id, "2026-12").await, "scheduled", "{id}");
    }
    assert_eq!(stack.mailer.accepted().len(), 0);
    // Nobody pays for a score that can't be mailed.
    assert_eq!(stack.scorer.calls().len(), 1);
}

#[tokio::test]
async fn what_changes_between_the_stages_counts_when_the_mail_goes_out() {
    let stack = InMemoryStack::new();
    let moved = customer("c-moved");
    let left = customer("c-left");
    let opting = customer("c-opting");
    stack.enroll(&[moved.clone(), left.clone(), opting.clone()]).await;
    for customer in [&moved, &left, &opting] {
        stack.fire(customer);
    }
    stack.invoke(StageName::Score).await;
    let address = EmailAddress::parse("new@example.com").unwrap();
    stack.enroll(&[Customer { contact: Contact::Email(address.clone()), ..moved }]).await;
    stack.enroll(&[Customer { consent: Consent::of_mark(OptOutMark::Yes), ..opting }]).await;
    // The function reads the profile anew, whatever the command line did or didn't do to the entry.
    let closed = Customer { standing: Standing::Closed, ..left };
    stack.rewrite(&closed).await;
    stack.drain().await;

    let accepted = stack.mailer.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].to, address);
    for (id, expected) in [("c-left", SkipReason::Closed), ("c-opting", SkipReason::OptedOut)] {
        assert!(
            matches!(stack.progress(id, "2026-11").await, Progress::Skipped { reason, .. } if reason == expected),
            "{id}"
        );
    }
    assert!(stack.ledger.entry(&entry_id("c-left", "2026-12")).await.unwrap().is_none());
    assert_eq!(stack.state("c-opting", "2026-12").await, "scheduled");
}

#[tokio::test]
async fn an_unenrolled_customer_has_no_schedule_and_no_open_entry_and_a_late_message_does_nothing() {
    let stack = InMemoryStack::new();
    let customer = customer("c-1");
    stack.enroll(std::slice::from_ref(&customer)).await;
    assert!(stack.enrollment().unenroll(&customer.id).await.unwrap());
    assert!(stack.schedules.get(&customer.id).await.unwrap().is_none());
    stack.fire(&customer);
    stack.drain().await;
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Skipped { reason: SkipReason::Closed, .. }));
    assert_eq!(stack.ledger.entries(&customer.id).await.unwrap().len(), 1);
    assert!(stack.scorer.calls().is_empty());
}

#[tokio::test]
async fn a_score_that_is_too_old_is_asked_for_again_before_it_is_mailed() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.invoke(StageName::Score).await;
    stack.clock.advance(Duration::from_hours(96));
    let resumed = stack.clock.now();
    stack.drain().await;
    let sent = stack.entry("c-1", "2026-11").await;
    assert_eq!(sent.state(), "sent");
    assert!(sent.score().unwrap().as_of >= resumed);
    assert_eq!(stack.scorer.calls()[&entry_id("c-1", "2026-11")], 2);
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn nobody_is_mailed_in_their_quiet_hours() {
    let mut stack = InMemoryStack::new();
    stack.policy.quiet_hours = QuietHours::parse("11:00-13:00").unwrap();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    stack.clock.advance(Duration::from_mins(89));
    stack.sweep().await;
    assert_eq!(stack.email.queue.depth(), QueueDepth::default(), "it isn't time yet");
    stack.clock.advance(Duration::from_mins(1));
    stack.sweep().await;
    stack.drain().await;
    let Progress::Done { at, .. } = stack.progress("c-1", "2026-11").await else { panic!("not sent") };
    assert_eq!(at.to_string(), "2026-11-10T13:00:00Z");
}

#[tokio::test]
async fn a_batch_never_has_more_calls_in_flight_than_its_lanes() {
    use futures::{FutureExt as _, channel::oneshot};
    use pulse_sim::{
        provider::{Leg, SimulatedLatency},
        scorer::MemoryScorer,
    };
    use std::sync::{Arc, Mutex};

    // Every call waits for its gate; gates open one by one, always the oldest.
    let gates: Arc<Mutex<std::collections::VecDeque<oneshot::Sender<()>>>> = Arc::default();
    let opened = gates.clone();
    let latency = SimulatedLatency::new(move |leg| match leg {
        Leg::There => {
            let (open, gate) = oneshot::channel();
            opened.lock().unwrap().push_back(open);
            gate.map(|_| ()).boxed()
        }
        Leg::Back => futures::future::ready(()).boxed(),
    });
    let stack = InMemoryStack::with(
        |clock| MemoryScorer::new(clock).with_latency(latency),
        pulse_sim::mailer::MemoryMailer::deduplicating(),
    );
    let customers: Vec<_> = (0..40).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    let mut invocation = Box::pin(stack.invoke(StageName::Score));
    let mut waiting = Vec::new();
    while futures::poll!(&mut invocation).is_pending() {
        waiting.push(gates.lock().unwrap().len());
        let gate = gates.lock().unwrap().pop_front().expect("a call waits");
        let _ = gate.send(());
    }
    assert_eq!(stack.scorer.peak(), SETTINGS.in_flight);
    // A new call starts as soon as one ends: as long as there are messages, every lane is busy.
    assert!(waiting[..36].iter().all(|&calls| calls == SETTINGS.in_flight), "{waiting:?}");
}
