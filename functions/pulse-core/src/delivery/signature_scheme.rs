use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use strum::Display;

/// How a webhook is signed (Standard Webhooks specification, "Signature scheme").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SignatureScheme {
    /// `v1`: by a secret, `whsec_`, that the receiver has too.
    HmacSha256,
    /// `v1a`: by a private key, `whsk_`, whose public one, `whpk_`, the receiver has.
    Ed25519,
}

impl SignatureScheme {
    /// A new key, as it is written down, made of random bytes.
    #[must_use]
    pub fn new_key(self, random: [u8; 32]) -> SecretString {
        let prefix = match self {
            Self::HmacSha256 => "whsec_",
            Self::Ed25519 => "whsk_",
        };
        format!("{prefix}{}", BASE64_STANDARD.encode(random)).into()
    }
}
