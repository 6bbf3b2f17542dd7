//! What looks like a link, and isn't to become one.

/// Zero width, no line break, and no part of any address (RFC 5892: DISALLOWED in a domain name).
const WORD_JOINER: char = '\u{2060}';
const WORD_JOINER_TEXT: &str = "\u{2060}";

/// So many digits with no more than marks between them are a telephone number to some clients.
const FEWEST_DIGITS: usize = 7;

/// The text with word joiners wherever a mail client would find an address of a page, a mailbox or a telephone in it.
///
/// Clients make links of what strangers wrote (`www.evil.example`, `a@b.co`, `+1 555 0100 999`), in HTML and in plain text.
/// No setting keeps all of them from it; an invisible character before and after the marks that they go by does (known of
/// Gmail, Outlook and Apple Mail: blog.teknkl.com, "Stop email client hyperlinking text without consent"). Initials
/// (`J.R.R. Tolkien`) are left as they are.
pub(super) fn unlinked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let phone = phone_digits(&chars);
    let mut out = String::with_capacity(text.len());
    for (at, &c) in chars.iter().enumerate() {
        let marks = is_link_mark(&chars, at);
        if marks && !out.ends_with(WORD_JOINER) {
            out.push(WORD_JOINER);
        }
        out.push(c);
        if marks || phone[at] {
            out.push(WORD_JOINER);
        }
    }
    out
}

/// The text without links, whatever stands beside it: neither a name that ends in a dot nor one that ends in an initial makes an
/// address with the next word.
pub(super) fn apart(text: &str) -> String {
    let unlinked = unlinked(text);
    let mut ends = unlinked.chars().rev();
    let (last, one_before) = (ends.next(), ends.next());
    let joiner = |is_mark: bool| if is_mark { WORD_JOINER_TEXT } else { "" };
    let before = joiner(unlinked.chars().next().is_some_and(may_link));
    let after = joiner(last.is_some_and(may_link) || one_before.is_some_and(is_dot));
    [before, &unlinked, after].concat()
}

fn may_link(c: char) -> bool {
    is_dot(c) || is_separator(c) || matches!(c, '/' | '\\')
}

fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{2024}' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

fn is_separator(c: char) -> bool {
    matches!(c, '@' | '\u{ff20}' | '\u{fe6b}' | ':' | '\u{ff1a}')
}

/// Whether the character at `at` holds together what a client takes for an address.
fn is_link_mark(chars: &[char], at: usize) -> bool {
    let is_part = |c: Option<&char>| c.is_some_and(|c| !c.is_whitespace());
    let (before, after) = (at.checked_sub(1).and_then(|at| chars.get(at)), chars.get(at + 1));
    match chars[at] {
        c if is_dot(c) => {
            let is_initial = label_length(&chars[at + 1..]) == 1 && !after.is_some_and(|c| c.is_numeric());
            is_part(before) && is_part(after) && (!is_initial || follows_www(&chars[..at]))
        }
        c if is_separator(c) => is_part(before) && is_part(after),
        // The start of `//host/share` and of `\\host\share`.
        '/' | '\\' => before == Some(&chars[at]),
        _ => false,
    }
}

/// How long the part of a name up to the next dot is. A domain's last has two letters at least, an initial one.
fn label_length(rest: &[char]) -> usize {
    rest.iter().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).count()
}

fn follows_www(before: &[char]) -> bool {
    before.ends_with(&['w'; 3]) || before.ends_with(&['W'; 3])
}

/// Which characters are digits of a telephone number, but for its last.
fn phone_digits(chars: &[char]) -> Vec<bool> {
    let mut digits = vec![false; chars.len()];
    let mut run: Vec<usize> = Vec::new();
    for at in 0..=chars.len() {
        match chars.get(at) {
            Some(c) if c.is_numeric() => run.push(at),
            Some(c) if is_phone_mark(*c) => {}
            _ => {
                if run.len() >= FEWEST_DIGITS {
                    run.pop();
                    for &digit in &run {
                        digits[digit] = true;
                    }
                }
                run.clear();
            }
        }
    }
    digits
}

fn is_phone_mark(c: char) -> bool {
    c == '\u{a0}' || c == '\u{202f}' || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '+' | '\u{2010}'..='\u{2015}')
}

/// What clients make links of: what has a scheme, `www.`, a mailbox, or a label followed by a dot and a top-level domain.
#[cfg(test)]
pub(super) fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == WORD_JOINER).filter(|word| {
        let domain = word.split('.').collect::<Vec<_>>();
        let is_domain = domain.windows(2).any(|pair| {
            let top = pair[1].chars().take_while(char::is_ascii_alphabetic).count();
            !pair[0].is_empty() && top >= 2
        });
        let is_mailbox = word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        is_domain || is_mailbox || word.contains("://") || word.starts_with("www.") && word.len() > 4
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text with its word joiners visible.
    fn shown(text: &str) -> String {
        unlinked(text).replace(WORD_JOINER, "|")
    }

    #[test]
    fn addresses_of_pages_mailboxes_and_telephones_are_broken() {
        for (text, broken) in [
            ("www.evil.example", "www|.|evil|.|example"),
            ("http://evil.example/x", "http|:|/|/|evil|.|example/x"),
            ("evil.com", "evil|.|com"),
            ("Win at evil.co now", "Win at evil|.|co now"),
            ("例え。テスト", "例え|。|テスト"),
            ("bücher.example", "bücher|.|example"),
            ("192.0.2.10", "1|9|2|.|0|.|2|.|1|0"),
            ("a@b.co", "a|@|b|.|co"),
            ("mailto:a", "mailto|:|a"),
            (r"\\host\share", r"\|\|host\share"),
            ("+1 555 0100", "+1| 5|5|5| 0|1|0|0"),
            ("٠١٢٣٤٥٦", "٠|١|٢|٣|٤|٥|٦"),
        ] {
            assert_eq!(shown(text), broken);
        }
    }

    #[test]
    fn names_that_are_no_address_stay_as_they_are() {
        for name in
            ["J.R.R. Tolkien", "O'Brien", "St. John", "B.o.B", "Ada", "Dr. No", "Smith, Jr.", "Anna @ home", "7 of 9"]
        {
            assert_eq!(unlinked(name), name);
        }
    }

    #[test]
    fn what_stands_beside_a_name_makes_no_address_of_it() {
        for (name, expected) in
            [("Smith Jr.", "Smith Jr.|"), ("J.R", "J.R|"), (".com", "|.com"), ("@", "|@|"), ("Ada", "Ada"), ("", "")]
        {
            assert_eq!(apart(name).replace(WORD_JOINER, "|"), expected);
        }
    }

    proptest! {
        #[test]
        fn no_name_has_a_link_left_and_none_is_changed_to_the_eye(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["www", "evil", "com", ".", "://", "@", " ", "a", "http", "/", "1", "é"]), 1..16,
            )
        ) {
            let name = pieces.concat();
            let broken = unlinked(&name);
            prop_assert!(links(&broken).next().is_none(), "{}", shown(&name));
            prop_assert_eq!(broken.replace(WORD_JOINER, ""), name);
        }
    }
}
