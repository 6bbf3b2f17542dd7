//! Signatures by Standard Webhooks (standardwebhooks.com, specification 1.0): partners sign by it, and Pulse what it tells
//! other systems.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use pulse_core::ports::{Payload, PayloadError};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::{fields::forged, signature::is_hmac};

/// How far the moment of signing may be from that of receiving, as the official libraries have it.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// Signatures of one request that are looked at: there is one for each key that is being exchanged.
const MOST_SIGNATURES: usize = 16;
/// Libraries leave the padding out, or don't.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Checks what one sender signs. It lets by what is sent again within five minutes: receivers know by the id, or by what is
/// told, what they have taken already.
#[derive(Debug, Clone)]
pub struct WebhookVerifier(Vec<Key>);

#[derive(Clone)]
enum Key {
    /// `whsec_`: a secret that both have, for signatures `v1`.
    Shared(SecretSlice<u8>),
    /// `whpk_`: a public key of the sender's, for signatures `v1a`.
    Public(Box<VerifyingKey>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Shared(_)) { "whsec_(..)" } else { "whpk_(..)" })
    }
}

/// Why something is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It has another beginning.
    #[error("begins with neither whsec_ nor whpk_")]
    Prefix,
    /// It is the half that the sender keeps.
    #[error("is the sender's private key: take it out of use, and ask for the public one, whpk_")]
    Private,
    /// What follows isn't the bytes of a key.
    #[error("isn't the Base64 of 24 to 64 bytes (whsec_), or of an Ed25519 public key (whpk_)")]
    Bytes,
}

impl Key {
    fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let text = text.expose_secret().trim();
        let bytes = |base64: &str| BASE64.decode(base64).map_err(|_| KeyError::Bytes);
        if let Some(base64) = text.strip_prefix("whsec_") {
            let bytes = bytes(base64)?;
            let fits = (24..=64).contains(&bytes.len());
            return if fits { Ok(Self::Shared(bytes.into())) } else { Err(KeyError::Bytes) };
        }
        if text.starts_with("whsk_") {
            return Err(KeyError::Private);
        }
        let public = bytes(text.strip_prefix("whpk_").ok_or(KeyError::Prefix)?)?;
        let public = public.as_slice().try_into().map_err(|_| KeyError::Bytes)?;
        let key = VerifyingKey::from_bytes(public).ok().filter(|key| !key.is_weak()).ok_or(KeyError::Bytes)?;
        Ok(Self::Public(Box::new(key)))
    }

    fn signed(&self, version: &str, signature: &[u8], message: &[u8]) -> bool {
        match (self, version) {
            (Self::Shared(secret), "v1") => is_hmac(secret.expose_secret(), &[message], signature),
            (Self::Public(key), "v1a") => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            _ => false,
        }
    }
}

impl WebhookVerifier {
    /// Believes what is signed with one of these keys, `whsec_..` or `whpk_..`.
    ///
    /// # Errors
    /// When one of them is no such key.
    pub fn new(keys: &[SecretString]) -> Result<Self, KeyError> {
        Ok(Self(keys.iter().map(Key::parse).collect::<Result<_, _>>()?))
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`PayloadError::Forged`], when it is missing, wrong or too old.
    pub fn verify(&self, payload: &Payload) -> Result<(), PayloadError> {
        let header = |name: &str| payload.headers.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let (Some(id), Some(seconds), Some(signatures)) =
            (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
        else {
            return Err(forged("webhook-id, webhook-timestamp or webhook-signature is missing"));
        };
        let signed_at = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let signed_at = signed_at.ok_or_else(|| forged("webhook-timestamp is no moment in seconds"))?;
        if payload.received_at.duration_since(signed_at).abs() > TOLERANCE {
            return Err(forged("webhook-timestamp is more than five minutes from when it came in"));
        }
        let message = format!("{id}.{seconds}.{}", payload.body);
        let given = signatures.split_ascii_whitespace().take(MOST_SIGNATURES).filter_map(|given| {
            let (version, base64) = given.split_once(',')?;
            Some((version, BASE64.decode(base64).ok()?))
        });
        let is_signed = |(version, signature): (&str, Vec<u8>)| {
            self.0.iter().any(|key| key.signed(version, &signature, message.as_bytes()))
        };
        if given.into_iter().any(is_signed) {
            Ok(())
        } else {
            Err(forged("webhook-signature is of no key of the sender's"))
        }
    }
}
