//! A campaign's letter as it is typed: files, one for each of its languages.

use std::{fs::File, io::Read as _, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Result};
use pulse_core::{campaign::CampaignLetter, customer::Locale, parse::ParseError};
use pulse_letters::FALLBACK;

/// No letter is as long, in bytes; more isn't read.
const MOST: u64 = 1024 * 1024;

/// What `--letter` takes: `spring.ja.txt`, or `ja=spring.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterFile {
    language: String,
    path: PathBuf,
}

impl FromStr for LetterFile {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_tag = |tag: &str| tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        match text.split_once('=') {
            Some((tag, path)) if is_tag(tag) => {
                Ok(Self { language: Locale::parse(tag)?.to_string(), path: path.into() })
            }
            _ => Ok(Self { language: language_of(text)?.unwrap_or_else(|| FALLBACK.to_owned()), path: text.into() }),
        }
    }
}

/// The language that a file's name ends in, before its extension. Of two letters: `spring.new.txt` isn't in Newari.
///
/// # Errors
/// When two letters are there that no language has: `spring.jp.txt` isn't meant for those who read English.
fn language_of(path: &str) -> Result<Option<String>, ParseError> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let tag = name.rsplit_once('.').and_then(|(stem, _)| stem.rsplit_once('.')).map(|(_, tag)| tag);
    let is_language = |tag: &&str| {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    tag.filter(is_language).map(|tag| Locale::parse(tag).map(String::from)).transpose()
}

/// Reads a letter from its files; the first is what customers get whose language isn't among them.
///
/// # Errors
/// When a file can't be read or isn't UTF-8, or what the files say is no letter.
pub fn read(files: &[LetterFile]) -> Result<CampaignLetter> {
    let text = |LetterFile { language, path }: &LetterFile| {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
        read.with_context(|| format!("{} can't be read", path.display()))?;
        let text = String::from_utf8(bytes).ok();
        let text = text.with_context(|| format!("{} isn't UTF-8 text: save it as UTF-8", path.display()))?;
        Ok((language.clone(), text))
    };
    Ok(CampaignLetter::parse(files.iter().map(text).collect::<Result<Vec<_>>>()?)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_files_language_is_given_or_in_its_name_or_english() {
        for (text, language, path) in [
            ("spring.txt", "en", "spring.txt"),
            ("letters/spring.ja.txt", "ja", "letters/spring.ja.txt"),
            ("spring.pt_br.txt", "pt-BR", "spring.pt_br.txt"),
            ("ja=spring.txt", "ja", "spring.txt"),
            ("zh-hant=spring.en.txt", "zh-Hant", "spring.en.txt"),
            // What follows no language, or looks like one of three letters.
            ("spring.v2.txt", "en", "spring.v2.txt"),
            ("spring.new.txt", "en", "spring.new.txt"),
            ("spring.ja", "en", "spring.ja"),
            ("./a=b.txt", "en", "./a=b.txt"),
            ("letters.ja/spring.txt", "en", "letters.ja/spring.txt"),
        ] {
            let file: LetterFile = text.parse().unwrap();
            assert_eq!((&*file.language, file.path.to_str()), (language, Some(path)), "{text}");
        }
        for text in ["jp=spring.txt", "spring.jp.txt"] {
            assert!(text.parse::<LetterFile>().unwrap_err().to_string().contains("no language"), "{text}");
        }
    }

    #[test]
    fn a_letter_is_read_from_its_files_and_an_error_names_the_file_or_the_language() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().parse::<LetterFile>().unwrap()
        };
        let [en, ja] =
            ["spring.en.txt", "spring.ja.txt"].map(|name| file(name, "Subject: 春\n\n春です。\n".as_bytes()));
        let letter = read(&[ja.clone(), en]).unwrap();
        assert_eq!(letter.texts().iter().map(|text| text.language().as_str()).collect::<Vec<_>>(), ["ja", "en"]);

        let problem = |files: &[LetterFile]| format!("{:#}", read(files).unwrap_err());
        assert!(problem(&[ja.clone(), file("latin.txt", b"Subject: caf\xe9")]).contains("latin.txt isn't UTF-8"));
        assert!(problem(&[ja, file("bad.de.txt", b"Spring")]).starts_with("the letter in de, line 1: "));
        let missing = folder.path().join("none.txt").to_str().unwrap().parse().unwrap();
        assert!(problem(&[missing]).contains("none.txt can't be read"));
        assert!(problem(&[]).contains("there is no letter"));
    }
}
