use super::*;
use crate::{
    customer::{OptOutMark, Zone},
    roster::RosterRow,
    slot::Slot,
};

fn on(day: u8) -> Timestamp {
    format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
}

fn row(balance: &str, status: &str, opted_out: &str) -> Customer {
    let row = RosterRow {
        id: "c-1",
        name: "Ada",
        email: "ada@mail.example",
        product: "loan",
        balance,
        currency: "EUR",
        locale: "en-IE",
        time_zone: "Europe/Dublin",
        signed_up_at: "2024-05-10T14:41:00+01:00",
        status,
        opted_out,
    };
    row.parse(&Zone::UTC).unwrap()
}

/// The profile once such a row of day 10 was enrolled.
fn enrolled(balance: &str, status: &str, opted_out: &str) -> Customer {
    let mut profile = RosterChange::of(None, &row(balance, status, opted_out), on(10)).after;
    (profile.mark.version, profile.mark.settled) = (2, true);
    profile
}

#[test]
fn a_row_is_called_what_it_does() {
    let before = enrolled("1.00", "active", "no");
    for (told, day, outcome) in [
        (row("1.00", "active", "no"), 10, Outcome::Unchanged),
        (row("1.00", "active", ""), 11, Outcome::Unchanged),
        (row("2.00", "active", "no"), 10, Outcome::Changed),
        (row("1.00", "active", "yes"), 11, Outcome::Changed),
        (row("1.00", "closed", "no"), 11, Outcome::Closed),
        (row("2.00", "closed", "no"), 9, Outcome::Older),
    ] {
        assert_eq!(RosterChange::of(Some(&before), &told, on(day)).outcome, outcome, "{told:?} of day {day}");
    }
    assert_eq!(RosterChange::of(None, &before, on(9)).outcome, Outcome::New);
    assert_eq!(RosterChange::of(None, &row("1.00", "closed", ""), on(9)).outcome, Outcome::Closed);
}

#[test]
fn the_same_row_of_the_same_file_writes_nothing() {
    let before = enrolled("1.00", "active", "yes");
    assert_eq!(RosterChange::of(Some(&before), &row("1.00", "active", "yes"), on(10)).after, before);
}

#[test]
fn an_older_file_changes_no_fact_and_yet_opts_out_whoever_nothing_newer_was_said_of() {
    let before = enrolled("1.00", "active", "");
    let change = RosterChange::of(Some(&before), &row("2.00", "closed", "yes"), on(9));
    assert_eq!((change.outcome, change.consent), (Outcome::Older, Some(ConsentEffect::OptsOut)));
    let expected = Consent::default().after_roster(OptOutMark::Yes, on(9)).0;
    assert_eq!(change.after, Customer { consent: expected, ..before });
}

#[test]
fn a_row_that_leaves_slot_and_standing_needs_no_look_at_schedule_and_entry() {
    let before = enrolled("1.00", "active", "no");
    let after = |told: &Customer| RosterChange::of(Some(&before), told, on(11)).after;
    assert!(after(&row("2.00", "active", "yes")).mark.settled);
    assert!(!after(&row("1.00", "closed", "no")).mark.settled);
    let moved = Customer { slot: Slot::parse(3, 9, 0, Zone::UTC).unwrap(), ..row("1.00", "active", "no") };
    assert!(!after(&moved).mark.settled);
}

#[test]
fn an_empty_mark_leaves_what_is_known_and_is_told_apart_for_who_is_new() {
    assert_eq!(RosterChange::of(None, &row("1.00", "active", ""), on(9)).consent, Some(ConsentEffect::EmptyOfNew));
    let change = RosterChange::of(Some(&enrolled("1.00", "active", "yes")), &row("1.00", "active", ""), on(11));
    assert_eq!((change.after.consent.opted_out(), change.consent), (true, Some(ConsentEffect::Empty)));
}
