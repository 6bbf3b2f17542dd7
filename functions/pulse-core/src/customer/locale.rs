use std::fmt;

use icu_locale::{LanguageIdentifier, Locale as IcuLocale, LocaleCanonicalizer, LocaleDirectionality, LocaleExpander};
use serde::{Deserialize, Serialize};

use super::tables::REGIONS;
use crate::parse::ParseError;

/// A language tag such as `en-GB`: which language a customer reads, and how dates and numbers are written for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

impl Locale {
    /// Reads a language with optional script and region (`de`, `pt-BR`, `zh-Hant-TW`), in any case, and as POSIX writes it
    /// (`en_GB.UTF-8`).
    ///
    /// What comes of it is canonical (UTS #35, "Canonicalizing Syntax" and the aliases of Unicode CLDR): `iw-IL` is
    /// `he-IL`, `eng-UK` is `en-GB`. Variants and extensions say nothing that a letter heeds, and are left out.
    ///
    /// # Errors
    /// When the text is no such tag, or names a language, script or region that CLDR doesn't know.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("locale", problem));
        let Some(id) = canonical(text) else {
            return bad("is not a language tag such as en-GB");
        };
        if !knows_language(&id) {
            return bad("names no language that Unicode CLDR knows; a tag begins with one, as en-GB does");
        }
        // A script is known that has a direction.
        if id.script.is_some_and(|script| LocaleDirectionality::new_common().get(&Some(script).into()).is_none()) {
            return bad("names no script that Unicode CLDR knows");
        }
        if id.region.is_some_and(|region| !REGIONS.split(' ').any(|known| known == region.as_str())) {
            return bad("names no region that Unicode CLDR knows; en-GB names GB");
        }
        Ok(Self(id.to_string()))
    }

    /// The tag as [`Locale::parse`] writes it today; as it is where that doesn't take it.
    ///
    /// A profile keeps the tag that was canonical when it was written, and those of earlier releases any.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self::parse(&self.0).unwrap_or_else(|_| self.clone())
    }

    /// The region of the tag, by two letters or three digits, if it has one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let is_region =
            |part: &&str| part.len() == 2 || part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
        self.0.split('-').skip(1).find(is_region)
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn canonical(text: &str) -> Option<LanguageIdentifier> {
    let tag = text.split('.').next().unwrap_or_default().replace('_', "-");
    let mut locale = IcuLocale::try_from_str(extended_language(&tag)).ok()?;
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    let LanguageIdentifier { language, script, region, .. } = locale.id;
    Some((language, script, region).into())
}

/// The languages that are written after `zh-` (IANA Language Subtag Registry, "extlang"). Other three letters there are a
/// country, such as `USA`, and no tag.
const CHINESE: [&str; 16] =
    ["cdo", "cjy", "cmn", "cnp", "cpx", "csp", "czh", "czo", "gan", "hak", "hsn", "lzh", "mnp", "nan", "wuu", "yue"];

/// `cmn-TW` of `zh-cmn-TW`: an extended language stands for itself (RFC 5646, 4.5).
fn extended_language(tag: &str) -> &str {
    let is_chinese = |part: &str| CHINESE.iter().any(|language| part.eq_ignore_ascii_case(language));
    match tag.split_once('-') {
        Some((zh, rest)) if zh.eq_ignore_ascii_case("zh") && rest.split('-').next().is_some_and(is_chinese) => rest,
        _ => tag,
    }
}

/// A language is known that has a likely script. `und`, which leaves the language open, is no mistake.
fn knows_language(id: &LanguageIdentifier) -> bool {
    id.language.is_unknown() || LocaleExpander::new_extended().get_likely_script(&id.language.into()).is_some()
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Of a profile: what was taken once is taken.
impl TryFrom<String> for Locale {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(ParseError::new("locale", "is not a language tag such as en-GB"));
        }
        Ok(Self(text))
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        Locale::parse(text).map(String::from).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tag_is_written_the_canonical_way() {
        for (text, canonical) in [
            ("de", "de"),
            ("EN-gb", "en-GB"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("gsw-CH", "gsw-CH"),
            ("nb-NO", "nb-NO"),
            ("no-NO", "no-NO"),
            ("sr-ME", "sr-ME"),
            ("en-EU", "en-EU"),
            ("und", "und"),
            // Languages that were renamed, or have a shorter code.
            ("iw-IL", "he-IL"),
            ("in-ID", "id-ID"),
            ("ji-US", "yi-US"),
            ("jw-ID", "jv-ID"),
            ("tl-PH", "fil-PH"),
            ("mo-MD", "ro-MD"),
            ("sh-RS", "sr-Latn-RS"),
            ("cnr", "sr-ME"),
            ("deu-DE", "de-DE"),
            ("ger-DE", "de-DE"),
            ("eng-GB", "en-GB"),
            ("cmn-CN", "zh-CN"),
            ("zh-cmn", "zh"),
            ("zh-yue-HK", "yue-HK"),
            // Regions.
            ("en-UK", "en-GB"),
            ("en-840", "en-US"),
            ("fr-250", "fr-FR"),
            ("de-276", "de-DE"),
            ("de-DD", "de-DE"),
            ("sr-YU", "sr-RS"),
            ("ru-SU", "ru-RU"),
            // As POSIX writes it, and with what a letter doesn't heed.
            ("en_GB", "en-GB"),
            ("pt_BR.UTF-8", "pt-BR"),
            ("ca-ES-valencia", "ca-ES"),
            ("de-CH-1996", "de-CH"),
            ("th-TH-u-nu-thai", "th-TH"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_that_is_known_is_refused_and_says_which_part() {
        for text in [
            "",
            "e",
            "en-",
            "-GB",
            "english",
            "en-GB-x",
            "12-GB",
            "en GB",
            "C",
            "de_DE@euro",
            "en--GB",
            "en-USA",
            "ar-EGY",
        ] {
            assert_eq!(read(text), Err("locale is not a language tag such as en-GB".to_owned()), "{text}");
        }
        for (text, part) in [("xx-YY", "language"), ("jp-JP", "language"), ("zz", "language"), ("qaa", "language")] {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
        for (text, part) in [("en-YY", "region"), ("en-EN", "region"), ("ja-JA", "region"), ("en-999", "region")] {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
        assert!(read("en-Xyzw-GB").unwrap_err().contains("script"));
    }

    #[test]
    fn a_profile_of_an_earlier_release_is_read_and_made_canonical() {
        let stored = |text: &str| serde_json::from_str::<Locale>(&format!("{text:?}")).unwrap();
        assert_eq!(stored("iw-IL").as_str(), "iw-IL");
        assert_eq!(stored("iw-IL").canonical().as_str(), "he-IL");
        assert_eq!(stored("xx-YY").canonical().as_str(), "xx-YY");
        assert!(serde_json::from_str::<Locale>("\"\"").is_err());
    }
}
