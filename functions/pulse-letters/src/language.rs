//! The languages that there are letters in.

use icu_locale::{LanguageIdentifier, LocaleExpander};
use pulse_core::customer::Locale;

/// What `infra/email` has of one language.
pub(crate) struct Texts {
    /// The folder's name: a tag as in `ar` or `zh-Hant`.
    pub(crate) tag: &'static str,
    /// The words of the monthly letter.
    pub(crate) phrases: &'static str,
    /// The words of all letters.
    pub(crate) common: &'static str,
    /// The monthly letter as plain text.
    pub(crate) text: &'static str,
}

/// One for each folder of `infra/email`, put together by `build.rs`.
pub(crate) static ALL: &[Texts] = &include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// What customers are written in whose language has no letters.
pub const FALLBACK: &str = "en";

/// The languages that letters are written in, by their tags.
pub fn languages() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|texts| texts.tag)
}

/// The language that a customer's letter is written in, or nothing where there is none that they read:
/// then it is in [`FALLBACK`].
///
/// That is one of their own language and script (by CLDR's likely subtags: `ar-EG` and `ar` are both Arabic in Arabic
/// letters, `zh-TW` is Chinese in traditional ones), of their region if there is such a one.
#[must_use]
pub fn language_of(locale: &Locale) -> Option<&'static str> {
    best(locale, ALL.iter().map(|texts| texts.tag))
}

/// Which of these languages a customer reads best, if any.
pub(crate) fn best<'a>(locale: &Locale, languages: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = maximized(locale.canonical().as_str())?;
    let readable = languages.filter_map(|tag| Some((tag, maximized(tag)?)));
    let readable = readable.filter(|(_, has)| has.language == wanted.language && has.script == wanted.script);
    // Of those that fit equally, the one with the shortest tag, which is the language's own.
    readable.min_by_key(|(tag, has)| (has.region != wanted.region, tag.len())).map(|(tag, _)| tag)
}

fn maximized(tag: &str) -> Option<LanguageIdentifier> {
    let mut id = LanguageIdentifier::try_from_str(tag).ok()?;
    LocaleExpander::new_common().maximize(&mut id);
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(tag: &str) -> Locale {
        Locale::try_from(tag.to_owned()).unwrap()
    }

    #[test]
    fn a_customer_is_written_to_in_their_language_or_else_in_none() {
        for (tag, language) in [
            ("ar-EG", Some("ar")),
            ("ar", Some("ar")),
            ("ar-Arab-001", Some("ar")),
            ("ja-JP", Some("ja")),
            ("JA", Some("ja")),
            ("en-ZA", Some("en")),
            ("tr-TR", None),
            ("fa-IR", None),
            // Arabic, but not in letters that the Arabic letter is written in.
            ("ar-Latn-MA", None),
            ("und", None),
            // As earlier releases kept them.
            ("eng-UK", Some("en")),
            ("xx-YY", None),
        ] {
            assert_eq!(best(&locale(tag), ["ar", "en", "ja"].into_iter()), language, "{tag}");
        }
    }

    #[test]
    fn a_language_s_scripts_and_regions_are_told_apart() {
        let best = |tag| best(&locale(tag), ["pt", "pt-PT", "zh", "zh-Hant"].into_iter());
        assert_eq!(best("zh-TW"), Some("zh-Hant"));
        assert_eq!(best("zh-SG"), Some("zh"));
        assert_eq!(best("pt-PT"), Some("pt-PT"));
        assert_eq!(best("pt-BR"), Some("pt"));
        assert_eq!(best("pt-AO"), Some("pt"));
        assert_eq!(best("en"), None);
    }

    #[test]
    fn the_fallback_is_among_the_languages_and_each_tag_is_one() {
        assert!(languages().any(|tag| tag == FALLBACK));
        for tag in languages() {
            assert_eq!(language_of(&locale(tag)), Some(tag));
        }
    }
}
