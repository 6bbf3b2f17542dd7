use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{customer::Locale, parse::ParseError, stable_hash::hex_digest};

/// The most bytes of a letter in all its languages. It is kept in one item of the ledger, which takes 400 KB (Amazon
/// DynamoDB Developer Guide, "Quotas").
const LONGEST: usize = 64 * 1024;

const SUBJECT: &str = "Subject:";

/// What a campaign writes to its customers, in one language or several: text in which values may stand, such as
/// `{{ name }}`. Which ones there are is the renderer's to say.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<KeptText>", into = "Vec<KeptText>")]
pub struct CampaignLetter {
    /// One at least.
    texts: Vec<LetterText>,
}

/// A letter in one language.
#[derive(Clone, PartialEq, Eq)]
pub struct LetterText {
    language: Locale,
    subject: String,
    body: String,
}

/// A text as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptText {
    language: String,
    text: String,
}

/// Why a letter can't be taken: in which language and line, and what to do. It quotes nothing of the text but the words
/// within its tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// There is no text at all.
    #[error("there is no letter: a campaign has one, in one language at least")]
    Missing,
    /// A language that isn't known.
    #[error("{tag:?} is no language for a letter: {problem}")]
    Language {
        /// What was to be one.
        tag: String,
        /// Why it isn't.
        problem: ParseError,
    },
    /// Two texts in the same language.
    #[error("there are two letters in {0}: leave one out")]
    Twice(Locale),
    /// More than is kept.
    #[error("the letter has {bytes} bytes in all its languages, and {LONGEST} are the most: shorten it")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// A line that can't stand as it is.
    #[error("the letter in {language}, line {line}: {problem}")]
    Line {
        /// Of which text.
        language: Locale,
        /// Which line of the file, counted from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A text that can't stand as it is.
    #[error("the letter in {language}: {problem}")]
    Text {
        /// Which text.
        language: Locale,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl CampaignLetter {
    /// Reads texts by the tags of their languages, such as `en`. Customers whose language isn't there get the first.
    ///
    /// A text's first line is `Subject: ` and the subject, its second is empty, and from its third on it is what the letter
    /// says, in paragraphs with empty lines between them.
    ///
    /// # Errors
    /// When there is none, one is of another form, two are in the same language, or they are too long together.
    pub fn parse<T: AsRef<str>, F: AsRef<str>>(texts: impl IntoIterator<Item = (T, F)>) -> Result<Self, LetterError> {
        let mut parsed: Vec<LetterText> = Vec::new();
        for (tag, file) in texts {
            let text = LetterText::parse(tag.as_ref(), file.as_ref())?;
            if parsed.iter().any(|other| other.language == text.language) {
                return Err(LetterError::Twice(text.language));
            }
            parsed.push(text);
        }
        let bytes = parsed.iter().map(|text| text.subject.len() + text.body.len()).sum();
        match parsed.len() {
            0 => Err(LetterError::Missing),
            _ if bytes > LONGEST => Err(LetterError::TooLong { bytes }),
            _ => Ok(Self { texts: parsed }),
        }
    }

    /// The texts; the first is the fallback.
    #[must_use]
    pub fn texts(&self) -> &[LetterText] {
        &self.texts
    }

    /// What customers get whose language has no text.
    #[must_use]
    pub fn fallback(&self) -> &LetterText {
        &self.texts[0]
    }

    /// SHA-256 of all that it says and in which languages, in hexadecimal: two letters of one digest are the same letter.
    #[must_use]
    pub fn digest(&self) -> String {
        // No text has a NUL.
        let parts = self.texts.iter().flat_map(|text| [text.language.as_str(), &text.subject, &text.body]);
        hex_digest(&parts.collect::<Vec<_>>().join("\0"))
    }
}

impl LetterText {
    /// The line of the file that [`LetterText::body`] begins in.
    pub const FIRST_LINE: usize = 3;

    fn parse(tag: &str, file: &str) -> Result<Self, LetterError> {
        let language = Locale::parse(tag)
            .map_err(|problem| LetterError::Language { tag: tag.chars().take(32).collect(), problem })?;
        let at = |line: usize, problem: &str| Err(LetterError::at(&language, line, problem));
        let file = file.strip_prefix('\u{feff}').unwrap_or(file).replace("\r\n", "\n").replace('\t', " ");
        let lines: Vec<&str> = file.trim_end().split('\n').map(str::trim_end).collect();
        let is_stray = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if let Some(line) = lines.iter().position(|line| line.contains(is_stray)) {
            return at(line + 1, "it has a control character, which no mail shows: take it out");
        }
        let (first, rest) = lines.split_at(1);
        let Some((head, subject)) = first[0].split_at_checked(SUBJECT.len()) else {
            return at(1, "it must be `Subject: ` and the subject");
        };
        match (rest, subject.trim()) {
            _ if !head.eq_ignore_ascii_case(SUBJECT) => at(1, "it must be `Subject: ` and the subject"),
            (_, "") => at(1, "the subject is empty: say what the letter is about"),
            ([], _) => at(Self::FIRST_LINE, "there is no text: it begins here, after an empty line"),
            (["", "", ..], _) => at(3, "the text begins here, after one empty line: take others out"),
            (["", body @ ..], subject) => Ok(Self { subject: subject.to_owned(), body: body.join("\n"), language }),
            _ => at(2, "it must be empty: the text begins in the third line"),
        }
    }

    /// The language it is written in.
    #[must_use]
    pub fn language(&self) -> &Locale {
        &self.language
    }

    /// The subject, one line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What the letter says: lines that end in `\n`, but for the last, none with white space at its end.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl LetterError {
    /// Says what is wrong with a line of a file, counted from 1.
    pub fn at(language: &Locale, line: usize, problem: impl Into<String>) -> Self {
        Self::Line { language: language.clone(), line, problem: problem.into() }
    }

    /// Says what is wrong with a text as a whole.
    pub fn of(language: &Locale, problem: impl Into<String>) -> Self {
        Self::Text { language: language.clone(), problem: problem.into() }
    }
}

impl fmt::Debug for CampaignLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CampaignLetter").field(&self.texts).finish()
    }
}

impl fmt::Debug for LetterText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LetterText({}, {} bytes)", self.language, self.body.len())
    }
}

impl TryFrom<Vec<KeptText>> for CampaignLetter {
    type Error = LetterError;

    fn try_from(texts: Vec<KeptText>) -> Result<Self, Self::Error> {
        Self::parse(texts.into_iter().map(|KeptText { language, text }| (language, text)))
    }
}

impl From<CampaignLetter> for Vec<KeptText> {
    fn from(letter: CampaignLetter) -> Self {
        let kept = |LetterText { language, subject, body }| KeptText {
            language: language.into(),
            text: format!("{SUBJECT} {subject}\n\n{body}\n"),
        };
        letter.texts.into_iter().map(kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPRING: &str = "Subject: Spring is here\n\nDear customer,\n\nspring is here.\n";

    fn of(file: &str) -> Result<CampaignLetter, LetterError> {
        CampaignLetter::parse([("en", file)])
    }

    #[test]
    fn a_text_is_a_subject_an_empty_line_and_paragraphs() {
        let letter = of(SPRING).unwrap();
        let text = letter.fallback();
        assert_eq!((text.language().as_str(), text.subject()), ("en", "Spring is here"));
        assert_eq!(text.body(), "Dear customer,\n\nspring is here.");
    }

    #[test]
    fn what_editors_of_other_systems_write_is_the_same_letter() {
        for file in [
            "\u{feff}Subject: Spring is here\r\n\r\nDear customer,\r\n\r\nspring is here.",
            "subject:Spring is here  \n \nDear customer,  \n\t\nspring\tis here.\n\n\n",
        ] {
            assert_eq!(of(file), of(SPRING), "{file:?}");
        }
    }

    #[test]
    fn an_error_names_the_language_the_line_and_what_to_do() {
        for (file, error) in [
            ("", "line 1: it must be `Subject: ` and the subject"),
            ("Dear customer,", "line 1: it must be `Subject: ` and the subject"),
            ("Subject: \n\nDear", "line 1: the subject is empty: say what the letter is about"),
            ("Subject: Spring", "line 3: there is no text: it begins here, after an empty line"),
            ("Subject: Spring\n\n \n", "line 3: there is no text: it begins here, after an empty line"),
            ("Subject: Spring\nDear", "line 2: it must be empty: the text begins in the third line"),
            ("Subject: Spring\n\n\nDear", "line 3: the text begins here, after one empty line: take others out"),
            ("Subject: Spring\n\nDe\u{2028}ar", "line 3: it has a control character, which no mail shows: take it out"),
            ("Subject: a\rb\n\nDear", "line 1: it has a control character, which no mail shows: take it out"),
        ] {
            assert_eq!(of(file).unwrap_err().to_string(), format!("the letter in en, {error}"), "{file:?}");
        }
    }

    #[test]
    fn each_language_is_there_once_by_its_canonical_tag_and_the_first_is_the_fallback() {
        let parse = |tags: &[&str]| CampaignLetter::parse(tags.iter().map(|tag| (tag, SPRING)));
        let letter = parse(&["ja", "pt_BR"]).unwrap();
        assert_eq!(letter.fallback().language().as_str(), "ja");
        assert_eq!(letter.texts()[1].language().as_str(), "pt-BR");
        let error = |tags: &[&str]| parse(tags).unwrap_err().to_string();
        assert_eq!(error(&[]), "there is no letter: a campaign has one, in one language at least");
        assert_eq!(error(&["en", "EN"]), "there are two letters in en: leave one out");
        assert!(
            error(&["en", "english"]).starts_with("\"english\" is no language for a letter: locale is not a language")
        );
    }

    #[test]
    fn all_languages_together_fit_a_row_of_the_ledger() {
        let half = format!("Subject: S\n\n{}", "é".repeat(LONGEST / 4 - 1));
        let two = |last: &str| CampaignLetter::parse([("en", half.clone()), ("ja", format!("{half}{last}"))]);
        assert!(two("é").is_ok());
        assert_eq!(two("éé"), Err(LetterError::TooLong { bytes: LONGEST + 2 }));
    }

    #[test]
    fn a_digest_is_of_the_texts_their_languages_and_their_order() {
        let digest = |texts: &[(&str, &str)]| CampaignLetter::parse(texts.iter().copied()).unwrap().digest();
        // A change here would make another letter of one that is kept.
        assert_eq!(digest(&[("en", SPRING)]), "fade1a873382e21b0a345bfe763607b2cfa1c42cc849564e706e6ccf25c7c933");
        let ja = "Subject: 春\n\n春です。";
        let all = [
            digest(&[("en", SPRING)]),
            digest(&[("en-GB", SPRING)]),
            digest(&[("en", SPRING), ("ja", ja)]),
            digest(&[("ja", ja), ("en", SPRING)]),
            digest(&[("en", "Subject: Spring is here\n\nDear customer,\n\nspring is here!")]),
            digest(&[("en", "Subject: Spring\n\nis here\n\nDear customer,\n\nspring is here.")]),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn neither_a_letter_nor_its_errors_show_what_it_says() {
        let letter = of(SPRING).unwrap();
        assert_eq!(format!("{letter:?}"), "CampaignLetter([LetterText(en, 31 bytes)])");
        assert!(!format!("{:?}", of("Subject: secret\nsecret")).contains("secret"));
    }

    proptest! {
        #[test]
        fn a_letter_is_kept_as_it_is(body in "[ -~\u{e9}\u{65e5}\u{202e}\n\t]{0,200}", subject in "[ -~\u{e9}]{0,40}") {
            let Ok(letter) = of(&format!("Subject: {subject}\n\n{body}")) else { return Ok(()) };
            let kept = serde_json::to_string(&letter).unwrap();
            let read: CampaignLetter = serde_json::from_str(&kept).unwrap();
            prop_assert_eq!(read.digest(), letter.digest());
            prop_assert_eq!(read, letter);
        }
    }
}
