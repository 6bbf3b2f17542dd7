//! The keys of a deployment, which digests and tokens are made with.

use std::{collections::BTreeMap, fmt};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What a key is used for. Codes made for one purpose are none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Digests by which suppressed addresses are kept.
    Suppression,
    /// Tokens by which customers unsubscribe.
    Unsubscription,
    /// Cookies of the deployed console.
    Console,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Suppression => "suppression",
            Self::Unsubscription => "unsubscription",
            Self::Console => "console",
        }
    }
}

/// The number of a key. New codes are made with the key of the greatest.
pub type KeyId = u32;

/// The keys of a deployment, of which one is the newest and the others are still believed. Never empty, and never shown.
#[derive(Clone)]
pub struct KeyRing(BTreeMap<KeyId, SecretString>);

/// The fewest characters that a key may have.
const SHORTEST: usize = 32;

impl KeyRing {
    /// How the secret is written down.
    pub const FORM: &str = r#"{"1": "at least 32 random characters", "2": "..."}"#;

    /// Reads `{"1": "...", "2": "..."}`: keys by their numbers. None if it is of another form, or a key is too short.
    #[must_use]
    pub fn parse(json: &SecretString) -> Option<Self> {
        let keys: BTreeMap<KeyId, String> = serde_json::from_str(json.expose_secret()).ok()?;
        let fit = !keys.is_empty() && keys.values().all(|key| key.chars().count() >= SHORTEST);
        fit.then(|| Self(keys.into_iter().map(|(id, key)| (id, key.into())).collect()))
    }

    /// The number of the newest key.
    ///
    /// # Panics
    /// Never: there is at least one.
    #[must_use]
    pub fn newest(&self) -> KeyId {
        *self.0.keys().next_back().expect("a ring has a key")
    }

    /// The numbers of all keys, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.keys().rev().copied()
    }

    /// HMAC-SHA-256 of a text, made for a purpose with the key of this number, if there is such a key.
    #[must_use]
    pub fn code(&self, id: KeyId, purpose: Purpose, text: &str) -> Option<[u8; 32]> {
        Some(self.mac(id, purpose, text)?.finalize().into_bytes().into())
    }

    /// Whether the beginning of that code is `code`, looked at in constant time. An empty one is none.
    #[must_use]
    pub fn is_code(&self, id: KeyId, purpose: Purpose, text: &str, code: &[u8]) -> bool {
        !code.is_empty() && self.mac(id, purpose, text).is_some_and(|mac| mac.verify_truncated_left(code).is_ok())
    }

    fn mac(&self, id: KeyId, purpose: Purpose, text: &str) -> Option<Hmac<Sha256>> {
        let key = self.0.get(&id)?;
        let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
        Some(mac.chain_update(purpose.as_str()).chain_update([0]).chain_update(text))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;
    const TWO: &str = r#"{"2": "abcdef0123456789abcdef0123456789", "1": "0123456789abcdef0123456789abcdef"}"#;

    fn ring(json: &str) -> KeyRing {
        KeyRing::parse(&json.into()).unwrap()
    }

    #[test]
    fn what_a_key_made_is_believed_for_as_long_as_it_is_on_the_ring() {
        let code = ring(ONE).code(1, Purpose::Suppression, "x").unwrap();
        assert_eq!((ring(ONE).newest(), ring(TWO).newest()), (1, 2));
        assert!(ring(TWO).is_code(1, Purpose::Suppression, "x", &code[..16]));
        assert!(!ring(TWO).is_code(2, Purpose::Suppression, "x", &code));
        assert!(!ring(TWO).is_code(3, Purpose::Suppression, "x", &code));
    }

    #[test]
    fn a_code_is_of_its_text_and_its_purpose() {
        let ring = ring(ONE);
        let code = ring.code(1, Purpose::Suppression, "x").unwrap();
        assert!(!ring.is_code(1, Purpose::Unsubscription, "x", &code));
        assert!(!ring.is_code(1, Purpose::Suppression, "y", &code));
        assert!(!ring.is_code(1, Purpose::Suppression, "x", &[]));
    }

    #[test]
    fn what_is_no_ring_of_strong_keys_is_refused_and_keys_are_not_shown() {
        for bad in ["", "{}", r#"{"1": "short"}"#, r#"{"x": "0123456789abcdef0123456789abcdef"}"#, "[]"] {
            assert!(KeyRing::parse(&bad.into()).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", ring(ONE)), "KeyRing(..)");
    }
}
