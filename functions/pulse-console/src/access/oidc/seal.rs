//! What browsers keep for the console, and can neither read nor make up.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use pulse_core::keys::{KeyId, KeyRing, Purpose};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Serialize, de::DeserializeOwned};

use crate::access::random;

/// Seals with the newest of the console's keys, by AES-256-GCM, and opens with any of them. What it is sealed as goes into it: a
/// cookie of one name is none of another.
pub(super) struct Seal(pub(super) KeyRing);

impl Seal {
    /// None where the machine has no random numbers.
    pub(super) fn seal(&self, sealed_as: &str, value: &impl Serialize) -> Option<String> {
        let (id, nonce) = (self.0.newest(), random::<NONCE_LEN>().ok()?);
        let mut bytes = serde_json::to_vec(value).ok()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key(id)?.seal_in_place_append_tag(unique, Aad::from(sealed_as), &mut bytes).ok()?;
        Some(format!("{id}.{}", BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat())))
    }

    /// None for what wasn't sealed here, or not as this.
    pub(super) fn open<T: DeserializeOwned>(&self, sealed_as: &str, text: &str) -> Option<T> {
        let (id, sealed) = text.split_once('.')?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, bytes) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = bytes.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key(id.parse().ok()?)?.open_in_place(nonce, Aad::from(sealed_as), &mut bytes).ok()?;
        serde_json::from_slice(opened).ok()
    }

    fn key(&self, id: KeyId) -> Option<LessSafeKey> {
        let key = self.0.code(id, Purpose::Console, "cookies")?;
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(json: &str) -> Seal {
        Seal(KeyRing::parse(&json.into()).unwrap())
    }

    const ONE: &str = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;
    const BOTH: &str = r#"{"1": "0123456789abcdef0123456789abcdef", "2": "abcdef0123456789abcdef0123456789"}"#;

    #[test]
    fn what_was_sealed_is_opened_as_what_it_is_and_by_a_key_that_is_still_there() {
        let sealed = ring(ONE).seal("a", &"words").unwrap();
        assert!(!sealed.contains("words"));
        assert_eq!(ring(BOTH).open::<String>("a", &sealed).as_deref(), Some("words"));
        assert_eq!(ring(BOTH).open::<String>("b", &sealed), None);
        let newer = ring(BOTH).seal("a", &"words").unwrap();
        assert!(newer.starts_with("2."));
        assert_eq!(ring(ONE).open::<String>("a", &newer), None);
        assert_ne!(ring(ONE).seal("a", &"words").unwrap(), sealed);
    }

    #[test]
    fn whatever_is_changed_of_it_is_noticed() {
        let sealed = ring(ONE).seal("a", &"words").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character has bits that stand for nothing: only what decodes may be opened.
            assert_eq!(ring(ONE).open::<String>("a", &changed), None, "{changed}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(ring(ONE).open::<String>("a", &sealed[..cut]), None);
        }
    }
}
