use proptest::prelude::*;

use super::*;

const ADA: RosterRow<'_> = RosterRow {
    id: "c-1",
    name: "Ada O'Brien",
    email: "ada@example.com",
    product: "loan",
    balance: "1234.56",
    currency: "EUR",
    locale: "en-IE",
    time_zone: "Asia/Tokyo",
    signed_up_at: "2024-05-10T22:41:17Z",
    status: "active",
    opted_out: "",
};

fn parse(row: RosterRow<'_>) -> Result<Customer, Vec<RowProblem>> {
    row.parse(&Zone::parse("Europe/Dublin").unwrap())
}

fn bad_columns(row: RosterRow<'_>) -> Vec<&'static str> {
    parse(row).unwrap_err().iter().map(|problem| problem.column).collect()
}

#[test]
fn a_row_becomes_a_customer_with_a_slot_of_their_own() {
    let ada = parse(ADA).unwrap();
    assert_eq!(ada.id.as_str(), "c-1");
    assert_eq!(ada.name.expose(), "Ada O'Brien");
    assert_eq!(ada.balance.minor, 123_456);
    assert_eq!(ada.zone.name(), "Asia/Tokyo");
    assert_eq!((ada.slot.day(), ada.slot.hour(), ada.slot.minute()), (11, 7, 41));
    assert_eq!((ada.standing, ada.consent.mark()), (Standing::Active, OptOutMark::Empty));
    assert!(matches!(ada.contact, Contact::Email(_)));
}

#[test]
fn space_around_a_column_and_the_case_of_our_own_words_do_not_matter() {
    let ada = parse(ADA).unwrap();
    let loose = RosterRow { id: " c-1 ", product: "Loan ", status: " ACTIVE", opted_out: "No", ..ADA };
    assert!(parse(loose).unwrap().is_like(&ada));
}

#[test]
fn a_bad_address_does_not_spoil_the_row() {
    for email in ["", "nobody", "a@b.co,c@d.ee", "a@b.co\r\nBcc: x@y.zz"] {
        let customer = parse(RosterRow { email, ..ADA }).unwrap();
        assert_eq!(customer.contact, Contact::Unusable, "{email}");
    }
}

#[test]
fn every_bad_column_is_told_in_the_order_of_the_columns() {
    assert_eq!(
        bad_columns(RosterRow::default()),
        ["id", "name", "product", "currency", "locale", "signed_up_at", "status"]
    );
    let row = RosterRow { balance: "12,50", time_zone: "Mars/Base", opted_out: "maybe", ..ADA };
    assert_eq!(bad_columns(row), ["balance", "time_zone", "opted_out"]);
    assert_eq!(bad_columns(RosterRow { balance: "1.005", ..ADA }), ["balance"]);
}

#[test]
fn an_empty_zone_is_the_rosters_own() {
    assert_eq!(parse(RosterRow { time_zone: " ", ..ADA }).unwrap().zone.name(), "Europe/Dublin");
}

#[test]
fn only_a_clear_yes_opts_out_and_only_a_clear_no_does_not() {
    for (text, expected) in [
        ("yes", OptOutMark::Yes),
        ("TRUE", OptOutMark::Yes),
        ("no", OptOutMark::No),
        ("false", OptOutMark::No),
        (" ", OptOutMark::Empty),
    ] {
        assert_eq!(parse(RosterRow { opted_out: text, ..ADA }).unwrap().consent.mark(), expected, "{text}");
    }
    for text in ["y", "1", "opted out"] {
        assert_eq!(bad_columns(RosterRow { opted_out: text, ..ADA }), ["opted_out"], "{text}");
    }
}

#[test]
fn dates_without_a_time_stay_on_their_day_and_are_spread_over_it() {
    let mut minutes = std::collections::BTreeSet::new();
    for n in 0..200 {
        let id = format!("c-{n}");
        let row = RosterRow { id: &id, signed_up_at: "2024-05-10", ..ADA };
        let customer = parse(row).unwrap();
        let local = customer.zone.rules().to_datetime(customer.signed_up_at);
        assert_eq!(local.date(), jiff::civil::date(2024, 5, 10));
        assert_eq!((customer.slot.day(), customer.slot.hour()), (10, local.hour()));
        minutes.insert((local.hour(), local.minute()));
        assert_eq!(parse(row).unwrap(), customer);
    }
    assert!(minutes.len() > 150, "{} different minutes", minutes.len());
}

#[test]
fn a_time_of_day_without_an_offset_is_not_guessed_at() {
    let problems = |text| parse(RosterRow { signed_up_at: text, ..ADA }).unwrap_err();
    for text in ["2024-05-10T14:41:00", "2024-05-10 14:41"] {
        assert!(problems(text)[0].to_string().contains("no offset"), "{text}");
    }
    for text in ["", "10/05/2024", "2024-02-30", "yesterday", "-009999-01-01"] {
        assert_eq!(problems(text)[0].column, "signed_up_at", "{text}");
    }
    assert!(parse(RosterRow { signed_up_at: "2024-02-29T23:59:60+05:45", ..ADA }).is_ok());
}

#[test]
fn an_offset_that_is_none_or_that_its_own_zone_contradicts_is_told() {
    let problem = |text: &str| parse(RosterRow { signed_up_at: text, ..ADA }).unwrap_err()[0].to_string();
    for offset in ["+25:00", "-25:00", "+24:00"] {
        assert!(problem(&format!("2024-05-10T14:41:00{offset}")).contains("a day or more"), "{offset}");
    }
    for text in [
        "2024-05-10T14:41:00-01:00[Europe/Dublin]",
        "2024-05-10T14:41:00+00:00[Europe/Dublin]",
        "2024-05-10T14:41:00+02:00[+01:00]",
        "2024-01-10T14:41:00+01:00[!Europe/Dublin]",
    ] {
        assert!(problem(text).contains("which of them is right"), "{text}");
    }
    assert!(problem("2024-05-10T14:41:00+01:00[Mars/Base]").contains("no IANA time zone"));
    assert!(problem("2024-03-31T01:30:00[Europe/Dublin]").contains("skipped or had twice"));
    assert!(problem("2024-05-10[Europe/Dublin]").contains("a date"));
}

#[test]
fn offsets_and_zones_that_agree_are_taken() {
    let moment = |text| parse(RosterRow { signed_up_at: text, ..ADA }).map(|ada| ada.signed_up_at.to_string());
    for text in [
        "2024-05-10T14:41:00+01:00",
        "2024-05-10t14:41:00+0100",
        "2024-05-10T14:41:00+01:00[Europe/Dublin]",
        "2024-05-10T14:41:00+01:00[!Europe/London][u-ca=gregory]",
        "2024-05-10T14:41:00[Europe/Dublin]",
        "2024-05-10T13:41:00Z",
        "2024-05-10T13:41:00-00:00",
        "2024-05-10T13:41:00Z[Europe/Dublin]",
        "2024-05-11T13:40:00+23:59",
        "2024-05-10T14:41:00+01:00[+01:00]",
    ] {
        assert_eq!(moment(text).as_deref(), Ok("2024-05-10T13:41:00Z"), "{text}");
    }
}

#[test]
fn what_may_not_have_been_meant_is_taken_and_told() {
    let doubts = |row: RosterRow<'_>| {
        let doubts = row.doubts(&parse(row).unwrap());
        doubts.iter().map(|doubt| format!("{}: {}", doubt.column, doubt.cause)).collect::<Vec<_>>()
    };
    for time_zone in
        ["Asia/Tokyo", "Europe/Kyiv", "Europe/Oslo", "America/Argentina/Buenos_Aires", "UTC", "GMT", "Etc/UTC", ""]
    {
        assert!(doubts(RosterRow { time_zone, ..ADA }).is_empty(), "{time_zone}");
    }
    for (time_zone, told) in [
        ("Europe/Kiev", "is another name of Europe/Kyiv"),
        ("Asia/Calcutta", "is another name of Asia/Kolkata"),
        ("US/Pacific", "is another name of America/Los_Angeles"),
        ("Japan", "is another name of Asia/Tokyo"),
        ("EST", "isn't the name of a place"),
        ("CET", "isn't the name of a place"),
        ("PST8PDT", "isn't the name of a place"),
        ("Etc/GMT+5", "isn't the name of a place"),
    ] {
        let doubts = doubts(RosterRow { time_zone, ..ADA });
        assert!(doubts.len() == 1 && doubts[0].starts_with("time_zone: ") && doubts[0].contains(told), "{doubts:?}");
    }
    for (offset, strange) in [("+14:00", false), ("-12:00", false), ("Z", false), ("+14:01", true), ("-13:00", true)] {
        let row = RosterRow { signed_up_at: &format!("2024-05-10T14:41:00{offset}"), ..ADA };
        assert_eq!(doubts(row).iter().any(|doubt| doubt.contains("no place has")), strange, "{offset}");
    }
    assert!(doubts(RosterRow { locale: "und-TR", ..ADA })[0].contains("no language"));
}

#[test]
fn causes_never_quote_the_row() {
    let secret = "zq7secret";
    let row = RosterRow {
        id: "zq7secret zq7secret",
        name: "zq7secret\n",
        balance: secret,
        time_zone: secret,
        signed_up_at: secret,
        status: secret,
        opted_out: secret,
        product: secret,
        locale: "zq7secret-zq7secret",
        ..ADA
    };
    let row = RosterRow { name: "zq7\tsecret", ..row };
    let problems = parse(row).unwrap_err();
    assert_eq!(problems.len(), 9);
    for problem in problems {
        assert!(!problem.to_string().contains("zq7"), "{problem}");
    }
}

proptest! {
    #[test]
    fn no_text_whatever_makes_the_parser_panic(
        texts in prop::collection::vec(any::<String>(), 11),
        signed_up_at in r"-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
        balance in r"-?[0-9]{0,22}\.?[0-9]{0,4}",
    ) {
        let row = RosterRow {
            id: &texts[0], name: &texts[1], email: &texts[2], product: &texts[3],
            balance: &texts[4], currency: &texts[5], locale: &texts[6], time_zone: &texts[7],
            signed_up_at: &texts[8], status: &texts[9], opted_out: &texts[10],
        };
        if let Err(problems) = parse(row) {
            prop_assert!(!problems.is_empty());
        }
        let _ = parse(RosterRow { signed_up_at: &signed_up_at, balance: &balance, email: &texts[2], ..ADA });
    }
}
