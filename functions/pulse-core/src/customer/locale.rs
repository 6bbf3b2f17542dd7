use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// A BCP 47 language tag such as `en-GB`: how dates and numbers are written for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

impl Locale {
    /// Reads a language with optional script and region: `de`, `pt-BR`, `zh-Hant-TW`.
    ///
    /// # Errors
    /// When the text isn't of that form.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("locale", "is not a language tag such as en-GB");
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let letters = |part: &str| part.chars().all(|c| c.is_ascii_alphabetic());
        if !matches!(language.len(), 2 | 3) || !letters(language) {
            return Err(bad());
        }
        let rest: Vec<&str> = parts.collect();
        let is_script = |part: &str| part.len() == 4 && letters(part);
        let is_region = |part: &str| {
            part.len() == 2 && letters(part) || part.len() == 3 && part.chars().all(|c| c.is_ascii_digit())
        };
        match rest.as_slice() {
            [] => {}
            [part] if is_script(part) || is_region(part) => {}
            [script, region] if is_script(script) && is_region(region) => {}
            _ => return Err(bad()),
        }
        Ok(Self(text.to_owned()))
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Locale {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
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

    #[test]
    fn language_tags_are_taken_and_the_rest_refused() {
        for good in ["de", "en-GB", "zh-Hant-TW", "es-419", "gsw-CH"] {
            assert!(Locale::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "en_GB", "en-", "english", "en-GB-x", "12-GB"] {
            assert!(Locale::parse(bad).is_err(), "{bad}");
        }
    }
}
