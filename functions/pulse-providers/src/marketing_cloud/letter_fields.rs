//! A letter as fields of the send definition's data extension.
//!
//! A text field of a data extension has at most 4,000 characters (Marketing Cloud Engagement Developer Guide,
//! "Fields.Add": `MaxLength` of a Text field), and the letter has more. A mail with a value that is too long is accepted,
//! and dropped afterwards with error 17. So the HTML goes into four fields, which the send definition prints one after
//! the other, and a letter that doesn't fit isn't handed over. Whether a tenant's fields really are that long
//! can't be asked with the permissions that Pulse has.

use serde::Serialize;

/// In UTF-16 code units, as SQL Server counts `nvarchar` and as JavaScript counts characters. Marketing Cloud doesn't say
/// which it counts; no other usual way counts more.
pub(super) const LONGEST_FIELD: usize = 4_000;

/// The attributes that the send definition prints.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct LetterFields<'a> {
    subject: &'a str,
    html1: &'a str,
    html2: &'a str,
    html3: &'a str,
    html4: &'a str,
    text: &'a str,
    name: &'a str,
}

impl<'a> LetterFields<'a> {
    /// The fields of a letter.
    ///
    /// # Errors
    /// With what is too long, and by how much.
    pub(super) fn of(subject: &'a str, html: &'a str, text: &'a str, name: &'a str) -> Result<Self, String> {
        let (html1, rest) = split(html);
        let (html2, rest) = split(rest);
        let (html3, rest) = split(rest);
        let (html4, rest) = split(rest);
        if !rest.is_empty() {
            return Err(too_long("HTML", html, 4 * LONGEST_FIELD));
        }
        for (what, value) in [("subject", subject), ("text", text), ("name", name)] {
            if length(value) > LONGEST_FIELD {
                return Err(too_long(what, value, LONGEST_FIELD));
            }
        }
        Ok(Self { subject, html1, html2, html3, html4, text, name })
    }
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What goes into one field, and what is left.
fn split(text: &str) -> (&str, &str) {
    let mut length = 0;
    let end = text.char_indices().find_map(|(at, letter)| {
        length += letter.len_utf16();
        (length > LONGEST_FIELD).then_some(at)
    });
    text.split_at(end.unwrap_or(text.len()))
}

fn too_long(what: &str, value: &str, most: usize) -> String {
    let length = length(value);
    format!(
        "The mail's {what} has {length} characters, and the send definition's fields take {most}: shorten the letter."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(fields: &LetterFields<'_>) -> String {
        [fields.html1, fields.html2, fields.html3, fields.html4].concat()
    }

    #[test]
    fn the_fields_together_are_the_letter_and_none_is_too_long() {
        for letter in ["", "<p>short</p>", &"ä€🎉x".repeat(3_000), &"a".repeat(4 * LONGEST_FIELD)] {
            let fields = LetterFields::of("s", letter, "t", "n").unwrap();
            assert_eq!(html(&fields), letter);
            for part in [fields.html1, fields.html2, fields.html3, fields.html4] {
                assert!(length(part) <= LONGEST_FIELD);
            }
        }
    }

    #[test]
    fn a_letter_that_doesn_t_fit_is_refused_with_its_length() {
        let long = "🎉".repeat(2 * LONGEST_FIELD + 1);
        let problem = LetterFields::of("s", &long, "t", "n").unwrap_err();
        assert!(problem.contains("HTML has 16002 characters") && problem.contains("16000"), "{problem}");
        let long = "a".repeat(LONGEST_FIELD + 1);
        for (subject, text, name) in [(&*long, "t", "n"), ("s", &*long, "n"), ("s", "t", &*long)] {
            let problem = LetterFields::of(subject, "h", text, name).unwrap_err();
            assert!(problem.contains("4001 characters"), "{problem}");
        }
    }
}
