//! What partners tell of customers between two rosters.

use pulse_core::{
    customer::{Contact, EmailAddress},
    enrollment::{PartnerChange, PartnerName, PartnerOutcome},
};

use super::*;

fn crm() -> PartnerName {
    PartnerName::parse("crm").unwrap()
}

fn told(sequence: u64, day: u8, more: &str) -> PartnerChange {
    let json = format!(r#"{{"customer": "c-1", "sequence": {sequence}, "occurred_at": "{}", {more}}}"#, on(day));
    PartnerChange::parse(&json).unwrap()
}

/// A stack with one customer, enrolled by a roster of the first day.
async fn stack_of_one() -> (InMemoryStack, CustomerId) {
    let stack = InMemoryStack::new();
    let customer = row("c-1", "Europe/Dublin", "1.00", "no");
    stack.enrollment().enroll(&customer, on(1)).await.unwrap();
    (stack, customer.id)
}

#[tokio::test]
async fn schedule_and_entry_follow_a_partner_as_they_follow_a_roster() {
    let (stack, id) = stack_of_one().await;
    let moves = told(7, 2, r#""time_zone": "Asia/Tokyo", "email": "new@mail.example""#);
    assert_eq!(stack.enrollment().change(&crm(), &moves).await.unwrap(), PartnerOutcome::Changed);
    let (profile, schedule, entries) = all_of(&stack, &id).await;
    let profile = profile.unwrap();
    let tokyo = row("c-1", "Asia/Tokyo", "1.00", "no");
    assert_eq!((schedule.as_ref(), &profile.slot), (Some(&tokyo.slot), &tokyo.slot));
    assert_eq!((entries.len(), entries[0].due()), (1, tokyo.slot.next_after(stack.clock.now())));
    assert!(
        profile.mark.settled && profile.contact == Contact::Email(EmailAddress::parse("new@mail.example").unwrap())
    );
    assert!(stack.audit(false).await.is_clean());

    let before = stack.ledger.used();
    assert_eq!(stack.enrollment().change(&crm(), &moves).await.unwrap(), PartnerOutcome::Unchanged);
    let used = stack.ledger.used().since(before);
    assert_eq!((used.half_reads / 2, used.writes), (1, 0), "once more is a read");
    let older = told(6, 2, r#""time_zone": "UTC""#);
    assert_eq!(stack.enrollment().change(&crm(), &older).await.unwrap(), PartnerOutcome::Unchanged);
    assert_eq!(all_of(&stack, &id).await.0.unwrap(), profile);
}

#[tokio::test]
async fn whom_a_partner_closes_is_off_and_whom_it_has_back_is_on() {
    let (stack, id) = stack_of_one().await;
    for (sequence, standing, is_on) in [(1, "closed", false), (2, "active", true)] {
        let change = told(sequence, 2, &format!(r#""standing": "{standing}""#));
        assert_eq!(stack.enrollment().change(&crm(), &change).await.unwrap(), PartnerOutcome::Changed);
        let (_, schedule, entries) = all_of(&stack, &id).await;
        assert_eq!((schedule.is_some(), entries.len()), (is_on, usize::from(is_on)), "{standing}");
        assert!(stack.audit(false).await.is_clean());
    }
}

#[tokio::test]
async fn a_change_of_nobody_is_told_and_makes_nobody() {
    let stack = InMemoryStack::new();
    let change = told(1, 2, r#""opted_out": true"#);
    assert_eq!(stack.enrollment().change(&crm(), &change).await.unwrap(), PartnerOutcome::Unknown);
    assert_eq!(all_of(&stack, &change.customer).await, (None, None, vec![]));
}

#[tokio::test]
async fn a_partners_opt_out_is_kept_where_the_scheduler_refuses_its_zone() {
    let (stack, id) = stack_of_one().await;
    let before = all_of(&stack, &id).await;
    let change = told(1, 2, &format!(r#""opted_out": true, "time_zone": "{REFUSED_ZONE}""#));
    let refused = immortal(&stack).enrollment().change(&crm(), &change).await;
    assert!(matches!(refused, Err(EnrollmentError::Schedule(ScheduleError::Refused { .. }))), "{refused:?}");
    let (profile, schedule, _) = all_of(&stack, &id).await;
    let profile = profile.unwrap();
    assert!(profile.consent.opted_out());
    assert_eq!((profile.zone, schedule), (before.0.unwrap().zone, before.1), "and all else is as it was");
    // A roster says no, and doesn't take it back.
    stack.enrollment().enroll(&row("c-1", "Europe/Dublin", "2.00", "no"), on(3)).await.unwrap();
    assert!(all_of(&stack, &id).await.0.unwrap().consent.opted_out());
}

#[tokio::test]
async fn wherever_a_change_is_killed_the_same_one_ends_it() {
    let changes = [
        r#""time_zone": "Asia/Tokyo", "opted_out": true"#,
        r#""standing": "closed", "email": "none""#,
        r#""email": "new@mail.example""#,
    ];
    for change in changes.map(|more| told(1, 2, more)) {
        let (whole, id) = stack_of_one().await;
        immortal(&whole).enrollment().change(&crm(), &change).await.unwrap();
        let unversioned = |mut all: (Option<Customer>, Option<Slot>, Vec<Entry>)| {
            all.0.as_mut().unwrap().mark.version = 0;
            (all.0, all.1, all.2.iter().map(|entry| (entry.id().clone(), entry.due())).collect::<Vec<_>>())
        };
        let expected = unversioned(all_of(&whole, &id).await);
        for lived_through in 0.. {
            let (stack, id) = stack_of_one().await;
            let mortal = Mortal::after(&stack, lived_through);
            let ended = mortal.enrollment().change(&crm(), &change).now_or_never();
            immortal(&stack).enrollment().change(&crm(), &change).await.unwrap();
            assert_eq!(unversioned(all_of(&stack, &id).await), expected, "{lived_through} of {change:?}");
            assert!(stack.audit(false).await.is_clean());
            if ended.is_some() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_first_release_reads_what_partners_made_and_loses_nothing_but_the_numbers() {
    let (stack, id) = stack_of_one().await;
    let change = told(1, 2, r#""time_zone": "Asia/Tokyo", "opted_out": true"#);
    stack.enrollment().change(&crm(), &change).await.unwrap();
    let profile = all_of(&stack, &id).await.0.unwrap();
    let (opted_out, back) = profile_written_back(&profile);
    assert!(opted_out && back.is_like(&profile));
    assert_eq!(back.mark, ProfileMark::default());
}
