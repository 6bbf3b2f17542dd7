//! Signatures by Standard Webhooks: of the newest key, and of the one before while receivers still change over.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    SignatureScheme, WebhookId,
    key::{KeyError, SigningKey},
};

/// An endpoint's keys. Each signs, so that a receiver verifies with whichever of them it has. Never shown.
pub struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
}

/// Keys as they are written down.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    pub(crate) current: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<String>,
}

impl Written {
    /// Reads a key alone, or two of them. Whether they are keys isn't looked at.
    pub(crate) fn read(secret: &SecretString) -> Result<Self, KeyError> {
        let text = secret.expose_secret().trim();
        if text.starts_with('{') {
            return serde_json::from_str(text).map_err(|_| KeyError::Form);
        }
        Ok(Self { current: text.to_owned(), previous: None })
    }

    /// As [`SigningKeys::FORM`] has it, or a key alone as it is.
    pub(crate) fn text(&self) -> SecretString {
        match &self.previous {
            None => self.current.clone().into(),
            // Structs of strings always have a JSON form.
            Some(_) => serde_json::to_string(self).unwrap_or_default().into(),
        }
    }
}

impl SigningKeys {
    /// How two keys are written down, in one secret. One key alone may stand there as it is.
    pub const FORM: &str = r#"{"current": "whsec_...", "previous": "whsec_..."}"#;

    /// Reads a key, `whsec_..` or `whsk_..`, or [`FORM`](Self::FORM), whose keys may be of different schemes.
    ///
    /// # Errors
    /// When it is neither. The error doesn't quote it.
    pub fn parse(secret: &SecretString) -> Result<Self, KeyError> {
        let written = Written::read(secret)?;
        let previous = written.previous.as_deref().map(SigningKey::parse).transpose()?;
        Ok(Self { current: SigningKey::parse(&written.current)?, previous })
    }

    /// The headers that a webhook is sent with. The id stays the same over attempts, and `at` is this attempt's moment.
    #[must_use]
    pub fn sign(&self, id: &WebhookId, at: Timestamp, body: &str) -> [(&'static str, String); 3] {
        let seconds = at.as_second().to_string();
        let message = format!("{id}.{seconds}.{body}");
        let signatures: Vec<_> = self.keys().filter_map(|key| key.sign(message.as_bytes())).collect();
        [("webhook-id", id.to_string()), ("webhook-timestamp", seconds), ("webhook-signature", signatures.join(" "))]
    }

    /// The public keys, `whpk_..`, of those that have one, the newest first: what a receiver is given.
    pub fn public_keys(&self) -> impl Iterator<Item = String> + '_ {
        self.keys().filter_map(SigningKey::public_key)
    }

    /// How the newest key signs.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.current.scheme()
    }

    /// Whether there are two, as one is exchanged for the other.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        self.previous.is_some()
    }

    fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use pulse_core::ports::Payload;
    use pulse_feedback::WebhookVerifier;
    use serde_json::json;

    use super::*;
    use crate::SignatureScheme::{self, Ed25519, HmacSha256};

    const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn keys(secret: &str) -> Result<SigningKeys, KeyError> {
        SigningKeys::parse(&secret.into())
    }

    fn signature(secret: &str, id: &str, second: i64, body: &str) -> String {
        let at = Timestamp::from_second(second).unwrap();
        let [.., (name, signature)] = keys(secret).unwrap().sign(&WebhookId::parse(id).unwrap(), at, body);
        assert_eq!(name, "webhook-signature");
        signature
    }

    /// What the standard's own libraries are tested with (standard-webhooks/standard-webhooks, libraries/python/tests,
    /// libraries/rust/src/lib.rs, and `libraries/go/webhook_asymmetric_test.go` of the commit 5fb2ce9).
    #[test]
    fn the_vectors_of_the_official_libraries_come_out() {
        let (id, second, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature(SHARED, id, second, body), expected);
        let private = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=";
        let expected = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";
        assert_eq!(signature(private, id, second, body), expected);
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let (shared, id) = ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk");
        let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(signature(shared, id, 1_649_367_553, body), expected);
    }

    /// RFC 8032, 7.1, test 1: the seed and its public key, of which a pair is also read.
    #[test]
    fn the_public_key_is_the_standards_whichever_way_the_private_one_is_written() {
        let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        let public = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let pair = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==";
        for private in [seed, pair, seed.trim_end_matches('=')] {
            let keys = keys(&format!("whsk_{private}")).unwrap();
            assert_eq!(keys.public_keys().collect::<Vec<_>>(), [public]);
        }
        let not_its_own = pair.replace("DXWp", "DXWq");
        assert_eq!(keys(&format!("whsk_{not_its_own}")).unwrap_err(), KeyError::Bytes);
        assert_eq!(keys(SHARED).unwrap().public_keys().count(), 0);
    }

    #[test]
    fn what_is_no_key_is_refused_and_neither_keys_nor_errors_are_shown() {
        let short = "whsec_c2hvcnQ=";
        let long = format!("whsec_{}", "A".repeat(88));
        for (bad, error) in [
            ("", KeyError::Form),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KeyError::Form),
            ("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KeyError::Public),
            (short, KeyError::Bytes),
            (&long, KeyError::Bytes),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w", KeyError::Bytes),
            ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KeyError::Bytes),
            ("{}", KeyError::Form),
            (&json!({"current": SHARED, "previos": SHARED}).to_string(), KeyError::Form),
            (&json!({"current": SHARED, "previous": "whsec_"}).to_string(), KeyError::Bytes),
            (&json!({"current": "", "previous": SHARED}).to_string(), KeyError::Form),
        ] {
            let refused = keys(bad).unwrap_err();
            assert_eq!(refused, error, "{bad}");
            assert!(!format!("{refused} {refused:?}").contains("MfKQ"), "{refused}");
        }
        assert_eq!(format!("{:?}", keys(SHARED).unwrap()), "SigningKeys(..)");
        assert!(keys(&format!(" {SHARED}\n")).is_ok(), "secrets come with line ends");
    }

    #[test]
    fn a_new_key_is_one_and_is_of_its_random_bytes_alone() {
        for (scheme, prefix) in [(HmacSha256, "whsec_"), (Ed25519, "whsk_")] {
            let key = |byte| scheme.new_key([byte; 32]).expose_secret().to_owned();
            assert!(key(1).starts_with(prefix) && key(1) == key(1) && key(1) != key(2));
            assert!(keys(&key(1)).is_ok());
        }
    }

    /// What a receiver has of a key.
    fn given(key: &SecretString) -> SecretString {
        let public = SigningKeys::parse(key).unwrap().public_keys().next();
        public.map_or_else(|| key.clone(), SecretString::from)
    }

    fn verifies(key: &SecretString, sent: &Payload) -> bool {
        WebhookVerifier::new(&[given(key)]).unwrap().verify(sent).is_ok()
    }

    proptest! {
        #[test]
        fn either_key_of_a_rotation_verifies_and_no_other_does(
            schemes in prop::array::uniform3(prop::sample::select(vec![HmacSha256, Ed25519])),
            random in any::<[u8; 31]>(),
            id in "[A-Za-z0-9_-]{1,256}",
            second in 0..4_000_000_000_i64,
            body in any::<String>(),
            changed in any::<String>(),
        ) {
            let mut number = 0;
            let [current, previous, other] = schemes.map(|scheme: SignatureScheme| {
                let mut bytes = [number; 32];
                number += 1;
                bytes[1..].copy_from_slice(&random);
                scheme.new_key(bytes)
            });
            let both = json!({"current": current.expose_secret(), "previous": previous.expose_secret()}).to_string();
            let at = Timestamp::from_second(second).unwrap();
            let headers = keys(&both).unwrap().sign(&WebhookId::parse(&id).unwrap(), at, &body);
            let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_owned(), value)).into();
            let sent = Payload { body: body.clone(), headers, received_at: at };
            prop_assert!(verifies(&current, &sent) && verifies(&previous, &sent) && !verifies(&other, &sent));
            let unchanged = changed == body;
            let changed = Payload { body: changed, ..sent };
            prop_assert_eq!(verifies(&current, &changed) || verifies(&previous, &changed), unchanged);
        }
    }
}
