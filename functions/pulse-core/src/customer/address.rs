use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    keys::{KeyId, KeyRing, Purpose},
    parse::ParseError,
    stable_hash::{hex, hex_digest},
};

/// An email address that a provider will take. Never shown by `Debug`, and it has no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address: one `@`, a local part of at most 64 characters, a domain of two labels or
    /// more, and nothing that could end a header line or start another recipient.
    ///
    /// # Errors
    /// When the text isn't such an address.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: &str| ParseError::new("email address", problem);
        if text.len() > 254 {
            return Err(bad("is longer than 254 characters"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| bad("has no '@'"))?;
        if !is_local_part(local) {
            return Err(bad("has a part before '@' that providers refuse"));
        }
        if !is_domain(domain) {
            return Err(bad("has no valid domain after '@'"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address, for a provider's eyes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A digest of the address in lower case, made with a key of the deployment: without the key, nobody finds out whose it
    /// is by trying addresses. None if there is no such key.
    #[must_use]
    pub fn keyed_digest(&self, keys: &KeyRing, id: KeyId) -> Option<String> {
        let code = keys.code(id, Purpose::Suppression, &self.0.to_lowercase())?;
        Some(format!("{id}-{}", hex(&code)))
    }

    /// SHA-256 of the address in lower case: how early releases kept a suppressed address.
    #[must_use]
    pub fn digest(&self) -> String {
        hex_digest(&self.0.to_lowercase())
    }
}

fn is_local_part(local: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    (1..=64).contains(&local.len())
        && local.chars().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

/// How a customer can be reached. A customer whose address is no address is still a customer: the
/// month's entry says so instead of leaving them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// An address that can be mailed.
    Email(EmailAddress),
    /// What the roster gave is no address. The text isn't kept.
    Unusable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken() {
        for good in ["a@b.co", "o'brien+loans@mail.example.co.uk", "x_y.z-1@a-b.example"] {
            assert!(EmailAddress::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_could_break_a_header_or_name_a_second_recipient_is_refused() {
        let bad = [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@b.co\r\nBcc: x@y.zz",
            "a@b.co,c@d.ee",
            "<a@b.co>",
            "a..b@c.de",
            ".a@c.de",
            "a@-b.co",
            "a@b..co",
            "a@b.co ",
            "\"a\"@b.co",
        ];
        for bad in bad {
            assert!(EmailAddress::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_address() {
        let address = EmailAddress::parse("ada@example.com").unwrap();
        assert_eq!(format!("{:?}", Contact::Email(address)), "Email(EmailAddress(..))");
    }

    #[test]
    fn the_digest_ignores_case() {
        let one = EmailAddress::parse("Ada@Example.com").unwrap();
        let two = EmailAddress::parse("ada@example.com").unwrap();
        assert_eq!(one.digest(), two.digest());
    }
}
