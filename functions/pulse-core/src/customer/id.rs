use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// A customer's id: 1 to 48 letters, digits, `-` or `_`.
///
/// It becomes a schedule's name (at most 64 characters, `EventBridge` Scheduler API Reference,
/// `CreateSchedule`), an email tag and part of a message key, so it keeps to what all of them take.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerId(Text);

/// The longest id that is kept in place: with its length and which form it is, three words.
const SHORT: usize = 22;

/// An id has always the same of these forms. Most are short, and lists of millions are walked through.
#[derive(Clone, PartialEq, Eq)]
enum Text {
    /// Zeros follow, which sort before all that an id may have.
    Short {
        bytes: [u8; SHORT],
        length: u8,
    },
    Long(Arc<str>),
}

impl CustomerId {
    /// Reads a customer id.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a character that an id can't have.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > 48 {
            return Err(ParseError::new("customer id", "must have 1 to 48 characters"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !text.chars().all(allowed) {
            return Err(ParseError::new("customer id", "may have only letters, digits, '-' and '_'"));
        }
        let mut bytes = [0; SHORT];
        Ok(Self(match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(short), Ok(length)) => {
                short.copy_from_slice(text.as_bytes());
                Text::Short { bytes, length }
            }
            _ => Text::Long(text.into()),
        }))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { bytes, length } => str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default(),
            Text::Long(text) => text,
        }
    }
}

impl Ord for CustomerId {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Text::Short { bytes, .. }, Text::Short { bytes: others, .. }) => bytes.cmp(others),
            _ => self.as_str().cmp(other.as_str()),
        }
    }
}

impl PartialOrd for CustomerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for CustomerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomerId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for CustomerId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_its_text_and_sorts_as_it(texts in ["[Aa_0-]{1,48}", "[Aa_0-]{21,24}", "[Aa_0-]{1,3}"], other in "[Aa_0-]{1,24}") {
            for text in texts {
                let [one, two] = [&text, &other].map(|text| CustomerId::parse(text).unwrap());
                prop_assert_eq!(one.as_str(), &text);
                prop_assert_eq!(one.cmp(&two), text.cmp(&other));
                prop_assert_eq!(one == two, text == other);
                prop_assert_eq!(format!("{one:?}"), format!("CustomerId({text:?})"));
            }
        }
    }
}
