//! Putting customers on the roster, moving them, taking them off, and having them back.

use std::time::Duration;

use pulse_core::{
    customer::{Customer, Standing, Zone},
    enrollment::Enrolled,
    entry::{Progress, SkipReason},
    ports::{Clock as _, Ledger as _, LedgerReports as _, RosterCount, Schedules as _},
    slot::Slot,
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

#[tokio::test]
async fn enrolling_twice_is_enrolling_once() {
    let stack = InMemoryStack::new();
    let customer = customer("c-1");
    let enrollment = stack.enrollment();
    assert_eq!(enrollment.enroll(&customer).await.unwrap(), Enrolled::New);
    assert_eq!(enrollment.enroll(&customer).await.unwrap(), Enrolled::Unchanged);
    assert_eq!(stack.ledger.entries(&customer.id).await.unwrap().len(), 1);
    assert_eq!(stack.ledger.roster().await.unwrap(), RosterCount { active: 1, closed: 0 });
}

#[tokio::test]
async fn a_customer_who_moves_house_is_due_at_the_new_places_time() {
    let stack = InMemoryStack::new();
    let before = customer("c-1");
    stack.enroll(std::slice::from_ref(&before)).await;
    let zone = Zone::parse("Asia/Tokyo").unwrap();
    let slot = Slot::of_sign_up(&before.id, before.signed_up_at, &zone);
    let after = Customer { zone, slot, ..before };
    assert_eq!(stack.enrollment().enroll(&after).await.unwrap(), Enrolled::Changed);
    let entries = stack.ledger.entries(&after.id).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].due(), after.slot.next_after(stack.clock.now()));
    assert_eq!(stack.schedules.get(&after.id).await.unwrap().unwrap().slot, after.slot);
}

#[tokio::test]
async fn a_slot_that_moves_past_this_months_day_does_not_pass_this_month_over() {
    let stack = InMemoryStack::new();
    let before = customer("c-1");
    stack.enroll(std::slice::from_ref(&before)).await;
    let open = stack.entry("c-1", "2026-11").await;
    // The new slot's day of this month is over already.
    let slot = Slot::of_sign_up(&before.id, "2024-05-02T10:30:00Z".parse().unwrap(), &before.zone);
    stack.enroll(&[Customer { slot, ..before }]).await;
    assert_eq!(stack.entry("c-1", "2026-11").await, open);
}

#[tokio::test]
async fn someone_who_has_left_already_is_accounted_for_without_a_schedule() {
    let stack = InMemoryStack::new();
    let closed = Customer { standing: Standing::Closed, ..customer("c-1") };
    assert_eq!(stack.enrollment().enroll(&closed).await.unwrap(), Enrolled::Closed);
    assert!(matches!(stack.progress("c-1", "2026-11").await, Progress::Skipped { reason: SkipReason::Closed, .. }));
    assert!(stack.schedules.get(&closed.id).await.unwrap().is_none());
    assert_eq!(stack.ledger.roster().await.unwrap(), RosterCount { active: 0, closed: 1 });
}

#[tokio::test]
async fn someone_who_comes_back_gets_a_schedule_and_an_open_entry_but_no_second_mail_this_month() {
    let stack = InMemoryStack::new();
    let customer = customer("c-1");
    stack.enroll(std::slice::from_ref(&customer)).await;
    stack.fire(&customer);
    stack.drain().await;
    stack.enrollment().unenroll(&customer.id).await.unwrap();
    stack.enroll(std::slice::from_ref(&customer)).await;
    assert!(stack.schedules.get(&customer.id).await.unwrap().is_some());
    let entries = stack.ledger.entries(&customer.id).await.unwrap();
    let open: Vec<_> = entries.iter().filter(|entry| entry.is_open()).collect();
    assert_eq!(open.len(), 1);
    assert!(open[0].due() > stack.clock.now() + Duration::from_hours(24));
    stack.fire_at("c-1", "2026-11-10T11:30:00Z".parse().unwrap());
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn taking_off_someone_unknown_says_so() {
    let stack = InMemoryStack::new();
    assert!(!stack.enrollment().unenroll(&customer("c-9").id).await.unwrap());
}
