use proptest::prelude::*;
use serde_json::json;

use super::{ConsentEffect::*, OptOutMark::*, *};

fn on(day: u8) -> Timestamp {
    format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
}

fn said(opted_out: bool, by: ConsentSource, day: u8) -> Consent {
    let proof = Some(Cause::new("message 4711"));
    Consent::said(opted_out, ConsentRecord { by, as_of: Some(on(day)), proof })
}

/// What rosters of these days made of it.
fn after(start: &Consent, rosters: &[(OptOutMark, u8)]) -> Consent {
    rosters.iter().fold(start.clone(), |known, (mark, day)| known.after_roster(*mark, on(*day)).0)
}

#[test]
fn only_a_clear_no_of_a_file_that_is_not_older_takes_back_what_a_roster_said() {
    let out = after(&Consent::default(), &[(Yes, 10)]);
    let becomes = |mark, day| {
        let (known, effect) = out.after_roster(mark, on(day));
        (known.opted_out(), effect)
    };
    assert_eq!(becomes(OptOutMark::Empty, 20), (true, Some(ConsentEffect::Empty)));
    assert_eq!(becomes(No, 9), (true, Some(Outdated)));
    assert_eq!(becomes(Yes, 9), (true, None));
    assert_eq!(becomes(No, 10), (false, Some(TakesBack)));
    assert_eq!(becomes(No, 11), (false, Some(TakesBack)));
}

#[test]
fn an_opt_out_that_a_newer_file_repeats_is_dated_anew() {
    let out = after(&Consent::default(), &[(Yes, 10), (Yes, 20)]);
    assert_eq!(out.after_roster(No, on(15)), (out.clone(), Some(Outdated)));
}

#[test]
fn an_opt_out_of_an_earlier_release_has_no_date_and_gives_way_to_any_clear_no() {
    let row: Consent = serde_json::from_value(json!({"opted_out": true})).unwrap();
    assert_eq!((row.opted_out(), row.record(), row.mark()), (true, None, Yes));
    assert_eq!(row.after_roster(OptOutMark::Empty, on(1)).0, row);
    assert!(!after(&row, &[(No, 1)]).opted_out());
}

#[test]
fn what_the_customer_or_an_operator_asked_for_no_roster_takes_back() {
    for by in [ConsentSource::Customer, ConsentSource::Operator] {
        let asked = said(true, by, 10);
        for (mark, effect) in [(Yes, None), (No, Some(AskedFor)), (OptOutMark::Empty, Some(ConsentEffect::Empty))] {
            assert_eq!(asked.after_roster(mark, on(20)), (asked.clone(), effect), "{mark:?}");
        }
        assert!(asked.after_word(&said(false, ConsentSource::Customer, 10)).mark() == No, "they may themselves");
        assert_eq!(asked.after_word(&said(false, by, 9)), asked, "an earlier word comes late");
    }
}

#[test]
fn who_asked_for_mail_again_is_opted_out_by_a_newer_roster_only() {
    let asked = said(false, ConsentSource::Customer, 10);
    assert_eq!(asked.after_roster(Yes, on(9)), (asked.clone(), Some(Outdated)));
    assert_eq!(asked.after_roster(No, on(11)), (asked.clone(), None), "and their own word stays the record");
    assert_eq!(asked.after_roster(Yes, on(11)).1, Some(OptsOut));
}

#[test]
fn the_customers_word_holds_whatever_rosters_said_before_or_say_after() {
    let word = said(true, ConsentSource::Customer, 5);
    for start in [Consent::default(), after(&Consent::default(), &[(No, 20)])] {
        assert_eq!(start.after_word(&word), word);
    }
}

#[test]
fn the_row_keeps_the_attribute_that_the_first_release_reads() {
    let row = serde_json::to_value(said(true, ConsentSource::Customer, 5)).unwrap();
    let consent = json!({"by": "customer", "as_of": "2026-11-05T00:00:00Z", "proof": "message 4711"});
    assert_eq!(row, json!({"opted_out": true, "consent": consent}));
    assert_eq!(serde_json::to_value(Consent::default()).unwrap(), json!({"opted_out": false}));
    let newer = json!({"opted_out": true, "consent": {"by": "complaint", "more": 1}});
    let newer: Consent = serde_json::from_value(newer).unwrap();
    assert_eq!(newer.after_roster(No, on(28)).1, Some(AskedFor), "a source that isn't known is no roster");
}

fn mark() -> impl Strategy<Value = OptOutMark> {
    prop_oneof![Just(Yes), Just(No), Just(OptOutMark::Empty)]
}

proptest! {
    #[test]
    fn the_order_in_which_files_come_does_not_matter(
        (days, shuffled) in proptest::collection::btree_map(1..28_u8, mark(), 1..6)
            .prop_map(|days| days.into_iter().map(|(day, mark)| (mark, day)).collect::<Vec<_>>())
            .prop_flat_map(|days| (Just(days.clone()), Just(days).prop_shuffle())),
    ) {
        prop_assert_eq!(after(&Consent::default(), &days), after(&Consent::default(), &shuffled));
    }
}
