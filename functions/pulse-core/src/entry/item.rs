use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

const LONGEST: usize = 24;

/// What an entry of a campaign is about, where a customer has several, such as an invoice: 1 to 24 letters, digits, `-` or `_`.
///
/// It becomes an email tag and a part of keys, so it keeps to what all of them take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemId([u8; LONGEST]);

impl ItemId {
    /// The most letters that it has: with a customer's id and a campaign's name, the longest of 48 and of 24, and a letter between
    /// each two, it is an idempotency key, of which Marketing Cloud takes 100.
    pub const LONGEST: usize = LONGEST;

    /// Reads an item's id.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a character that an id can't have.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(ParseError::new("item", format!("must have 1 to {LONGEST} characters")));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !text.bytes().all(allowed) {
            return Err(ParseError::new("item", "may have only letters, digits, '-' and '_'"));
        }
        let mut id = [0; LONGEST];
        id[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(LONGEST);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for ItemId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_short_id_and_sorts_as_its_text_does() {
        let longest = "a".repeat(LONGEST);
        let texts = ["-", "A-1", "A-10", "B", "_", "a", &longest];
        let ids = texts.map(|text| ItemId::parse(text).unwrap());
        assert!(texts.is_sorted() && ids.is_sorted() && ids.iter().map(ItemId::as_str).eq(texts), "{ids:?}");
        for bad in ["", "a b", "a.b", "a/b", "a#b", "a,b", "é", "a\0", &"a".repeat(LONGEST + 1)] {
            assert!(ItemId::parse(bad).is_err(), "{bad}");
        }
    }
}
