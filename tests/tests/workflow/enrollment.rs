//! Putting customers on the roster, moving them, taking them off, and having them back.

mod partners;

use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{
        Consent, ConsentEffect, ConsentRecord, ConsentSource, Customer, CustomerId, ProfileMark, Standing, Zone,
    },
    enrollment::{EnrollmentError, Outcome},
    entry::{Entry, Progress, SkipReason},
    failure::Cause,
    ports::{Clock as _, Ledger as _, LedgerReports as _, RosterCount, ScheduleError, Schedules as _},
    roster::RosterRow,
    slot::Slot,
};
use pulse_tests::{
    first_release::profile_written_back,
    in_memory_stack::{InMemoryStack, customer, start},
};

use crate::mortal::{Mortal, REFUSED_ZONE, immortal};

#[tokio::test]
async fn enrolling_twice_is_enrolling_once() {
    let stack = InMemoryStack::new();
    let customer = customer("c-1");
    let (enrollment, now) = (stack.enrollment(), start());
    assert_eq!(enrollment.enroll(&customer, now).await.unwrap().outcome, Outcome::New);
    assert_eq!(enrollment.enroll(&customer, now).await.unwrap().outcome, Outcome::Unchanged);
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
    assert_eq!(stack.enrollment().enroll(&after, start()).await.unwrap().outcome, Outcome::Changed);
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
    assert_eq!(stack.enrollment().enroll(&closed, start()).await.unwrap().outcome, Outcome::Closed);
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

/// A row as a roster has it.
fn row(id: &str, time_zone: &str, balance: &str, opted_out: &str) -> Customer {
    let email = format!("{id}@mail.example");
    let row = RosterRow {
        id,
        name: "Test",
        email: &email,
        product: "loan",
        balance,
        currency: "EUR",
        locale: "en-IE",
        time_zone,
        signed_up_at: "2024-05-10T14:41:00+01:00",
        status: "active",
        opted_out,
    };
    row.parse(&Zone::UTC).unwrap()
}

fn on(day: u8) -> Timestamp {
    format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
}

/// All that there is of a customer: profile, schedule, open entries.
async fn all_of(stack: &InMemoryStack, id: &CustomerId) -> (Option<Customer>, Option<Slot>, Vec<Entry>) {
    let schedule = stack.schedules.get(id).await.unwrap().map(|schedule| schedule.slot);
    let mut entries = stack.ledger.entries(id).await.unwrap();
    entries.retain(Entry::is_open);
    (stack.ledger.customer(id).await.unwrap(), schedule, entries)
}

#[tokio::test]
async fn who_is_refused_for_good_leaves_nothing_behind() {
    let stack = InMemoryStack::new();
    let ports = immortal(&stack);
    let new = row("p-05", REFUSED_ZONE, "1.00", "no");
    let refused = ports.enrollment().enroll(&new, on(2)).await;
    assert!(matches!(refused, Err(EnrollmentError::Schedule(ScheduleError::Refused { .. }))), "{refused:?}");
    assert_eq!(all_of(&stack, &new.id).await, (None, None, vec![]));

    let known = row("p-06", "Europe/Dublin", "1.00", "no");
    ports.enrollment().enroll(&known, on(2)).await.unwrap();
    let before = all_of(&stack, &known.id).await;
    assert!(ports.enrollment().enroll(&row("p-06", REFUSED_ZONE, "2.00", "no"), on(3)).await.is_err());
    assert_eq!(all_of(&stack, &known.id).await, before, "they are as they were");
    assert!(stack.audit(false).await.is_clean());
    // And they are changed by a row that isn't refused.
    ports.enrollment().enroll(&row("p-06", "Asia/Tokyo", "2.00", "no"), on(3)).await.unwrap();
    assert_eq!(all_of(&stack, &known.id).await.1.unwrap().zone().name(), "Asia/Tokyo");
}

#[tokio::test]
async fn wherever_an_enrolment_is_killed_the_next_one_ends_it_and_a_repair_loses_nobody() {
    let (dublin, tokyo) = (row("c-1", "Europe/Dublin", "1.00", "no"), row("c-1", "Asia/Tokyo", "2.00", "yes"));
    let closed = Customer { standing: Standing::Closed, ..dublin.clone() };
    let ways: [&[&Customer]; 5] =
        [&[&dublin], &[&dublin, &tokyo], &[&dublin, &closed], &[&closed, &dublin], &[&dublin, &closed, &tokyo]];
    for way in ways {
        let (last, before) = way.split_last().unwrap();
        for (lived_through, repaired) in (0..).flat_map(|left| [(left, false), (left, true)]) {
            let stack = InMemoryStack::new();
            for told in before {
                immortal(&stack).enrollment().enroll(told, on(1)).await.unwrap();
            }
            let mortal = Mortal::after(&stack, lived_through);
            let ended = mortal.enrollment().enroll(last, on(2)).now_or_never();
            if repaired && all_of(&stack, &last.id).await.0.is_some() {
                stack.audit(true).await;
                assert!(stack.audit(false).await.is_clean(), "{lived_through} of {way:?}");
            }
            immortal(&stack).enrollment().enroll(last, on(2)).await.unwrap();
            let (profile, schedule, entries) = all_of(&stack, &last.id).await;
            let profile = profile.unwrap();
            assert!(profile.is_like(last) && profile.mark.settled, "{lived_through} of {way:?}");
            let expected = (last.standing == Standing::Active).then(|| last.slot.clone());
            assert_eq!((schedule, entries.len()), (expected.clone(), usize::from(expected.is_some())), "{way:?}");
            assert!(stack.audit(false).await.is_clean());
            if ended.is_some() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn all_of_a_file_once_more_costs_a_read_each_and_new_facts_a_write() {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..100).map(|n| row(&format!("c-{n}"), "Europe/Dublin", "1.00", "no")).collect();
    let price = async |balance: &str, day| {
        let before = stack.ledger.used();
        for customer in &customers {
            let told = row(customer.id.as_str(), "Europe/Dublin", balance, "no");
            stack.enrollment().enroll(&told, on(day)).await.unwrap();
        }
        let used = stack.ledger.used().since(before);
        (used.half_reads / 2, used.writes, used.gets + used.queries + used.puts)
    };
    // Profile and entry cost a unit each, and one in an index, and the mark costs one.
    assert_eq!(price("1.00", 1).await, (200, 500, 500));
    assert_eq!(price("1.00", 1).await, (100, 0, 100));
    assert_eq!(price("2.00", 2).await, (100, 100, 200));
    // That a newer file says the same is written down, or else one in between would undo it.
    assert_eq!(price("2.00", 3).await, (100, 100, 200));
    assert_eq!(price("1.00", 2).await, (100, 0, 100));
}

#[tokio::test]
async fn enrolling_by_id_looks_at_what_the_mark_says_is_there() {
    let stack = InMemoryStack::new();
    let customer = row("c-1", "Europe/Dublin", "1.00", "no");
    stack.enrollment().enroll(&customer, on(1)).await.unwrap();
    stack.schedules.delete(&customer.id).await.unwrap();
    stack.enrollment().enroll(&customer, on(1)).await.unwrap();
    assert_eq!(stack.schedules.get(&customer.id).await.unwrap(), None, "a lost schedule is the audit's business");
    assert!(stack.enrollment().repair(&customer.id).await.unwrap());
    assert!(stack.schedules.get(&customer.id).await.unwrap().is_some());
    assert!(!stack.enrollment().repair(&customer.id).await.unwrap());
}

#[tokio::test]
async fn an_opt_out_between_the_read_and_the_write_of_a_roster_is_kept() {
    let word = |opted_out, day| {
        let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(on(day)), proof: None };
        Consent::said(opted_out, record)
    };
    let told = row("c-1", "Asia/Tokyo", "2.00", "no");
    for lived_through in 0..20 {
        let stack = InMemoryStack::new();
        stack.enrollment().enroll(&row("c-1", "Europe/Dublin", "1.00", "no"), on(1)).await.unwrap();
        // The roster's run is held up at a call, and goes on once the customer has asked for no more mail.
        let mortal = Mortal::after(&stack, lived_through);
        let enrollment = mortal.enrollment();
        let mut enrolling = Box::pin(enrollment.enroll(&told, on(2)));
        let _ = (&mut enrolling).now_or_never();
        assert!(stack.enrollment().hear(&told.id, &word(true, 1)).await.unwrap());
        drop(enrolling);
        let (profile, ..) = all_of(&stack, &told.id).await;
        assert_eq!(profile.unwrap().consent, word(true, 1));
        stack.enrollment().enroll(&told, on(3)).await.unwrap();
        let profile = all_of(&stack, &told.id).await.0.unwrap();
        assert_eq!(profile.consent, word(true, 1), "and no file takes it back");
    }
}

#[tokio::test]
async fn an_empty_mark_does_not_take_an_opt_out_back() {
    let stack = InMemoryStack::new();
    let (yes, empty) = (row("oo-1", "Europe/Dublin", "1.00", "yes"), row("oo-1", "Europe/Dublin", "2.00", ""));
    let enrolled = stack.enrollment().enroll(&yes, on(1)).await.unwrap();
    assert_eq!((enrolled.outcome, enrolled.consent), (Outcome::New, Some(ConsentEffect::OptsOut)));
    let enrolled = stack.enrollment().enroll(&empty, on(2)).await.unwrap();
    assert_eq!((enrolled.outcome, enrolled.consent), (Outcome::Changed, Some(ConsentEffect::Empty)));
    let profile = stack.ledger.customer(&yes.id).await.unwrap().unwrap();
    assert_eq!((profile.consent.opted_out(), profile.balance.minor), (true, 200));
}

#[tokio::test]
async fn whom_an_operator_took_off_an_older_file_does_not_bring_back() {
    let stack = InMemoryStack::new();
    let told = row("c-1", "Europe/Dublin", "1.00", "no");
    stack.enrollment().enroll(&told, on(1)).await.unwrap();
    stack.enrollment().unenroll(&told.id).await.unwrap();
    let older = stack.enrollment().enroll(&told, on(2)).await.unwrap();
    assert_eq!((older.outcome, all_of(&stack, &told.id).await.1), (Outcome::Older, None));
    let newer = stack.enrollment().enroll(&told, on(4)).await.unwrap();
    assert_eq!((newer.outcome, all_of(&stack, &told.id).await.1), (Outcome::Changed, Some(told.slot.clone())));
}

#[tokio::test]
async fn unenrolling_someone_whom_a_file_closed_is_of_now_too() {
    let stack = InMemoryStack::new();
    let told = row("c-1", "Europe/Dublin", "1.00", "no");
    stack.enrollment().enroll(&Customer { standing: Standing::Closed, ..told.clone() }, on(1)).await.unwrap();
    assert!(stack.enrollment().unenroll(&told.id).await.unwrap());
    let older = stack.enrollment().enroll(&told, on(2)).await.unwrap();
    assert_eq!((older.outcome, all_of(&stack, &told.id).await.1), (Outcome::Older, None));
}

#[tokio::test]
async fn who_leaves_and_comes_back_before_their_slot_is_mailed_in_that_run() {
    let stack = InMemoryStack::new();
    let told = row("c-1", "Europe/Dublin", "1.00", "no");
    let closed = Customer { standing: Standing::Closed, ..told.clone() };
    stack.enrollment().enroll(&told, on(1)).await.unwrap();
    let before = all_of(&stack, &told.id).await.2;
    for day in 2..4 {
        stack.enrollment().enroll(&closed, on(day)).await.unwrap();
        assert_eq!(all_of(&stack, &told.id).await.2, []);
        stack.enrollment().enroll(&told, on(day)).await.unwrap();
        let after = all_of(&stack, &told.id).await.2;
        assert_eq!((after[0].id(), after[0].due(), after.len()), (before[0].id(), before[0].due(), 1));
    }
    assert!(stack.audit(false).await.is_clean());
    stack.fire(&told);
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
    // Who was mailed isn't mailed again for coming back.
    for told in [&closed, &told] {
        stack.enrollment().enroll(told, on(4)).await.unwrap();
    }
    stack.drain().await;
    assert_eq!((stack.mails("c-1"), all_of(&stack, &told.id).await.2.len()), (1, 1));
    assert!(all_of(&stack, &told.id).await.2[0].id().run > before[0].id().run);
}

#[tokio::test]
async fn an_opt_out_is_kept_where_the_scheduler_refuses_the_row() {
    let stack = InMemoryStack::new();
    let ports = immortal(&stack);
    ports.enrollment().enroll(&row("c-1", "Europe/Dublin", "1.00", "no"), on(1)).await.unwrap();
    let before = all_of(&stack, &row("c-1", "UTC", "1.00", "no").id).await;
    let refused = ports.enrollment().enroll(&row("c-1", REFUSED_ZONE, "2.00", "yes"), on(2)).await;
    assert!(matches!(refused, Err(EnrollmentError::Schedule(ScheduleError::Refused { .. }))), "{refused:?}");
    let (profile, schedule, _) = all_of(&stack, &before.0.as_ref().unwrap().id).await;
    let profile = profile.unwrap();
    assert!(profile.consent.opted_out());
    assert_eq!((profile.balance.minor, schedule), (100, before.1), "and all else is as it was");
}

#[tokio::test]
async fn the_first_release_reads_profiles_and_what_it_writes_is_read_and_changed() {
    let stack = InMemoryStack::new();
    let asked = ConsentRecord { by: ConsentSource::Customer, as_of: Some(on(1)), proof: Some(Cause::new("m-1")) };
    for (mark, consent) in [("no", None), ("yes", None), ("no", Some(Consent::said(true, asked)))] {
        let told = row("c-1", "Europe/Dublin", "1.00", mark);
        stack.enrollment().enroll(&told, on(4)).await.unwrap();
        if let Some(word) = consent {
            assert!(stack.enrollment().hear(&told.id, &word).await.unwrap());
        }
        let profile = stack.ledger.customer(&told.id).await.unwrap().unwrap();
        let (opted_out, back) = profile_written_back(&profile);
        assert_eq!((opted_out, back.consent.opted_out()), (profile.consent.opted_out(), opted_out));
        assert!(back.is_like(&profile));
        assert_eq!(back.mark, ProfileMark::default(), "which is looked at in whole, and may be written over");
    }
}
