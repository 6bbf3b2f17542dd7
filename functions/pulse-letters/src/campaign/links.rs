//! Addresses of pages in a campaign's letter: the operator's own alone.

use super::tags::Token;

/// So that it fits a line of a mail, of 998 bytes (RFC 5322, 2.1.1), with what has to be escaped of it in HTML.
const LONGEST: usize = 500;

/// Stands for a value where a line is looked at without what it will show.
const VALUE: char = '\u{fffc}';

/// A line with six conditions comes to so many.
const MOST_LINES: usize = 64;

/// The address, if the line is nothing but one; what is wrong with it, if it is one that can't become a link.
pub(super) fn alone(line: &str) -> Result<Option<&str>, String> {
    let line = line.trim();
    let has_scheme = |scheme: &str| line.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if line.contains(char::is_whitespace) || !(has_scheme("https://") || has_scheme("http://")) {
        return Ok(None);
    }
    let Some(rest) = line.strip_prefix("https://") else {
        return Err("an address that stands alone becomes a link, and begins with `https://`".to_owned());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b));
    if !is_host {
        return Err(
            "the address has no host, as in `https://bank.example/spring`: its letters are a to z, and no user or \
                    password stands before it"
                .to_owned(),
        );
    }
    if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b)) {
        return Err("the address has what has to be written by `%` and two digits".to_owned());
    }
    if line.len() > LONGEST {
        return Err(format!("the address has {} characters, and {LONGEST} are the most", line.len()));
    }
    Ok(Some(line))
}

/// What a reader sees of an address: without its scheme and what only machines read.
pub(super) fn label(url: &str) -> &str {
    let shown = url.trim_start_matches("https://");
    shown.split(['?', '#']).next().unwrap_or(shown).trim_end_matches('/')
}

/// Refuses a value within what mail clients make a link of, in HTML and in plain text: what is known of a customer would become a
/// part of it. That such a value becomes none by itself `apart` sees to.
pub(super) fn apart_from_values(tokens: &[Token<'_>]) -> Result<(), String> {
    let is_address = |word: &str| {
        let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != VALUE);
        ["//", "\\\\", "@"].iter().any(|mark| word.contains(mark)) || name.contains(['.', ':'])
    };
    let lines = Lines::of(tokens)?;
    if lines.iter().flat_map(|line| line.split_whitespace()).any(|word| word.contains(VALUE) && is_address(word)) {
        return Err(
            "a value can't be a part of an address, or of what looks like one: put a space between them".to_owned()
        );
    }
    Ok(())
}

/// All that a line may come to, whichever of its conditions hold.
#[derive(Default)]
struct Lines {
    /// Up to here.
    now: Vec<String>,
    /// For each condition that is open: before it, and with its branches so far.
    open: Vec<(Vec<String>, Vec<String>)>,
    /// Of conditions that were open before the line.
    other: Vec<String>,
}

impl Lines {
    fn of(tokens: &[Token<'_>]) -> Result<Vec<String>, String> {
        let mut lines = Self { now: vec![String::new()], ..Self::default() };
        for token in tokens {
            match token {
                Token::Text(text) => lines.now.iter_mut().for_each(|line| line.push_str(text)),
                Token::Show(_) => lines.now.iter_mut().for_each(|line| line.push(VALUE)),
                Token::If(_) => lines.open.push((lines.now.clone(), Vec::new())),
                Token::ElseIf(_) | Token::Else => lines.next_branch(),
                Token::EndIf => lines.end(),
                Token::Comment => {}
            }
            if lines.now.len() > MOST_LINES {
                return Err("there are too many conditions in one line: give them lines of their own".to_owned());
            }
        }
        let Self { now, open, other } = lines;
        let open = open.into_iter().flat_map(|(before, branches)| [before, branches].concat());
        Ok(now.into_iter().chain(other).chain(open).collect())
    }

    fn next_branch(&mut self) {
        match self.open.last_mut() {
            Some((before, branches)) => branches.append(&mut std::mem::replace(&mut self.now, before.clone())),
            None => self.other.append(&mut std::mem::replace(&mut self.now, vec![String::new()])),
        }
    }

    /// After a condition stands any of its branches, or none.
    fn end(&mut self) {
        let (before, branches) = self.open.pop().unwrap_or_else(|| (vec![String::new()], Vec::new()));
        self.now.extend(branches);
        self.now.extend(before);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tags::tokens_of, *};

    #[test]
    fn a_line_that_is_one_address_of_https_is_a_link() {
        for url in [
            "https://bank.example",
            "https://bank.example/spring?utm_source=mail&b=%C3%A9#top",
            "https://xn--bcher-kva.example:8443/",
        ] {
            assert_eq!(alone(url), Ok(Some(url)));
            assert_eq!(alone(&format!("  {url} ")), Ok(Some(url)));
        }
        for text in ["", "See https://bank.example", "bank.example", "https", "mailto:a@b.example"] {
            assert_eq!(alone(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_no_link_is_refused_with_what_is_wrong() {
        for (url, problem) in [
            ("http://bank.example", "begins with `https://`"),
            ("HTTPS://bank.example", "begins with `https://`"),
            ("https://", "has no host"),
            ("https:///spring", "has no host"),
            ("https://bank.example@evil.example", "no user or password"),
            ("https://bänk.example", "a to z"),
            ("https://bank.example/é", "by `%` and two digits"),
            ("https://bank.example/\"onclick", "by `%` and two digits"),
            ("https://bank.example/{{ name }}", "by `%` and two digits"),
            (&format!("https://bank.example/{}", "a".repeat(500)), "500 are the most"),
        ] {
            let found = alone(&url.replace(' ', "")).unwrap_err();
            assert!(found.contains(problem), "{url}: {found}");
        }
    }

    #[test]
    fn a_reader_sees_where_a_link_leads_and_not_how_it_is_counted() {
        assert_eq!(label("https://bank.example/spring/?utm_source=mail#top"), "bank.example/spring");
        assert_eq!(label("https://bank.example"), "bank.example");
    }

    #[test]
    fn no_value_stands_within_an_address() {
        let check = |line: &str| apart_from_values(&tokens_of(line).unwrap());
        for line in [
            "https://bank.example/{{ name }}",
            "www.{{ name }}",
            "{{ name }}.example",
            "{{ name }}@bank.example",
            "service@{{ band }}",
            "@{{ name }}",
            "{{ band }}:{{ name }}",
            r"\\{{ name }}",
            "//{{ name }}",
            "https://bank.example/{% if name %}a{% elif score %}{{ name }}{% endif %}",
            "{% if name %}{{ name }}{% else %}you{% endif %}.example",
            "{% if name %}{{ name }}{% if score %}!{% endif %}{% endif %}@bank.example",
            "{{ name }}{% else %}{% if score %}.{% endif %}{{ name }}",
            "{% if score %}a{% endif %}{% endif %}@{{ name }}",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
        for line in [
            "Hello {{ name }}.",
            "({{ name }}): {{ score }}/1000, {{ balance }}.-",
            "{{ name }} 様。",
            "お名前：{{ name }}",
            "{{ name }}'s {{ product }}s",
            "https://bank.example for {{ name }}",
            "{% if score %}You have {{ score }} points.{% else %}You have none.{% endif %}",
            "You owe nothing.{% endif %}",
            "{% if name %}Dear {{ name }}:{% else %}Hello:{% endif %}",
            "a.{% if name %}example{% endif %} {{ name }}",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
        let many = |count| "{% if name %}a{% endif %}".repeat(count);
        assert_eq!(check(&many(6)), Ok(()));
        assert!(check(&many(7)).unwrap_err().contains("too many conditions"));
    }
}
