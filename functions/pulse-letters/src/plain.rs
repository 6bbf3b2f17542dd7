//! What makes a stranger's text safe to stand in a line of ours.

/// Starts and ends text whose direction must not spill over (Unicode UAX #9, isolates).
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';

/// The text as one line that leaves the direction of what follows it alone.
///
/// Characters that end a line become spaces; controls, and the bidirectional embeddings, overrides
/// and isolates that no name needs but that turn the rest of a line around, are left out. Joiners
/// stay: emoji and the scripts of Iran and India are made of them. Nothing visible at all becomes
/// `fallback`.
pub(super) fn neutral(text: &str, fallback: &str) -> String {
    let kept: String = text.chars().filter_map(neutral_char).collect();
    if kept.chars().all(is_invisible) {
        return fallback.to_owned();
    }
    kept.trim().to_owned()
}

fn neutral_char(c: char) -> Option<char> {
    match c {
        '\r' | '\n' | '\t' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e01ef}')
}

/// At most `most` characters, ending in an ellipsis if some were left out, and never between a
/// character and what belongs to it.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let Some((cut, _)) = text.char_indices().nth(most) else {
        return text.to_owned();
    };
    let room = text.char_indices().nth(most.saturating_sub(1)).map_or(cut, |(at, _)| at);
    let mut end = room;
    while end > 0 && belongs_together(&text[..end], &text[end..]) {
        end = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
    }
    // A cluster longer than the line is no cluster worth keeping whole.
    let end = if end == 0 { room } else { end };
    format!("{}…", text[..end].trim_end())
}

fn belongs_together(before: &str, after: &str) -> bool {
    let attaches = |c: char| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}'
            | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{200c}' | '\u{200d}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
    };
    before.ends_with('\u{200d}') || after.starts_with(attaches)
}

/// For plain text: wraps what has right-to-left letters or digits so that the punctuation around it
/// stays where it is. HTML has `<bdi>` for that.
pub(super) fn isolated(text: &str) -> String {
    if text.chars().any(is_right_to_left) {
        format!("{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}")
    } else {
        text.to_owned()
    }
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_controls_and_overrides_are_neutralised_and_joiners_kept() {
        assert_eq!(neutral("a\r\nBcc: b\u{2028}c\u{85}d", "x"), "a  Bcc: b c d");
        assert_eq!(neutral("evil\u{202e}gpj.exe\u{2069}\0\u{1b}", "x"), "evilgpj.exe");
        assert_eq!(neutral("👩\u{200d}🚀 نگار\u{200c}ا", "x"), "👩\u{200d}🚀 نگار\u{200c}ا");
    }

    #[test]
    fn a_name_of_nothing_visible_becomes_the_fallback() {
        for nothing in ["", " ", "\u{202e}", "\u{200b}\u{200d}", "\u{ad}\u{2069}\n"] {
            assert_eq!(neutral(nothing, "there"), "there", "{nothing:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_that_stand_alone() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("longer", 5), "long…");
        assert_eq!(shorten("two words", 5), "two…");
        assert_eq!(shorten("abe\u{301}fgh", 4), "ab…");
        assert_eq!(shorten("ab👩\u{200d}🚀cdef", 5), "ab…");
        assert_eq!(shorten(&"\u{301}".repeat(9), 3).chars().count(), 3);
    }

    #[test]
    fn only_right_to_left_text_is_isolated() {
        assert_eq!(isolated("Ada"), "Ada");
        assert_eq!(isolated("ליאור"), "\u{2068}ליאור\u{2069}");
        assert_eq!(isolated("٧٤٢"), "\u{2068}٧٤٢\u{2069}");
    }
}
