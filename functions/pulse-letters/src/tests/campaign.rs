//! Letters of campaigns, as customers get them.

use proptest::prelude::*;
use pulse_core::{
    campaign::{CampaignLetter, LetterError},
    customer::{CustomerId, Product},
    entry::{ItemId, Plan, Reference, StageName},
    ports::{CampaignMail, Rendered, Renderer as _},
    score::Score,
};

use super::{ADA, Case, FATIMA, RENDERER, TARO, customer, hostile::names, link, score};
use crate::{MinijinjaRenderer, autolink::links, languages, made_up::longest_names};

const EXAMPLE: [(&str, &str); 2] = [
    ("en", include_str!("../../../../infra/email/spring.en.txt")),
    ("ja", include_str!("../../../../infra/email/spring.ja.txt")),
];

fn letter(texts: &[(&str, &str)]) -> CampaignLetter {
    CampaignLetter::parse(texts.iter().copied()).unwrap()
}

fn example() -> CampaignLetter {
    letter(&EXAMPLE)
}

fn try_named(name: &str, case: &Case<'_>, letter: &CampaignLetter, score: Option<&Score>) -> Result<Rendered, String> {
    let customer = customer(name, case);
    let unsubscribe = case.unsubscribe.map(|url| link(url, &customer.id));
    let reference = reference();
    let mail = CampaignMail {
        customer: &customer,
        letter,
        score,
        reference: Some(&reference),
        item: None,
        unsubscribe: unsubscribe.as_ref(),
    };
    RENDERER.render_campaign(&mail).map_err(|error| error.to_string())
}

fn reference() -> Reference {
    Reference::parse("INV-0042").unwrap()
}

/// For a run that calls no partner.
fn check(letter: &CampaignLetter, has_score: bool) -> Result<(), LetterError> {
    let score = Some(StageName::Score).filter(|_| has_score);
    RENDERER.check(letter, Plan::of(&score.into_iter().chain([StageName::Email]).collect::<Vec<_>>()).unwrap(), false)
}

fn named(name: &str, case: &Case<'_>, letter: &CampaignLetter) -> Rendered {
    try_named(name, case, letter, Some(&score(case.scores.1, case.band))).unwrap()
}

fn render(case: &Case<'_>, letter: &CampaignLetter) -> Rendered {
    named(case.name, case, letter)
}

fn whole(case: &Case<'_>, letter: &CampaignLetter) -> String {
    let mail = render(case, letter);
    format!("Subject: {}\n\n{}\n\n=====\n{}\n", mail.subject, mail.text, mail.html)
}

/// Shows everything, beside what breaks naive code.
const EVERYTHING: &str = "Subject: {{ product }} <b>&</b> {% if name %}{{ name }}{% endif %}

{% if name %}{{ name }}{% else %}You{% endif %}: {{ product }}, {{ balance }} {{ currency }}, {{ score }} ({{ band }}) {{ as_of }}
<script>alert(1)</script> & \"quoted\"
https://bank.example/a?b=1&c=2

{% if band == \"Good\" %}good{% elif product != \"loan\" %}card{% else %}loan{% endif %}";

#[test]
fn a_campaign_in_ireland() {
    insta::assert_snapshot!(whole(&ADA, &example()));
}

#[test]
fn a_campaign_in_japan() {
    insta::assert_snapshot!(whole(&TARO, &example()));
}

#[test]
fn a_campaign_in_egypt() {
    let arabic = "Subject: {% if name %}{{ name }}، {% endif %}عرض الربيع\n\n{% if name %}مرحبًا {{ name }}،{% else %}مرحبًا بك،{% endif %}\n\
                  الرصيد المستحق على {{ product }}: {{ balance }} {{ currency }}.\nhttps://bank.example/ar";
    insta::assert_snapshot!(whole(&FATIMA, &letter(&[EXAMPLE[0], ("ar", arabic)])));
}

#[test]
fn a_hostile_name_and_band_stay_what_they_are() {
    let case = Case {
        name: "\"><script>alert('{{ 7*7 }}')</script>\u{202e}{% if name %}",
        band: "https://evil.example",
        ..ADA
    };
    insta::assert_snapshot!(whole(&case, &letter(&[("en", EVERYTHING)])));
}

#[test]
fn the_example_is_right_for_runs_of_either_kind() {
    for has_score in [false, true] {
        assert_eq!(check(&example(), has_score), Ok(()));
    }
}

#[test]
fn a_customer_gets_the_letter_that_they_read_or_else_the_first() {
    let texts = ["pt", "ja", "zh-Hant", "pt-PT"].map(|tag| (tag, "Subject: S\n\nText"));
    let letter = letter(&texts);
    for (locale, language) in
        [("ja-JP", "ja"), ("pt-BR", "pt"), ("pt-PT", "pt-PT"), ("zh-TW", "zh-Hant"), ("zh-CN", "pt"), ("en-IE", "pt")]
    {
        assert_eq!(render(&Case { locale, ..ADA }, &letter).language, language, "{locale}");
    }
}

#[test]
fn where_there_are_no_words_of_the_letters_language_the_foot_is_in_english_and_says_so() {
    let mail = render(&Case { locale: "he-IL", ..ADA }, &letter(&[("he", "Subject: אביב\n\nהאביב הגיע.")]));
    assert!(mail.html.contains("<html lang=\"he\" dir=\"rtl\">"), "{}", mail.html);
    assert!(mail.html.contains("<div class=\"inset rule\" lang=\"en\" dir=\"ltr\""), "{}", mail.html);
    assert!(
        mail.text.starts_with("\u{200f}\u{2067}האביב") && mail.text.contains("\nTo unsubscribe, open"),
        "{}",
        mail.text
    );
    for language in languages() {
        let mail = render(&Case { locale: language, ..ADA }, &letter(&[(language, "Subject: S\n\nText")]));
        assert_eq!(mail.html.matches(" dir=").count(), 2, "{language}");
    }
}

#[test]
fn a_letter_of_any_language_shows_its_values_the_way_of_that_language() {
    let everything = letter(&[("en", EVERYTHING), ("de", EVERYTHING), ("ja", EVERYTHING), ("ar", EVERYTHING)]);
    let first = |case: &Case<'_>| {
        let text = render(case, &everything).text;
        let line = text.lines().next().unwrap().replace(['\u{a0}', '\u{202f}'], " ");
        line.chars().filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}')).collect::<String>()
    };
    assert_eq!(first(&ADA), "Ada O'Brien: loan, 12,345.60 EUR, 742 (Good) 19 November 2026 at 22:41");
    assert_eq!(
        first(&Case { locale: "de-DE", ..ADA }),
        "Ada O'Brien: loan, 12.345,60 EUR, 742 (Good) 19. November 2026 um 22:41"
    );
    assert_eq!(first(&TARO), "山田 太郎: カード, 98,000 JPY, 741 (Good) 2026年11月20日 7:41");
    assert_eq!(first(&FATIMA), "فاطمة الزهراء: قرض, ٤٬٣٢١٫٥٠ EGP, ٦٥٥ (Good) ٢٠ نوفمبر ٢٠٢٦ في ١٢:٤١ ص");
}

#[test]
fn conditions_choose_by_what_the_customer_has() {
    let letter = letter(&[(
        "en",
        "Subject: S\n\n{% if product == \"loan\" %}\n{% if currency != 'EUR' %}\nloan, foreign\n{% else %}\nloan\n{% endif %}\n\
         {% elif not name %}\ncard, no name\n{% else %}\ncard of {{ name }}\n{% endif %}\n{% if score %}scored{% else %}unscored{% endif %}",
    )]);
    for (name, product, currency, words) in [
        ("Ada", Product::Loan, "EUR", "loan"),
        ("Ada", Product::Loan, "USD", "loan, foreign"),
        ("Ada", Product::Card, "USD", "card of Ada"),
        ("\u{200b}", Product::Card, "EUR", "card, no name"),
    ] {
        let case = Case { product, balance: ("1", currency), ..ADA };
        for (score, last) in [(None, "unscored"), (Some(score(1, "Fair")), "scored")] {
            let mail = try_named(name, &case, &letter, score.as_ref()).unwrap();
            assert_eq!(mail.text.split("\n\n").next(), Some(&*format!("{words}\n{last}")));
        }
    }
    assert_eq!(check(&letter, false), Ok(()));
}

#[test]
fn paragraphs_and_lines_are_those_of_the_file_and_a_line_of_tags_is_none() {
    let mail = render(
        &ADA,
        &letter(&[("en", "Subject: S\n\nOne\n  two\n\n\n{# none #}\n\nThree\nhttps://bank.example/x?a=1&b=2\nfour")]),
    );
    assert!(
        mail.text.starts_with("One\n  two\n\nThree\nhttps://bank.example/x?a=1&b=2\nfour\n\nTo reach us"),
        "{}",
        mail.text
    );
    for part in ["One<br>\n  two</p>", "Three</p>", "four</p>", " href=\"https://bank.example/x?a=1&amp;b=2\"\n"] {
        assert!(mail.html.contains(part), "{part}: {}", mail.html);
    }
    assert!(mail.html.contains(">bank.example&#x2f;x</a>"), "{}", mail.html);
}

#[test]
fn a_line_that_nothing_is_left_of_leaves_none_and_no_two_become_one() {
    let text = "Subject: S\n\nOne\n{% if not name %}you{% endif %}\nTwo {% if not name %}\nThree{% endif %}.example";
    let mail = render(&ADA, &letter(&[("en", text)]));
    assert!(mail.text.starts_with("One\nTwo\n.example\n\nTo reach us"), "{}", mail.text);
}

#[test]
fn nothing_touches_an_address_in_what_runs_from_right_to_left() {
    let letter = letter(&[("ar", "Subject: S\n\nانظر https://bank.example/a\nhttps://bank.example/b\nهنا")]);
    let mail = render(&FATIMA, &letter);
    let links: Vec<&str> = links(&mail.text).take(2).collect();
    assert_eq!(links, ["https://bank.example/a", "https://bank.example/b"]);
}

#[test]
fn whoever_can_unsubscribe_by_a_link_finds_it_in_both_parts_and_others_are_told_to_reply() {
    for language in languages() {
        let letter = letter(&[(language, "Subject: S\n\nText")]);
        let with = render(&Case { locale: language, ..ADA }, &letter);
        let link = link("https://pulse.example/u", &CustomerId::parse("c-1").unwrap());
        assert_eq!(with.text.lines().filter(|line| *line == link.expose()).count(), 1, "{}", with.text);
        assert!(with.html.contains(&format!("\n href=\"{}\"\n", link.expose())), "{}", with.html);
        let without = render(&Case { locale: language, unsubscribe: None, ..ADA }, &letter);
        assert!(!without.text.contains("pulse.example") && !without.html.contains("href="), "{}", without.text);
        let why = |mail: &Rendered| mail.text.split("\n\n").nth(2).map(|why| why.chars().count());
        assert!(why(&without) > why(&with), "{}", without.text);
    }
}

#[test]
fn a_bad_letter_is_refused_before_the_first_mail_by_language_and_line() {
    let long = format!("Subject: S\n\n{}", "word ".repeat(801));
    let wide = format!("Subject: S\n\nhttps://bank.example/?{}", "&".repeat(400));
    let deep = format!("Subject: S\n\n{}Text", "{% if name %}\n".repeat(9));
    let long_subject = format!("Subject: {}\n\nText", "word ".repeat(31));
    for (text, has_score, problem) in [
        ("Subject: S\n\nText\n{{ scor }}", true, "line 4: there is no value `scor`"),
        ("Subject: {{ nam }}\n\nText", true, "line 1: there is no value `nam`"),
        ("Subject: S\n\nHello {{ name }}", true, "line 3: some customers have no name that shows"),
        ("Subject: S\n\n{% if not name %}\n{{ name }}{% endif %}", true, "line 4: some customers have no name"),
        ("Subject: S\n\n{% if name %}a{% else %}{{ name }}{% endif %}", true, "line 3: some customers have no name"),
        ("Subject: S\n\n{% if name %}a{% endif %}{{ name }}", true, "line 3: some customers have no name"),
        ("Subject: S\n\nText\n\n{{ score }}", false, "line 5: this run doesn't score, and the letter shows `score`"),
        ("Subject: S\n\n{% if not score %}{{ band }}{% endif %}", false, "line 3: this run doesn't score"),
        ("Subject: {{ as_of }}\n\nText", false, "line 1: this run doesn't score"),
        (
            "Subject: {% if name %}{{ name }}{% endif %}\n\nText",
            true,
            "line 1: the subject is empty for some customers",
        ),
        ("Subject: {# none #}\n\nText", true, "line 1: the subject is empty for some customers"),
        ("Subject: S\n\n{% if product == 'loan' %}Text{% endif %}", true, "there is no text for some customers"),
        ("Subject: S\n\n{% if name %}\nText", true, "line 3: this `if` has no `endif`"),
        ("Subject: {% if name %}S\n\nText{% endif %}", true, "line 1: this `if` has no `endif`"),
        ("Subject: S\n\nText{% endif %}", true, "line 3: this `endif` has no `if`"),
        ("Subject: S\n\nText{% else %}", true, "line 3: this `else` has no `if`"),
        (
            "Subject: S\n\n{% if name %}a{% else %}b{% elif score %}c{% endif %}",
            true,
            "line 3: this `elif` comes after an `else`",
        ),
        ("Subject: S\n\nhttp://bank.example", true, "line 3: an address that stands alone"),
        ("Subject: S\n\nhttps://bank.example/{{ balance }}", true, "line 3: a value can't be a part of an address"),
        (&long, true, "its text has 4"),
        (&deep, true, "line 11: conditions stand within one another 8 deep at most"),
        (&wide, true, "it becomes a line of"),
        (&long_subject, true, "line 1: the subject is longer than 150 characters"),
    ] {
        let letter = letter(&[("de", "Subject: S\n\nText"), ("en", text)]);
        let error = check(&letter, has_score).unwrap_err().to_string();
        assert!(error.starts_with("the letter in en") && error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn a_product_is_shown_only_in_a_language_that_there_are_words_of() {
    let check = |tag| check(&letter(&[(tag, "Subject: S\n\nText\n{{ product }}")]), false);
    for language in languages() {
        assert_eq!(check(language), Ok(()));
    }
    let error = check("de").unwrap_err().to_string();
    assert!(error.contains("in de, line 4: Pulse has no word for a product"), "{error}");
}

#[test]
fn a_letter_that_was_never_checked_fails_by_its_line_and_sends_nothing_strange() {
    let fail = |text, score| try_named("Ada", &ADA, &letter(&[("en", text)]), score).unwrap_err();
    let unknown = fail("Subject: S\n\n{{ scor }}", None);
    assert!(
        unknown.starts_with("the mail can't be rendered: the letter in en, line 3: there is no value"),
        "{unknown}"
    );
    let missing = fail("Subject: S\n\n{{ score }}", None);
    assert!(missing.ends_with("it shows `score`, which isn't known of this customer"), "{missing}");
}

/// Letters that show everything beside everything; a few are wrong, by what looks like an address.
fn letters() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{% if name %}{{ name }}{% endif %}",
        "{% if not name %}you{% else %}{{ name }}{% endif %}",
        "{{ product }}",
        "{{ band }}",
        "{{ as_of }}",
        "{% if band == 'Good' %}a{% elif score %}{{ band }}{% endif %}",
        "{# #}",
        "\n",
        "\n\n",
        " ",
        " ",
        " ",
        "Text",
        "<b>",
        "&",
        "'",
        "\"",
        "春。",
        "اهلا",
        "\nhttps://bank.example/a\n",
        ".example",
        "www.",
        "@",
        "a",
        "👩\u{200d}🚀",
        "é",
        ", ",
    ]);
    (prop::collection::vec(piece, 0..24), 0..3_usize).prop_map(|(pieces, long)| {
        format!(
            "Subject: Spring {}\n\nHello {} {}",
            pieces.concat().replace('\n', " "),
            pieces.concat(),
            "long".repeat(long * 300)
        )
    })
}

proptest! {
    #[test]
    fn whatever_the_letter_a_name_and_a_band_add_no_tag_no_link_and_no_second_line_to_the_subject(
        text in letters(), name in names(), band in "[ -~]{1,32}", rtl in any::<bool>(),
    ) {
        let language = if rtl { "ar" } else { "en" };
        let letter = letter(&[(language, &*text)]);
        let case = Case { locale: language, ..ADA };
        let write = |name: &str, band: &str| try_named(name, &case, &letter, Some(&score(742, band)));
        prop_assume!(write("Ada", "Good").is_ok());
        let mail = write(&name, &band).map_err(TestCaseError::fail)?;
        // Names that show nothing, and other bands, choose other words.
        let is_shown = mail.html.matches("<bdi>").count();
        let plain = [("Ada", "Fair"), ("\u{200b}", "Fair"), ("Ada", "Good"), ("\u{200b}", "Good")];
        let plain: Vec<Rendered> = plain.iter().map(|(name, band)| write(name, band).unwrap()).collect();
        // What parts a line of the source is left out.
        let marks = |html: &str| ['<', '>', '"', '\''].map(|mark| html.replace("<wbr\n>", "").matches(mark).count());
        let same = |plain: &&Rendered| plain.html.matches("<bdi>").count() == is_shown && marks(&plain.html) == marks(&mail.html);
        let plain = plain.iter().find(same);
        prop_assert!(plain.is_some(), "markup: {}", mail.html);
        let plain = plain.unwrap();
        let own: Vec<&str> = links(&plain.text).collect();
        for link in links(&mail.text) {
            prop_assert!(own.contains(&link) || text.contains(link), "{} is a link: {}", link, mail.text);
        }
        prop_assert!(!mail.subject.chars().any(char::is_control) && !mail.subject.is_empty());
        // What is longer than a line may be is on two.
        if mail.text.len() <= 980 {
            prop_assert_eq!(mail.text.lines().count(), plain.text.lines().count());
        }
        for part in [&mail.text, &mail.subject] {
            let count = |marks: [char; 2]| part.matches(marks).count();
            prop_assert_eq!(count(['\u{2067}', '\u{2068}']), part.matches('\u{2069}').count());
        }
        for line in mail.html.lines().chain(mail.text.lines()) {
            prop_assert!(line.len() <= 998, "{} bytes: {}", line.len(), line);
        }
    }

    #[test]
    fn no_letter_whatever_it_has_panics(text in "(Subject: )?([ -~\u{e9}\u{feff}\u{2028}]|\n|\\{\\{ (name|score) \\}\\}|\\{% (if name|else|endif|elif band) %\\}){0,60}") {
        if let Ok(letter) = CampaignLetter::parse([("en", &*text)]) {
            let checked = check(&letter, false);
            let written = try_named("Ada", &ADA, &letter, None);
            prop_assert!(checked.is_err() || written.is_ok());
        }
    }
}

#[test]
fn the_longest_names_leave_the_letters_lines_within_what_mail_takes() {
    let paragraph = format!("Subject: S\n\n{{% if name %}}{{{{ name }}}}{{% endif %}}{} end", "春の".repeat(400));
    let letter = letter(&[("ja", &*paragraph)]);
    assert_eq!(check(&letter, false), Ok(()));
    for name in longest_names() {
        let mail = named(&name, &TARO, &letter);
        assert!(mail.html.lines().chain(mail.text.lines()).all(|line| line.len() <= 998));
        // What parts a line of the source shows nothing.
        assert_eq!(mail.html.replace("<wbr\n>", "").matches(&"春の".repeat(400)).count(), 1);
    }
}

#[test]
fn a_run_that_calls_a_partner_shows_its_reference_and_no_other_may() {
    let shown = letter(&[("en", "Subject: Invoice {{ reference }}\n\nYour invoice is {{ reference }}.")]);
    let asked = letter(&[("en", "Subject: Invoice\n\nText{% if reference %} {{ reference }}{% endif %}")]);
    let calls = Plan::of_campaign(&[StageName::Call, StageName::Email]).unwrap();
    let scores = Plan::of_campaign(&[StageName::Score, StageName::Email]).unwrap();
    for plan in [calls, Plan::of(&StageName::OF_ENTRIES).unwrap()] {
        assert_eq!((RENDERER.check(&shown, plan, false), RENDERER.check(&asked, plan, false)), (Ok(()), Ok(())));
    }
    let error = RENDERER.check(&shown, scores, false).unwrap_err().to_string();
    assert!(
        error.contains("line 1: this run calls no partner, and the letter shows `reference`: have it call one first"),
        "{error}"
    );
    assert_eq!(RENDERER.check(&asked, scores, false), Ok(()));
    let mail = render(&ADA, &shown);
    assert_eq!(mail.subject, "Invoice INV-0042");
    assert!(mail.text.starts_with("Your invoice is INV-0042.") && mail.html.contains("INV-0042"), "{}", mail.text);
}

#[test]
fn whose_partner_gave_no_reference_gets_no_letter_that_shows_one() {
    let customer = customer(ADA.name, &ADA);
    let write = |text, reference: Option<&Reference>| {
        let letter = letter(&[("en", text)]);
        let mail = CampaignMail {
            customer: &customer,
            letter: &letter,
            score: None,
            reference,
            item: None,
            unsubscribe: None,
        };
        RENDERER.render_campaign(&mail).map_err(|error| error.to_string())
    };
    let error = write("Subject: S\n\n{{ reference }}", None).unwrap_err();
    assert!(error.contains("`reference`, which isn't known of this customer"), "{error}");
    assert!(write("Subject: S\n\nText{% if reference %}{{ reference }}{% endif %}", None).is_ok());
    // What a partner says stays text, and makes no link.
    let hostile = Reference::parse("<b>www.evil.example</b>").unwrap();
    let mail = write("Subject: S\n\nYours: {{ reference }}", Some(&hostile)).unwrap();
    assert!(!mail.html.contains("<b>www") && links(&mail.text).next().is_none(), "{}", mail.text);
}

#[test]
fn a_letter_shows_the_item_that_it_is_about_and_one_that_needs_it_is_refused_where_there_is_none() {
    let shown = letter(&[("en", "Subject: Invoice {{ item }}\n\nIt is ready."), ("ja", "Subject: S\n\nText")]);
    let asked = letter(&[("en", "Subject: Invoice\n\nText{% if item %} {{ item }}{% endif %}")]);
    let plan = Plan::of_campaign(&[StageName::Email]).unwrap();
    assert_eq!((RENDERER.check(&shown, plan, true), RENDERER.check(&asked, plan, true)), (Ok(()), Ok(())));
    let error = RENDERER.check(&shown, plan, false).unwrap_err().to_string();
    assert!(error.contains("line 1: this run is about no items, and the letter shows `item`: name one"), "{error}");
    assert_eq!(RENDERER.check(&asked, plan, false), Ok(()));
    let needs = MinijinjaRenderer::needs_item;
    assert_eq!((needs(&shown), needs(&asked)), (Ok(true), Ok(false)));

    let customer = customer(ADA.name, &ADA);
    let write = |letter, item: Option<&str>| {
        let item = item.map(|item| ItemId::parse(item).unwrap());
        let mail = CampaignMail { customer: &customer, letter, score: None, reference: None, item, unsubscribe: None };
        RENDERER.render_campaign(&mail).map_err(|error| error.to_string())
    };
    assert_eq!(write(&shown, Some("INV-1_7")).unwrap().subject, "Invoice INV-1_7");
    assert!(write(&asked, Some("INV-1_7")).unwrap().text.starts_with("Text INV-1_7\n"));
    let error = write(&shown, None).unwrap_err();
    assert!(error.contains("`item`, which isn't known of this customer"), "{error}");
    assert!(write(&asked, None).unwrap().text.starts_with("Text\n"));
}
