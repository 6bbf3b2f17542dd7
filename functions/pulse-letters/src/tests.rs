mod campaign;
mod hostile;

use std::sync::LazyLock;

use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    keys::KeyRing,
    ports::{Letter, Rendered, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
    unsubscribe::{UnsubscribeLink, UnsubscribeLinks, UnsubscribeTokens, UnsubscribeUrl},
};

use crate::{MinijinjaRenderer, languages};

#[derive(Clone, Copy)]
struct Case<'a> {
    name: &'static str,
    product: Product,
    balance: (&'static str, &'static str),
    locale: &'a str,
    zone: &'static str,
    scores: (Option<u32>, u32),
    band: &'static str,
    /// What links to unsubscribe begin with.
    unsubscribe: Option<&'a str>,
}

static RENDERER: LazyLock<MinijinjaRenderer> = LazyLock::new(|| MinijinjaRenderer::new().unwrap());

const ADA: Case<'static> = Case {
    name: "Ada O'Brien",
    product: Product::Loan,
    balance: ("12345.60", "EUR"),
    locale: "en-IE",
    zone: "Europe/Dublin",
    scores: (Some(730), 742),
    band: "Good",
    unsubscribe: Some("https://pulse.example/u"),
};

fn tokens() -> UnsubscribeTokens {
    UnsubscribeTokens::new(KeyRing::parse(&r#"{"1": "0123456789abcdef0123456789abcdef"}"#.into()).unwrap())
}

fn link(url: &str, customer: &CustomerId) -> UnsubscribeLink {
    UnsubscribeLinks::new(UnsubscribeUrl::parse(url).unwrap(), tokens()).of(customer)
}

fn score(value: u32, band: &str) -> Score {
    Score {
        value: ScoreValue::parse(value).unwrap(),
        band: Band::parse(band).unwrap(),
        as_of: "2026-11-19T22:41:17Z".parse().unwrap(),
    }
}

fn customer(name: &str, case: &Case<'_>) -> Customer {
    let id = CustomerId::parse("c-1").unwrap();
    let zone = Zone::parse(case.zone).unwrap();
    let signed_up_at = "2024-05-10T12:41:00Z".parse().unwrap();
    let (balance, currency) = case.balance;
    Customer {
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        id,
        name: PersonName::parse(name).unwrap(),
        contact: Contact::Email(EmailAddress::parse("c-1@example.com").unwrap()),
        product: case.product,
        balance: Money::parse(balance, Currency::parse(currency).unwrap()).unwrap(),
        // As a profile has it, of whatever release.
        locale: Locale::try_from(case.locale.to_owned()).unwrap(),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
    }
}

fn render_named(name: &str, case: &Case<'_>) -> Rendered {
    let customer = customer(name, case);
    let previous = case.scores.0.map(|value| score(value, case.band));
    let unsubscribe = case.unsubscribe.map(|url| link(url, &customer.id));
    let letter = Letter {
        customer: &customer,
        run: RunId::parse("2026-11").unwrap(),
        score: &score(case.scores.1, case.band),
        previous: previous.as_ref(),
        unsubscribe: unsubscribe.as_ref(),
    };
    RENDERER.render(&letter).unwrap()
}

fn render(case: &Case<'_>) -> Rendered {
    render_named(case.name, case)
}

fn whole(case: &Case<'_>) -> String {
    let mail = render(case);
    format!("Subject: {}\n\n{}\n\n=====\n{}\n", mail.subject, mail.text, mail.html)
}

const TARO: Case<'static> = Case {
    name: "山田 太郎",
    product: Product::Card,
    balance: ("98000", "JPY"),
    locale: "ja-JP",
    zone: "Asia/Tokyo",
    scores: (Some(742), 741),
    ..ADA
};

const FATIMA: Case<'static> = Case {
    name: "فاطمة الزهراء",
    balance: ("4321.50", "EGP"),
    locale: "ar-EG",
    zone: "Africa/Cairo",
    scores: (Some(643), 655),
    ..ADA
};

#[test]
fn a_loan_in_ireland() {
    insta::assert_snapshot!(whole(&ADA));
}

#[test]
fn a_card_in_japan() {
    insta::assert_snapshot!(whole(&TARO));
}

#[test]
fn a_loan_in_egypt() {
    insta::assert_snapshot!(whole(&FATIMA));
}

/// What differs in a letter of a deployment that hears of nobody who unsubscribes: the foot.
#[test]
fn who_cannot_unsubscribe_by_a_link_is_told_to_reply() {
    let feet = [ADA, FATIMA, TARO].map(|case| {
        let [with, without] = [case, Case { unsubscribe: None, ..case }].map(|case| whole(&case));
        let foot = |all: &str, other: &str| {
            let is_new = |line: &&str| !other.lines().any(|same| same == *line);
            all.lines().filter(is_new).collect::<Vec<_>>().join("\n")
        };
        assert!(with.contains("href=\"https://pulse.example/u/1.c-1.") && !without.contains("pulse.example"));
        format!("without:\n{}\n\nwith:\n{}\n", foot(&without, &with), foot(&with, &without))
    });
    insta::assert_snapshot!(feet.join("\n=====\n"));
}

#[test]
fn the_link_is_the_same_in_html_and_text_and_nothing_touches_it() {
    for case in each_language() {
        let mail = render(&case);
        let link = link("https://pulse.example/u", &CustomerId::parse("c-1").unwrap());
        let link = link.expose();
        assert_eq!(mail.text.lines().filter(|line| *line == link).count(), 1, "{}", mail.text);
        assert_eq!((mail.text.matches(link).count(), mail.html.matches(link).count()), (1, 1), "{}", case.locale);
        assert!(mail.html.contains(&format!("\n href=\"{link}\"\n")), "{}", mail.html);
    }
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

/// Faroese, of which there will hardly be letters.
const UNSERVED: &str = "fo-FO";

/// A customer of each language that there are letters in, and one of none.
fn each_language() -> impl Iterator<Item = Case<'static>> {
    let letters = languages().map(|locale| Case { locale, ..ADA });
    letters.chain([Case { locale: UNSERVED, ..ADA }])
}

#[test]
fn a_letter_without_a_language_of_its_own_is_in_english_throughout() {
    let mail = render(&Case { name: "Jógvan Djurhuus", locale: UNSERVED, zone: "Europe/Istanbul", ..ADA });
    assert_eq!(mail.language, "en");
    assert!(mail.subject.ends_with("for November 2026"), "{}", mail.subject);
    assert!(mail.html.contains("<html lang=\"en\" dir=\"ltr\">"), "{}", mail.html);
    assert!(mail.text.contains("November") && mail.text.contains("Istanbul time, UTC+3"), "{}", mail.text);
}

#[test]
fn every_locale_that_a_roster_can_have_gets_a_letter() {
    let odd = ["xx", "zz-ZZ", "qaa-Qaaa-999", "tlh", "en-001", "sr-Latn", "und", "UND", "iw", "no", "ar-Latn", "JA-jp"];
    let usual = ["de-CH", "hi-IN", "fa-IR", "th-TH", "zh-Hant-TW", "ar-SA", "ja-JP", "my-MM", "es-419"];
    for locale in odd.into_iter().chain(usual) {
        let mail = render(&Case { locale, ..ADA });
        assert!(languages().any(|language| language == mail.language), "{locale}: {}", mail.language);
        assert!(mail.text.contains("UTC") && !mail.text.contains("\u{fffd}"), "{locale}");
        // A year of the Gregorian calendar in whatever digits: no Buddhist 2569, no Persian 1405.
        let digits: String = mail.text.chars().filter_map(western).collect();
        assert!(digits.contains("2026") && !digits.contains("2569") && !digits.contains("1405"), "{locale}: {digits}");
    }
}

fn western(c: char) -> Option<char> {
    match c {
        '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10),
        c => c.is_ascii_digit().then_some(c),
    }
}

#[test]
fn amounts_are_written_as_in_the_letter_s_language_and_the_customer_s_region() {
    let balance = |amount, currency, locale| {
        let mail = render(&Case { balance: (amount, currency), locale, ..ADA });
        let line = mail
            .text
            .lines()
            .find(|line| line.contains("Balance: ") || line.contains("残高") || line.contains("الرصيد"));
        let line = line.unwrap().split([':', '：']).next_back().unwrap().replace('\u{a0}', " ");
        line.chars().filter(|c| !matches!(c, '\u{2066}'..='\u{2069}')).collect::<String>().trim().to_owned()
    };
    assert_eq!(balance("1234567.8", "INR", "en-IN"), "12,34,567.80 INR");
    assert_eq!(balance("12345.678", "KWD", "en-GB"), "12,345.678 KWD");
    assert_eq!(balance("-0.07", "USD", "en-US"), "-0.07 USD");
    assert_eq!(balance("0", "JPY", "ja-JP"), "0円");
    assert_eq!(balance("12.5", "USD", "ja-JP"), "12.50 USD");
    assert_eq!(balance("4321.5", "EGP", "ar-EG"), "٤٬٣٢١٫٥٠ EGP");
    assert_eq!(balance("4321.5", "AED", "ar-AE"), "4,321.50 AED");
}

/// The line that tells what changed.
fn change(locale: &str, before: Option<u32>, now: u32) -> String {
    let mail = render(&Case { scores: (before, now), locale, ..ADA });
    let mut lines = mail.text.lines().skip_while(|line| !line.contains("Good"));
    let line = lines.nth(1).unwrap();
    line.chars().filter(|c| !matches!(c, '\u{200f}' | '\u{2066}'..='\u{2069}')).collect()
}

#[test]
fn the_change_since_last_month_is_told_in_words() {
    assert_eq!(change("en-IE", None, 1), "This is your first score.");
    assert_eq!(change("en-IE", Some(5), 5), "The same as last month.");
    assert_eq!(change("en-IE", Some(5), 6), "Up 1 point since last month.");
    assert_eq!(change("en-IE", Some(1000), 0), "Down 1,000 points since last month.");
    assert_eq!(change("ja-JP", None, 1), "変動　：今回が初めてのスコアです");
    assert_eq!(change("ja-JP", Some(5), 5), "変動　：先月と同じスコアです");
    assert_eq!(change("ja-JP", Some(5), 6), "変動　：先月より1点上がりました");
    assert_eq!(change("ja-JP", Some(1000), 0), "変動　：先月より1,000点下がりました");
    assert_eq!(change("ar-EG", None, 1), "هذه أول درجة تقييم لك.");
    assert_eq!(change("ar-EG", Some(5), 5), "لم تتغيّر عن الشهر الماضي.");
}

#[test]
fn points_take_the_plural_forms_of_the_letter_s_language() {
    let up = |locale, points| change(locale, Some(0), points);
    for (points, words) in [
        (1, "نقطة واحدة"),
        (2, "نقطتين"),
        (3, "3 نقاط"),
        (10, "10 نقاط"),
        (11, "11 نقطة"),
        (99, "99 نقطة"),
        (100, "100 نقطة"),
        (102, "102 نقطة"),
        (103, "103 نقاط"),
        (1000, "1,000 نقطة"),
    ] {
        assert_eq!(up("ar-AE", points), format!("ارتفعت بمقدار {words} عن الشهر الماضي."));
    }
    assert_eq!(change("ar-EG", Some(700), 688), "انخفضت بمقدار ١٢ نقطة عن الشهر الماضي.");
}

#[test]
fn the_moment_is_on_the_customers_own_clocks() {
    let as_of = |locale, zone| {
        let mail = render(&Case { locale, zone, ..ADA });
        let line = mail.text.lines().find(|line| line.contains("UTC")).unwrap();
        line.chars().filter(|c| !matches!(c, '\u{200f}' | '\u{2066}'..='\u{2069}')).collect::<String>()
    };
    let is = |locale, zone, words: &str| {
        let line = as_of(locale, zone);
        assert!(line.contains(words), "{zone}: {line}");
    };
    is("en-IE", "Asia/Kathmandu", "20 November 2026 at 04:26 (Kathmandu time, UTC+5:45)");
    is("en-IE", "America/St_Johns", "19 November 2026 at 19:11 (St John’s time, UTC−3:30)");
    is("en-IE", "UTC", "19 November 2026 at 22:41 (UTC)");
    is("en-IE", "Etc/GMT+5", "19 November 2026 at 17:41 (UTC−5)");
    is("en-IE", "Europe/Kiev", "(Kyiv time, UTC+2)");
    is("en-IE", "America/Argentina/Buenos_Aires", "(Buenos Aires time, UTC−3)");
    is("ja-JP", "America/Argentina/Buenos_Aires", "（ブエノスアイレス時間、UTC−3）");
    is("ar-EG", "America/Argentina/Buenos_Aires", "(بتوقيت بوينوس أيرس، UTC−3)");
}

#[test]
fn a_name_that_shows_nothing_is_greeted_without_one() {
    for (locale, subject, greeting) in [
        ("en-IE", "Your loan score for November 2026", "Hello there,"),
        ("ja-JP", "2026年11月のローンスコアのお知らせ", "お客様"),
        ("ar-AE", "\u{200f}\u{2067}درجة تقييم قرضك لشهر نوفمبر 2026\u{2069}", "\u{200f}\u{2067}مرحبًا بك،\u{2069}"),
    ] {
        let mail = render(&Case { name: "\u{200b}\u{2060}", locale, ..ADA });
        assert_eq!((&*mail.subject, mail.text.lines().next()), (subject, Some(greeting)));
    }
}

#[test]
fn a_name_or_band_that_looks_like_a_link_is_none() {
    for case in each_language() {
        for name in ["www.evil.example", "http://evil.example/x", "evil.com", "a@b.co", "+1 555 0100 999"] {
            let mail = render(&Case { name, band: "see evil.example", ..case });
            for part in [&mail.subject, &mail.text, &mail.html] {
                let shown = part.replace('\u{2060}', "").replace("&#x2f;", "/");
                assert!(shown.contains(name), "{name}: {part}");
                assert!(!part.contains(name) && !part.contains("evil.example"), "{name}: {part}");
            }
        }
    }
}

#[test]
fn a_letter_in_arabic_runs_from_right_to_left() {
    let mail = render(&Case { locale: "ar-EG", zone: "Africa/Cairo", ..ADA });
    assert_eq!(mail.html.matches("lang=\"ar\" dir=\"rtl\"").count(), 2);
    assert!(mail.html.contains("padding-left:12px") && !mail.html.contains("padding-right:12px"));
    // But for the URL, which ends where its line does.
    for line in mail.text.lines().filter(|line| !line.is_empty() && !line.starts_with("https://")) {
        assert!(line.starts_with("\u{200f}\u{2067}") && line.ends_with('\u{2069}'), "{line}");
    }
    // The name, which runs the other way, doesn't decide for the subject.
    assert!(mail.subject.starts_with("\u{200f}\u{2067}\u{2068}Ada O'Brien\u{2069}، "), "{}", mail.subject);
}

#[test]
fn a_name_that_runs_from_right_to_left_turns_no_line_that_it_begins() {
    let lines = |locale| {
        let mail = render(&Case { name: "محمود درويش", locale, ..ADA });
        [mail.subject, mail.text.lines().next().unwrap().to_owned()]
    };
    let [subject, greeting] = lines("en-IE");
    assert!(subject.starts_with("\u{200e}\u{2068}محمود درويش\u{2069}, your"), "{subject}");
    assert_eq!(greeting, "Hello \u{2068}محمود درويش\u{2069},");
    for line in lines("ja-JP") {
        assert!(line.starts_with("\u{200e}\u{2068}محمود درويش\u{2069} 様"), "{line}");
    }
}

#[test]
fn the_longest_name_leaves_the_subjects_own_words_in_place() {
    let named = |locale| render_named(&"W".repeat(200), &Case { locale, ..ADA }).subject;
    for (locale, words) in [
        ("en-IE", "…, your loan score for November 2026"),
        ("ja-JP", "… 様　2026年11月のローンスコアのお知らせ"),
        ("ar-AE", "…\u{2069}، درجة تقييم قرضك لشهر نوفمبر 2026\u{2069}"),
    ] {
        let subject = named(locale);
        assert!(subject.ends_with(words), "{subject}");
        assert!(subject.chars().count() <= 150);
    }
}

#[test]
fn the_subject_does_not_give_the_score_away() {
    for case in each_language() {
        let mail = render(&case);
        assert!(!mail.subject.contains("742") && !mail.subject.contains("Good"));
    }
}

#[test]
fn no_two_languages_say_the_same() {
    let texts: std::collections::BTreeSet<_> = languages().map(|locale| render(&Case { locale, ..ADA }).text).collect();
    assert_eq!(texts.len(), languages().count());
    for locale in languages() {
        assert_eq!(render(&Case { locale, ..ADA }).language, locale);
    }
}
