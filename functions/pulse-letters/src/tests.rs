use proptest::prelude::*;
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    ports::{Letter, Rendered, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
};

use crate::MinijinjaRenderer;

struct Case {
    name: &'static str,
    product: Product,
    balance: (&'static str, &'static str),
    locale: &'static str,
    zone: &'static str,
    scores: (Option<u32>, u32),
    band: &'static str,
}

const ADA: Case = Case {
    name: "Ada O'Brien",
    product: Product::Loan,
    balance: ("12345.60", "EUR"),
    locale: "en-IE",
    zone: "Europe/Dublin",
    scores: (Some(730), 742),
    band: "Good",
};

fn score(value: u32, band: &str) -> Score {
    Score {
        value: ScoreValue::parse(value).unwrap(),
        band: Band::parse(band).unwrap(),
        as_of: "2026-11-19T22:41:17Z".parse().unwrap(),
    }
}

fn render_named(name: &str, case: &Case) -> Rendered {
    let id = CustomerId::parse("c-1").unwrap();
    let zone = Zone::parse(case.zone).unwrap();
    let signed_up_at = "2024-05-10T12:41:00Z".parse().unwrap();
    let (balance, currency) = case.balance;
    let customer = Customer {
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        id,
        name: PersonName::parse(name).unwrap(),
        contact: Contact::Email(EmailAddress::parse("c-1@example.com").unwrap()),
        product: case.product,
        balance: Money::parse(balance, Currency::parse(currency).unwrap()).unwrap(),
        locale: Locale::parse(case.locale).unwrap(),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
    };
    let previous = case.scores.0.map(|value| score(value, case.band));
    let letter = Letter {
        customer: &customer,
        run: RunId::parse("2026-11").unwrap(),
        score: &score(case.scores.1, case.band),
        previous: previous.as_ref(),
    };
    MinijinjaRenderer::new().unwrap().render(&letter).unwrap()
}

fn render(case: &Case) -> Rendered {
    render_named(case.name, case)
}

fn whole(case: &Case) -> String {
    let mail = render(case);
    format!("Subject: {}\n\n{}\n\n=====\n{}\n", mail.subject, mail.text, mail.html)
}

#[test]
fn a_loan_in_ireland() {
    let mail = whole(&ADA);
    insta::assert_snapshot!(mail);
}

#[test]
fn a_card_in_japan_has_yen_without_decimals() {
    let mail = whole(&Case {
        name: "山田 太郎",
        product: Product::Card,
        balance: ("98000", "JPY"),
        locale: "ja-JP",
        zone: "Asia/Tokyo",
        scores: (Some(742), 741),
        ..ADA
    });
    insta::assert_snapshot!(mail);
}

#[test]
fn arabic_dates_and_digits_keep_to_themselves_in_an_english_letter() {
    let mail = whole(&Case {
        name: "فاطمة الزهراء",
        balance: ("4321.50", "EGP"),
        locale: "ar-EG",
        zone: "Africa/Cairo",
        scores: (None, 655),
        ..ADA
    });
    insta::assert_snapshot!(mail);
}

#[test]
fn a_hostile_name_stays_a_name() {
    let mail = whole(&Case {
        name: "\"><script>alert('{{ 7*7 }}')</script>\u{202e}{% raw %}",
        scores: (Some(742), 742),
        band: "<b>Good</b>",
        ..ADA
    });
    insta::assert_snapshot!(mail);
}

#[test]
fn every_locale_that_a_roster_can_have_gets_a_letter() {
    let odd = ["xx", "zz-ZZ", "qaa-Qaaa-999", "tlh", "en-001", "sr-Latn", "und", "UND", "iw", "no"];
    let usual = [
        "de-CH",
        "hi-IN",
        "ne-NP",
        "fa-IR",
        "th-TH",
        "he-IL",
        "zh-Hant-TW",
        "ko-KR",
        "pl-PL",
        "ar-SA",
        "am-ET",
        "ja-JP",
        "bn-BD",
        "my-MM",
        "sv-SE",
        "es-419",
    ];
    for locale in odd.into_iter().chain(usual) {
        let mail = render(&Case { locale, ..ADA });
        assert!(mail.text.contains("Dublin time, UTC"), "{locale}");
        assert!(!mail.text.contains("\u{fffd}"), "{locale}");
        // A year of the Gregorian calendar in whatever digits: no Buddhist 2569, no Persian 1405.
        assert!(!mail.text.contains("2569") && !mail.text.contains("1405"), "{locale}");
    }
}

#[test]
fn amounts_have_the_decimals_of_their_currency_and_the_marks_of_the_locale() {
    let balance = |amount, currency, locale| {
        let mail = render(&Case { balance: (amount, currency), locale, ..ADA });
        let line = mail.text.lines().find(|line| line.starts_with("Balance: ")).unwrap().to_owned();
        line.trim_start_matches("Balance: ").to_owned()
    };
    assert_eq!(balance("1234567.8", "EUR", "de-DE"), "1.234.567,80 EUR");
    assert_eq!(balance("1234567.8", "INR", "hi-IN"), "12,34,567.80 INR");
    assert_eq!(balance("12345.678", "KWD", "en-GB"), "12,345.678 KWD");
    assert_eq!(balance("-0.07", "USD", "en-US"), "-0.07 USD");
    assert_eq!(balance("0", "JPY", "ja-JP"), "0 JPY");
}

#[test]
fn the_change_since_last_month_is_told_in_words() {
    let change = |before, now| {
        let mail = render(&Case { scores: (before, now), ..ADA });
        mail.text.lines().find(|line| line.starts_with("Change: ")).unwrap().to_owned()
    };
    assert!(change(None, 1).contains("first score"));
    assert_eq!(change(Some(5), 5), "Change: the same as last month");
    assert_eq!(change(Some(5), 6), "Change: up 1 point since last month");
    assert_eq!(change(Some(1000), 0), "Change: down 1,000 points since last month");
}

#[test]
fn the_moment_is_on_the_customers_own_clocks() {
    let as_of = |zone| {
        let mail = render(&Case { zone, ..ADA });
        mail.text.lines().find(|line| line.contains("as of")).unwrap().to_owned()
    };
    assert!(as_of("Asia/Kathmandu").contains("20 November 2026 at 04:26 (Kathmandu time, UTC+5:45)"));
    assert!(as_of("America/St_Johns").contains("19 November 2026 at 19:11 (St Johns time, UTC-3:30)"));
    assert!(as_of("UTC").contains("19 November 2026 at 22:41 (UTC)"));
    assert!(as_of("Etc/GMT+5").contains("19 November 2026 at 17:41 (UTC-5)"));
}

#[test]
fn the_longest_name_leaves_the_subjects_own_words_in_place() {
    let mail = render_named(&"W".repeat(200), &ADA);
    assert!(mail.subject.ends_with("…, your loan score for November 2026"), "{}", mail.subject);
    assert!(mail.subject.chars().count() <= 150);
}

#[test]
fn the_subject_does_not_give_the_score_away() {
    let mail = render(&ADA);
    assert!(!mail.subject.contains("742") && !mail.subject.contains("Good"));
}

/// Any name that [`PersonName`] takes, with the characters that break naive code well represented.
fn names() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "<", ">", "\"", "'", "&", "{{", "}}", "{%", "%}", "</bdi>", "<!--", "\u{2028}", "\u{2029}", "\u{202e}",
        "\u{2066}", "\u{2069}", "\u{200d}", "\u{feff}", "&lt;", "ا", "👩", "=", "`",
    ])
    .prop_map(str::to_owned);
    let piece = prop_oneof![hostile, any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 1..24)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("is a name", |name| PersonName::parse(name).is_ok())
}

fn marks(html: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|mark| html.matches(mark).count())
}

proptest! {
    #[test]
    fn no_name_adds_a_tag_an_attribute_a_line_or_a_header(name in names()) {
        let plain = render_named("Ada", &ADA);
        let mail = render_named(&name, &ADA);
        prop_assert_eq!(marks(&mail.html), marks(&plain.html));
        prop_assert_eq!(mail.html.lines().count(), plain.html.lines().count());

        prop_assert!(!mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
        prop_assert!(mail.subject.chars().count() <= 150);
        prop_assert!(!mail.subject.is_empty());

        let line_ends = |text: &str| text.matches(['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']).count();
        prop_assert_eq!(line_ends(&mail.text), line_ends(&plain.text));
        let isolates = |open: char| mail.text.matches(open).count();
        prop_assert_eq!(isolates('\u{2068}'), isolates('\u{2069}'));
        for turned in ['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}'] {
            prop_assert!(!mail.text.contains(turned) && !mail.subject.contains(turned));
            prop_assert!(!mail.html.contains(turned));
        }
    }
}

/// `pulse-providers` puts the HTML into four fields of 4,000 characters, and the text into one. A letter is longest with
/// the longest name, of which every character is escaped.
#[test]
fn the_longest_letter_fits_the_fields_of_marketing_cloud() {
    let longest = "&".repeat(200);
    let name = (1..=200).rev().find(|letters| PersonName::parse(&longest[..*letters]).is_ok()).unwrap();
    let mail = render_named(&longest[..name], &Case { balance: ("123456789012.34", "EUR"), ..ADA });
    assert!(mail.html.encode_utf16().count() < 14_000, "{}", mail.html.len());
    assert!(mail.text.encode_utf16().count() < 3_500, "{}", mail.text.len());
}
