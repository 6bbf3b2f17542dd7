use std::{fmt, str::FromStr};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::OrderKind;
use crate::{parse::ParseError, stable_hash::stable_hash};

/// An order's id: its kind, its second, and what tells it from others of that second, as in `redrive-20261126-211200-3f9a2c`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId {
    rank: String,
    kind: OrderKind,
}

impl OrderId {
    /// The id of an order that is given now, in these words by this person.
    #[must_use]
    pub fn new(kind: OrderKind, now: Timestamp, words: &str) -> Self {
        let digest = stable_hash("order", &format!("{kind} {now} {words}")) & 0xff_ffff;
        let second = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string();
        Self { rank: format!("{second}-{digest:06x}"), kind }
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("order", "is none: an order's id is one such as redrive-20261126-211200-3f9a2c");
        let at = text.len().checked_sub(22).filter(|at| text.is_char_boundary(*at)).ok_or_else(bad)?;
        let (kind, rank) = text.split_at(at);
        let kind = kind.strip_suffix('-').and_then(|kind| OrderKind::from_str(kind).ok()).ok_or_else(bad)?;
        let is_digit = |(at, letter): (usize, char)| match at {
            8 | 15 => letter == '-',
            0..15 => letter.is_ascii_digit(),
            _ => matches!(letter, '0'..='9' | 'a'..='f'),
        };
        if rank.char_indices().all(is_digit) { Ok(Self { rank: rank.to_owned(), kind }) } else { Err(bad()) }
    }

    /// Of which kind the order is.
    #[must_use]
    pub fn kind(&self) -> OrderKind {
        self.kind
    }

    /// What sorts orders of all kinds as they were given.
    #[must_use]
    pub fn rank(&self) -> &str {
        &self.rank
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.rank)
    }
}

impl TryFrom<String> for OrderId {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_sorts_as_it_was_given() {
        let at = |moment: &str| moment.parse::<Timestamp>().unwrap();
        for kind in OrderKind::ALL {
            let id = OrderId::new(*kind, at("2026-11-26T21:12:00.5Z"), "all by aoife");
            assert!(id.to_string().starts_with(&format!("{kind}-20261126-211200-")), "{id}");
            assert_eq!(OrderId::parse(&id.to_string()), Ok(id));
        }
        let [one, same, other, later] = [
            ("2026-11-26T21:12:00Z", "a"),
            ("2026-11-26T21:12:00Z", "a"),
            ("2026-11-26T21:12:00Z", "b"),
            ("2026-11-26T21:12:01Z", "a"),
        ]
        .map(|(moment, words)| OrderId::new(OrderKind::Redrive, at(moment), words));
        assert!(one == same && one != other && later > one && later > other);
    }

    #[test]
    fn what_is_no_id_is_none() {
        for bad in [
            "",
            "redrive",
            "20261126-211200-3f9a2c",
            "-20261126-211200-3f9a2c",
            "sleep-20261126-211200-3f9a2c",
            "redrive-20261126-211200-3F9A2C",
            "redrive-20261126_211200-3f9a2c",
            "redrive-2026112é-211200-3f9a2c",
        ] {
            assert!(OrderId::parse(bad).is_err(), "{bad}");
        }
    }
}
