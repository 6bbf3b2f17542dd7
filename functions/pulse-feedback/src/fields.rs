//! Reading JSON of strangers: what is looked for is there and of its form, or it isn't.

use jiff::Timestamp;
use pulse_core::{customer::EmailAddress, failure::Cause, ports::PayloadError, stable_hash::hex_digest};
use serde_json::Value;

/// Text at a path, if there is any.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A number at a path, which some providers write as text.
pub(crate) fn number(value: &Value, path: &str) -> Option<f64> {
    let found = value.pointer(path)?;
    found.as_f64().or_else(|| found.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// The members of a list at a path; none if there is no list.
pub(crate) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An address, also in angle brackets, if it is one.
pub(crate) fn address(text: &str) -> Option<EmailAddress> {
    let bare = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end().trim_end_matches('>'));
    EmailAddress::parse(bare.trim()).ok()
}

/// A moment in seconds since 1970, with decimals.
#[expect(clippy::cast_possible_truncation, reason = "what doesn't fit saturates, and is then no moment")]
pub(crate) fn of_seconds(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

/// An id of a provider that may be shown: what could be an address isn't one.
pub(crate) fn shown_id(id: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+=".contains(c);
    (!id.is_empty() && id.len() <= 128 && id.chars().all(is_plain)).then(|| id.to_owned())
}

/// The id of a message: the provider's, or else one that is always the same for the same body.
pub(crate) fn id_or_digest(id: Option<&str>, body: &str) -> String {
    id.and_then(shown_id).unwrap_or_else(|| format!("body-{}", &hex_digest(body)[..32]))
}

pub(crate) fn forged(cause: &str) -> PayloadError {
    PayloadError::Forged(Cause::new(cause))
}

pub(crate) fn unreadable(cause: impl Into<String>) -> PayloadError {
    PayloadError::Unreadable(Cause::new(cause))
}

/// A body as JSON. Where it breaks off is told; what stands there isn't.
pub(crate) fn json(body: &str) -> Result<Value, PayloadError> {
    serde_json::from_str(body)
        .map_err(|error| unreadable(format!("it is no JSON: line {}, column {}", error.line(), error.column())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_be_an_address_is_replaced_by_one_that_stays_the_same() {
        assert_eq!(id_or_digest(Some("0100-ab"), "x"), "0100-ab");
        for strange in [None, Some(""), Some("ada@example.com"), Some("a b"), Some("a\nb")] {
            assert_eq!(id_or_digest(strange, "x"), id_or_digest(None, "x"));
            assert_ne!(id_or_digest(strange, "x"), id_or_digest(strange, "y"));
        }
    }

    #[test]
    fn an_address_is_found_with_a_name_before_it() {
        let of = |text| address(text).map(String::from);
        assert_eq!(of("Ada <ada@example.com>"), of("ada@example.com"));
        assert!(of("ada@example.com").is_some() && of("Ada").is_none());
    }
}
