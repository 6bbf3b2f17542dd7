use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;

use super::*;
use crate::{
    customer::OptOutMark,
    enrollment::{Outcome, RosterChange},
};

fn on(day: i64) -> Timestamp {
    "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_hours(24 * (day - 1))
}

fn partner(name: &str) -> PartnerName {
    PartnerName::parse(name).unwrap()
}

/// The profile after a roster of day 10.
fn profile() -> Customer {
    let row = RosterRow {
        id: "c-1",
        name: "Ada",
        email: "ada@mail.example",
        product: "loan",
        balance: "1.00",
        currency: "EUR",
        locale: "en-IE",
        time_zone: "Europe/Dublin",
        signed_up_at: "2024-05-10T14:41:00+01:00",
        status: "active",
        opted_out: "",
    };
    let mut profile = RosterChange::of(None, &row.parse(&Zone::UTC).unwrap(), on(10)).after;
    profile.mark.settled = true;
    profile
}

fn change(sequence: u64, day: i64) -> PartnerChange {
    let customer = CustomerId::parse("c-1").unwrap();
    PartnerChange {
        customer,
        sequence,
        occurred_at: on(day),
        contact: None,
        zone: None,
        standing: None,
        opted_out: None,
    }
}

fn moved(sequence: u64, day: i64, zone: &str) -> PartnerChange {
    PartnerChange { zone: Zone::parse(zone).ok(), ..change(sequence, day) }
}

fn says(sequence: u64, day: i64, opted_out: bool) -> PartnerChange {
    PartnerChange { opted_out: Some(opted_out), ..change(sequence, day) }
}

fn after(profile: &Customer, by: &str, changes: &[PartnerChange]) -> Customer {
    let by = partner(by);
    changes.iter().fold(profile.clone(), |profile, change| change.applied_to(&profile, &by))
}

#[test]
fn what_is_told_is_taken_and_what_is_not_told_stays() {
    let before = profile();
    let moves = moved(7, 11, "Asia/Tokyo");
    let tokyo = after(&before, "crm", std::slice::from_ref(&moves));
    assert_eq!(tokyo.slot, Slot::of_sign_up(&before.id, before.signed_up_at, &Zone::parse("Asia/Tokyo").unwrap()));
    assert!(!tokyo.mark.settled, "schedule and entry are to follow");
    assert_eq!(
        (&tokyo.contact, tokyo.standing, tokyo.mark.as_of),
        (&before.contact, before.standing, before.mark.as_of)
    );
    assert_eq!(after(&tokyo, "crm", &[moves]), tokyo, "once more changes nothing");

    let mail = PartnerChange { contact: Some(Contact::Unusable), ..change(8, 11) };
    let unusable = after(&before, "crm", &[mail]);
    assert!(unusable.contact == Contact::Unusable && unusable.mark.settled);
    assert_eq!(after(&before, "crm", &[change(9, 11)]), before, "nothing told is nothing written");
}

#[test]
fn what_is_older_than_a_roster_changes_no_fact_and_an_older_roster_leaves_what_is_newer() {
    let before = profile();
    assert_eq!(after(&before, "crm", &[moved(1, 9, "Asia/Tokyo")]), before);
    let closed = PartnerChange {
        standing: Some(Standing::Closed),
        contact: Some(Contact::Unusable),
        ..moved(1, 12, "Asia/Tokyo")
    };
    let told = after(&before, "crm", &[closed]);
    let roster = |day| {
        let balance = Customer { balance: crate::customer::Money { minor: 200, ..before.balance }, ..before.clone() };
        RosterChange::of(Some(&told), &balance, on(day))
    };
    let older = roster(11);
    assert_eq!(older.after.balance.minor, 200, "of what the partner didn't tell the roster is newer");
    assert!(older.after.is_like(&Customer { balance: older.after.balance, ..told.clone() }));
    assert_eq!(older.outcome, Outcome::Closed);
    let newer = roster(12).after;
    assert!(
        (newer.zone, newer.standing, newer.contact) == (before.zone.clone(), before.standing, before.contact.clone())
    );
    assert_eq!(newer.slot, before.slot);
}

#[test]
fn of_two_partners_the_later_word_holds() {
    let tokyo = after(&profile(), "crm", &[moved(100, 12, "Asia/Tokyo")]);
    assert_eq!(after(&tokyo, "bank", &[moved(1, 11, "Asia/Seoul")]), tokyo);
    let seoul = after(&tokyo, "bank", &[moved(1, 13, "Asia/Seoul")]);
    assert_eq!(seoul.zone, Zone::parse("Asia/Seoul").unwrap());
    assert_eq!(after(&seoul, "crm", &[moved(100, 12, "Asia/Tokyo")]), seoul, "a repeat of the overruled one");
}

#[test]
fn a_partners_opt_out_holds_against_rosters_and_other_partners_and_is_its_own_to_take_back() {
    let out = after(&profile(), "crm", &[says(1, 11, true)]);
    let record = out.consent.record().unwrap();
    assert_eq!((record.by, record.as_of), (ConsentSource::Partner, Some(on(11))));
    assert_eq!(record.proof.as_ref().unwrap().as_str(), "partner crm, sequence 1");
    assert!(out.consent.after_roster(OptOutMark::No, on(20)).0.opted_out());
    assert!(after(&out, "bank", &[says(5, 12, false)]).consent.opted_out());
    assert!(!after(&out, "crm", &[says(2, 12, false)]).consent.opted_out());
    assert!(after(&out, "crm", &[says(0, 10, false)]).consent.opted_out(), "an earlier word comes late");
}

#[test]
fn what_the_customer_or_an_operator_asked_for_no_partner_takes_back() {
    for by in [ConsentSource::Customer, ConsentSource::Operator] {
        let word = |opted_out, day| Consent::said(opted_out, ConsentRecord { by, as_of: Some(on(day)), proof: None });
        let before = Customer { consent: word(true, 11), ..profile() };
        for told in [says(1, 20, false), says(1, 20, true)] {
            assert_eq!(after(&before, "crm", &[told]).consent, before.consent);
        }
        // In the other order, too: they asked before the partner said otherwise, and are heard after it.
        let told = after(&profile(), "crm", &[says(1, 12, false)]);
        assert_eq!(told.consent.after_word(&word(true, 11)), word(true, 11));
        // Who wanted mail again opts out by a partner later, not earlier.
        let again = Customer { consent: word(false, 11), ..profile() };
        assert!(after(&again, "crm", &[says(1, 12, true)]).consent.opted_out());
        assert!(!after(&again, "crm", &[says(1, 10, true)]).consent.opted_out());
        let out = after(&profile(), "crm", &[says(1, 12, true)]);
        assert!(
            out.consent.after_word(&word(false, 11)).opted_out()
                && !out.consent.after_word(&word(false, 12)).opted_out()
        );
    }
}

#[test]
fn an_older_opt_out_of_a_roster_gives_way_to_a_partner_and_a_newer_one_does_not() {
    let roster = |day| Customer { consent: Consent::default().after_roster(OptOutMark::Yes, on(day)).0, ..profile() };
    assert!(!after(&roster(10), "crm", &[says(1, 11, false)]).consent.opted_out());
    assert!(after(&roster(12), "crm", &[says(1, 11, false)]).consent.opted_out());
}

#[test]
fn earlier_releases_read_what_this_one_writes_and_their_rows_are_read() {
    let told = after(&profile(), "crm", &[moved(7, 11, "Asia/Tokyo"), says(8, 11, true)]);
    let row = serde_json::to_value(&told).unwrap();
    assert_eq!(row["partners"]["crm"]["zone"], json!({"sequence": 7, "at": "2026-11-11T00:00:00Z"}));
    assert_eq!(serde_json::from_value::<Customer>(row.clone()).unwrap(), told);
    let bare = serde_json::to_value(profile()).unwrap();
    assert!(bare.get("partners").is_none());
    assert_eq!(serde_json::from_value::<Customer>(bare).unwrap(), profile());
}

#[test]
fn a_change_is_read_and_whatever_is_wrong_with_one_is_told_by_its_field() {
    let json = r#"{"customer": "c-1", "sequence": 7, "occurred_at": "2026-11-11T01:00:00+01:00", "email": " Ada@Mail.EXAMPLE ",
        "time_zone": "asia/tokyo", "standing": "closed", "opted_out": true}"#;
    let read = PartnerChange::parse(json).unwrap();
    let Some(Contact::Email(address)) = &read.contact else { panic!("{:?}", read.contact) };
    assert_eq!((address.expose(), read.occurred_at, read.sequence), ("Ada@mail.example", on(11), 7));
    assert_eq!((read.standing, read.opted_out), (Some(Standing::Closed), Some(true)));
    assert_eq!(read.zone, Zone::parse("Asia/Tokyo").ok());
    let unusable = PartnerChange::parse(
        r#"{"customer": "c-1", "sequence": 0, "occurred_at": "2026-11-11T00:00:00Z", "email": "geheim"}"#,
    );
    assert_eq!(unusable.unwrap().contact, Some(Contact::Unusable));

    let wrong = r#"{"customer": "geheim!", "sequence": 1.5, "occurred_at": "geheim", "email": null, "time_zone": "geheim", "standing": "geheim", "opted_out": "geheim", "geheim": 1}"#;
    let cause = PartnerChange::parse(wrong).unwrap_err();
    for field in ["other fields", "customer", "sequence"] {
        assert!(cause.as_str().contains(field), "{cause}");
    }
    assert!(!cause.as_str().contains("geheim"), "{cause}");
    for (field, value) in [
        ("email", json!(7)),
        ("time_zone", json!("UTC+1")),
        ("standing", json!("left")),
        ("opted_out", json!("yes")),
        ("occurred_at", json!("2026-11-11")),
    ] {
        let mut fields = json!({"customer": "c-1", "sequence": 7, "occurred_at": "2026-11-11T00:00:00Z"});
        fields[field] = value;
        let cause = PartnerChange::parse(&fields.to_string()).unwrap_err();
        assert!(cause.as_str().starts_with(&format!("{field}: ")), "{cause}");
    }
    let opts_out = r#"{"customer": "c-1", "sequence": -1, "occurred_at": "2026-11-11T00:00:00Z", "opted_out": true}"#;
    assert!(PartnerChange::parse(opts_out).unwrap_err().as_str().contains("opt out c-1"));
    for none in ["", "[]", "7", "{"] {
        assert!(PartnerChange::parse(none).is_err(), "{none}");
    }
}

/// Changes of one partner: facts at any moment, and consent at moments that go on as the numbers do.
fn changes() -> impl Strategy<Value = Vec<PartnerChange>> {
    let zone = option::of(select(vec!["Asia/Tokyo", "Asia/Seoul", "UTC"]));
    let standing = option::of(select(vec![Standing::Active, Standing::Closed]));
    let one = (zone, standing, any::<Option<bool>>(), any::<bool>(), 5_i64..15);
    (vec(one, 1..7), any::<bool>()).prop_map(|(told, is_of_facts)| {
        let mut days: Vec<i64> = told.iter().map(|told| told.4).collect();
        if !is_of_facts {
            days.sort_unstable();
        }
        let changes =
            told.into_iter().zip(days).zip(1..).map(|(((zone, standing, opted_out, mail, _), day), sequence)| {
                PartnerChange {
                    zone: zone.and_then(|zone| Zone::parse(zone).ok()),
                    standing,
                    opted_out: opted_out.filter(|_| !is_of_facts),
                    contact: mail.then_some(Contact::Unusable),
                    ..change(sequence, day)
                }
            });
        changes.collect()
    })
}

proptest! {
    #[test]
    fn whatever_the_order_and_however_often_the_profile_is_the_same(
        changes in changes(),
        again in vec(any::<prop::sample::Index>(), 0..8),
        keys in vec(any::<u64>(), 14),
        consent in select(vec![None, Some((ConsentSource::Customer, true)), Some((ConsentSource::Customer, false)),
            Some((ConsentSource::Roster, true)), Some((ConsentSource::Roster, false))]),
    ) {
        let said = |(by, opted_out)| Consent::said(opted_out, ConsentRecord { by, as_of: Some(on(9)), proof: None });
        let before = Customer { consent: consent.map(said).unwrap_or_default(), ..profile() };
        // Of two words that say the same, either may be kept.
        let unsettled = |mut profile: Customer| {
            profile.mark.settled = false;
            profile.consent = Consent::of_mark(if profile.consent.opted_out() { OptOutMark::Yes } else { OptOutMark::No });
            profile
        };
        let expected = unsettled(after(&before, "crm", &changes));
        let mut told: Vec<_> = changes.iter().chain(again.iter().map(|index| index.get(&changes))).zip(keys).collect();
        told.sort_by_key(|(_, key)| *key);
        let told: Vec<_> = told.into_iter().map(|(change, _)| change.clone()).collect();
        prop_assert_eq!(unsettled(after(&before, "crm", &told)), expected);
    }
}

#[test]
fn a_partners_opt_out_holds_against_a_roster_that_came_first() {
    let no = ConsentRecord { by: ConsentSource::Roster, as_of: Some(on(12)), proof: None };
    let before = Customer { consent: Consent::said(false, no), ..profile() };
    let told = PartnerChange { opted_out: Some(true), ..change(1, 11) };
    assert!(after(&before, "crm", &[told]).consent.opted_out());
}

#[test]
fn a_field_that_is_there_twice_has_no_one_meaning() {
    let parse = |fields: &str| PartnerChange::parse(&format!("{{{fields}}}")).map_err(|cause| cause.to_string());
    let whole = r#""customer": "c-1", "sequence": 7, "occurred_at": "2026-11-11T00:00:00Z""#;
    assert!(parse(whole).is_ok());
    for (again, told) in [
        (r#""sequence": 8"#, "sequence: is there twice."),
        (r#""sequence": 7"#, "sequence: is there twice."),
        (r#""customer": "c-2", "opted_out": true"#, "customer: is there twice."),
        (r#""opted_out": true, "opted_out": false"#, "opted_out: is there twice. It asks to opt out c-1: see to that."),
        (r#""opted_out": false, "opted_out": true"#, "opted_out: is there twice. It asks to opt out c-1: see to that."),
    ] {
        assert_eq!(parse(&format!("{whole}, {again}")), Err(told.to_owned()), "{again}");
    }
    let others = parse(&format!(r#"{whole}, "geheim": 1, "geheim": 2"#)).unwrap_err();
    assert!(others.starts_with("other fields: ") && !others.contains("geheim"), "{others}");
}
