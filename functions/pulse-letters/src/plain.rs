//! What makes a stranger's text safe to stand in a line of ours. What a character is, its Unicode properties say.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{BidiClass, DefaultIgnorableCodePoint, Deprecated},
};
use unicode_segmentation::UnicodeSegmentation as _;

const LEFT_TO_RIGHT_MARK: char = '\u{200e}';
const RIGHT_TO_LEFT_MARK: char = '\u{200f}';

/// Starts and ends text whose direction must not spill over (Unicode UAX #9, isolates).
const RIGHT_TO_LEFT_ISOLATE: char = '\u{2067}';
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';

/// A pattern without dots: it shows nothing, and is neither ignorable nor white space.
const BRAILLE_BLANK: char = '\u{2800}';

/// The text as one line that leaves the direction of what follows it alone.
///
/// Characters that end a line become spaces; controls, deprecated format characters, and the bidirectional embeddings,
/// overrides and isolates that no name needs but that turn the rest of a line around, are left out. Joiners stay: emoji and
/// the scripts of Iran and India are made of them. Nothing visible at all becomes `fallback`.
pub(super) fn neutral(text: &str, fallback: &str) -> String {
    let kept: String = text.chars().filter_map(neutral_char).collect();
    if kept.chars().all(shows_nothing) {
        return fallback.to_owned();
    }
    kept.trim().to_owned()
}

fn neutral_char(c: char) -> Option<char> {
    match c {
        // All that there is of the categories Zl and Zp.
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => c.is_whitespace().then_some(' '),
        // What a file begins with, and what only programs between themselves use (The Unicode Standard, 23.8 "Specials").
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' => None,
        c if is_ignorable(c) && CodePointSetData::new::<Deprecated>().contains(c) => None,
        c => match bidi_class(c) {
            BidiClass::LeftToRightEmbedding
            | BidiClass::LeftToRightOverride
            | BidiClass::LeftToRightIsolate
            | BidiClass::RightToLeftEmbedding
            | BidiClass::RightToLeftOverride
            | BidiClass::RightToLeftIsolate
            | BidiClass::FirstStrongIsolate
            | BidiClass::PopDirectionalFormat
            | BidiClass::PopDirectionalIsolate => None,
            _ => Some(c),
        },
    }
}

fn shows_nothing(c: char) -> bool {
    c.is_whitespace() || is_ignorable(c) || c == BRAILLE_BLANK
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn bidi_class(c: char) -> BidiClass {
    CodePointMapData::<BidiClass>::new().get(c)
}

/// At most `most` characters, ending in an ellipsis if some were left out, and never within what a reader takes for one
/// character (Unicode UAX #29, extended grapheme clusters).
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let room = text.char_indices().nth(most.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let starts = text.grapheme_indices(true).map(|(at, _)| at);
    // A cluster longer than the line is no cluster worth keeping whole.
    let end = starts.take_while(|&at| at <= room).last().filter(|&at| at > 0).unwrap_or(room);
    format!("{}…", text[..end].trim_end())
}

/// As [`shorten`], of a line in which values are isolated: one that is cut still ends its isolate.
pub(super) fn shorten_line(line: &str, most: usize) -> String {
    let mut short = shorten(line, most);
    let count = |mark: char| short.matches(mark).count();
    let open = count(FIRST_STRONG_ISOLATE).saturating_sub(count(POP_DIRECTIONAL_ISOLATE));
    short.extend(std::iter::repeat_n(POP_DIRECTIONAL_ISOLATE, open));
    short
}

/// For plain text: wraps what has right-to-left letters or digits, and within what runs from right to left everything, so that
/// the punctuation around it stays where it is. HTML has `<bdi>` for that.
pub(super) fn isolated(text: &str, is_right_to_left: bool) -> String {
    let turns = |c| matches!(bidi_class(c), BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber);
    if is_right_to_left || text.chars().any(turns) {
        format!("{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}")
    } else {
        text.to_owned()
    }
}

/// What strangers wrote has no line ends; this is for whatever a template does.
pub(super) fn one_line(text: &str) -> String {
    let is_end = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(is_end).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A line of text that runs the letter's way wherever it is shown: for clients that go by a line's first letter, be it that of
/// an isolated name, as HTML's `dir="auto"` does, and for those that take all text to be left to right (Unicode UAX #9).
pub(super) fn directed(line: &str, is_right_to_left: bool) -> String {
    match (line, is_right_to_left) {
        ("", _) => String::new(),
        (line, true) => format!("{RIGHT_TO_LEFT_MARK}{RIGHT_TO_LEFT_ISOLATE}{line}{POP_DIRECTIONAL_ISOLATE}"),
        (line, false) if line.starts_with(FIRST_STRONG_ISOLATE) => format!("{LEFT_TO_RIGHT_MARK}{line}"),
        (line, false) => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_controls_and_overrides_are_neutralised_and_joiners_kept() {
        assert_eq!(neutral("a\r\nBcc: b\u{2028}c\u{85}d", "x"), "a  Bcc: b c d");
        assert_eq!(neutral("evil\u{202e}gpj.exe\u{2069}\0\u{1b}", "x"), "evilgpj.exe");
        assert_eq!(neutral("a\u{feff}b\u{fff9}c\u{206f}d\u{202a}\u{2067}e", "x"), "abcde");
        assert_eq!(neutral("👩\u{200d}🚀 نگار\u{200c}ا", "x"), "👩\u{200d}🚀 نگار\u{200c}ا");
    }

    #[test]
    fn a_name_of_nothing_visible_becomes_the_fallback() {
        for nothing in
            ["", " ", "\u{202e}", "\u{200b}\u{200d}", "\u{ad}\u{2069}\n", "\u{3000}\u{a0}", "\u{61c}\u{200f}"]
        {
            assert_eq!(neutral(nothing, "there"), "there", "{nothing:?}");
        }
        // Hangul fillers, Braille without dots, joiners of graphemes, Khmer inherent vowels, Mongolian and other variation
        // selectors, musical symbols that begin something, tags, code points set aside for such.
        for invisible in
            "\u{3164}\u{2800}\u{115f}\u{1160}\u{ffa0}\u{34f}\u{17b4}\u{180b}\u{180e}\u{2065}\u{1d173}\u{e0100}\
                          \u{e0041}\u{fe0f}\u{206a}\u{feff}\u{1bca0}\u{2060}\u{e0fff}"
                .chars()
        {
            assert_eq!(neutral(&format!("{invisible} {invisible}"), "there"), "there", "{invisible:?}");
        }
        for name in ["null", "\u{301}", ".", "〇", "각", "\u{2801}"] {
            assert_eq!(neutral(name, "there"), name);
        }
        assert_eq!(neutral("山田\u{3000}太郎", "there"), "山田\u{3000}太郎");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_that_stand_alone() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("longer", 5), "long…");
        assert_eq!(shorten("two words", 5), "two…");
        assert_eq!(shorten("abe\u{301}fgh", 4), "ab…");
        assert_eq!(shorten("ab👩\u{200d}🚀cdef", 5), "ab…");
        assert_eq!(shorten(&"\u{301}".repeat(9), 3).chars().count(), 3);
        assert_eq!(shorten("ab", 0), "…");
    }

    #[test]
    fn what_is_isolated_and_cut_turns_nothing_that_follows() {
        assert_eq!(shorten_line("a \u{2068}אבגד\u{2069} b", 6), "a \u{2068}אב…\u{2069}");
        assert_eq!(shorten_line("a \u{2068}אב\u{2069} bcd", 8), "a \u{2068}אב\u{2069}…");
    }

    #[test]
    fn no_cluster_of_any_script_is_cut() {
        // What follows one letter too many to be kept whole in three characters and an ellipsis.
        for (text, expected) in [
            ("ab🇮🇪 and more", "ab…"),
            ("a🇮🇪🇩🇪 more", "a🇮🇪…"),
            ("abநிதமிழ்", "ab…"),
            ("abকিরণ", "ab…"),
            ("abกำธร", "ab…"),
            ("ab🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} long", "ab…"),
            ("ab\u{1100}\u{1161}\u{11a8} long", "ab…"),
            ("abe\u{301}clair", "ab…"),
            // In Devanagari a conjunct is one cluster; न is one by itself.
            ("abनमस्ते", "abन…"),
            ("aस्ते जी", "a…"),
            ("abk\u{1ab0}\u{1dc4} long", "ab…"),
            ("abမြန်မာ", "ab…"),
            ("abא\u{5bc} long", "ab…"),
            ("ab1\u{fe0f}\u{20e3} keycap", "ab…"),
            ("ab👨\u{200d}👩\u{200d}👧 family", "ab…"),
            ("ab👋🏽 wave", "ab…"),
            ("ab\r\ncd", "ab…"),
        ] {
            assert_eq!(shorten(text, 4), expected, "{text}");
        }
    }

    #[test]
    fn only_right_to_left_text_is_isolated() {
        assert_eq!(isolated("Ada", false), "Ada");
        assert_eq!(isolated("ליאור", false), "\u{2068}ליאור\u{2069}");
        assert_eq!(isolated("٧٤٢", false), "\u{2068}٧٤٢\u{2069}");
        for letter in ["ߊ", "𞤀", "ܐ", "ހ", "ࠀ", "ࡀ", "\u{10d00}", "𐤀", "\u{200f}"] {
            assert_eq!(isolated(letter, false).chars().count(), 3, "{letter}");
        }
        for letter in ["山田", "அ", "42", "a\u{301}", "👩"] {
            assert_eq!(isolated(letter, false), letter);
        }
    }
}
