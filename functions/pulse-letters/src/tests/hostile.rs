//! Names and bands that break naive code, and the limits of whatever carries a letter.

use proptest::prelude::*;
use pulse_core::customer::PersonName;

use super::{Case, each_language, render_named};
use crate::made_up::longest_names;

/// Any name that [`PersonName`] takes, with the characters that break naive code well represented.
pub(super) fn names() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "<", ">", "\"", "'", "&", "{{", "}}", "{%", "%}", "</bdi>", "<!--", "\u{2028}", "\u{2029}", "\u{202e}",
        "\u{2066}", "\u{2069}", "\u{200d}", "\u{feff}", "&lt;", "ا", "👩", "=", "`", "www.", "@", "://", "1234567",
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
        for case in each_language() {
            let plain = render_named("Ada", &case);
            // One that shows nothing has no place to stand in.
            let plain = if render_named(&name, &case).html.matches("<bdi>").count() == plain.html.matches("<bdi>").count() {
                plain
            } else {
                render_named("\u{200b}", &case)
            };
            let mail = render_named(&name, &case);
            prop_assert_eq!(marks(&mail.html), marks(&plain.html));
            prop_assert_eq!(mail.html.lines().count(), plain.html.lines().count());

            prop_assert!(!mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
            prop_assert!(mail.subject.chars().count() <= 153);
            prop_assert!(!mail.subject.is_empty());

            let line_ends = |text: &str| text.matches(['\r', '\n', '\u{85}', '\u{2028}', '\u{2029}']).count();
            prop_assert_eq!(line_ends(&mail.text), line_ends(&plain.text));
            for part in [&mail.text, &mail.subject] {
                let marks = |marks: [char; 2]| part.matches(marks).count();
                prop_assert_eq!(marks(['\u{2067}', '\u{2068}']), part.matches('\u{2069}').count());
                for turned in ['\u{202a}', '\u{202b}', '\u{202d}', '\u{202e}', '\u{2066}'] {
                    prop_assert!(!part.contains(turned) && !mail.html.contains(turned));
                }
            }
        }
    }
}

/// `pulse-providers` puts the HTML into four fields of 4,000 characters, and the text into one. Gmail cuts a mail off after
/// 102 kB. A line has at most 998 bytes (RFC 5322, 2.1.1), whether or not a provider wraps it.
#[test]
fn the_longest_letter_fits_whatever_carries_it() {
    let url = format!("https://{}/u", "long.".repeat(49));
    for case in each_language().map(|case| Case { unsubscribe: Some(&url), ..case }) {
        for name in longest_names() {
            let mail = render_named(&name, &Case { balance: ("123456789012.34", "EUR"), band: "'@", ..case });
            assert!(mail.html.encode_utf16().count() < 14_000, "{}: {}", case.locale, mail.html.len());
            assert!(mail.text.encode_utf16().count() < 3_500, "{}: {}", case.locale, mail.text.len());
            assert!(mail.html.len() < 50_000, "{}: {}", case.locale, mail.html.len());
            for line in mail.html.lines().chain(mail.text.lines()) {
                assert!(line.len() <= 998, "{}: {} bytes: {line}", case.locale, line.len());
            }
        }
    }
}
