//! One key to sign with, and how it is written down.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ed25519_dalek::{Signer as _, SigningKey as PrivateKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pulse_core::delivery::SignatureScheme;
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

/// Padding is written, and may be missing from what is read: some tools leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why something is no key to sign with. It doesn't show the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is neither one key nor two.
    #[error("is neither a key, whsec_ or whsk_, nor JSON of the form {form}", form = crate::SigningKeys::FORM)]
    Form,
    /// It is the half that receivers have.
    #[error("is a public key, whpk_, which signs nothing: the private one, whsk_, belongs here")]
    Public,
    /// What follows isn't the bytes of a key.
    #[error("isn't the Base64 of 24 to 64 bytes (whsec_), or of an Ed25519 private key (whsk_)")]
    Bytes,
}

pub(crate) enum SigningKey {
    Shared(SecretSlice<u8>),
    Private(Box<PrivateKey>),
}

impl SigningKey {
    /// A private key is its 32 bytes of seed, as the standard's Go library has it, or these and the public key after them,
    /// as libsodium keeps it.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = |base64: &str| BASE64.decode(base64).map(SecretSlice::from).map_err(|_| KeyError::Bytes);
        if let Some(base64) = text.strip_prefix("whsec_") {
            let secret = bytes(base64)?;
            let fits = (24..=64).contains(&secret.expose_secret().len());
            return if fits { Ok(Self::Shared(secret)) } else { Err(KeyError::Bytes) };
        }
        if text.starts_with("whpk_") {
            return Err(KeyError::Public);
        }
        let private = bytes(text.strip_prefix("whsk_").ok_or(KeyError::Form)?)?;
        let private = private.expose_secret();
        let key = match <&[u8; 64]>::try_from(private) {
            Ok(pair) => PrivateKey::from_keypair_bytes(pair).ok(),
            Err(_) => private.try_into().ok().map(PrivateKey::from_bytes),
        };
        Ok(Self::Private(Box::new(key.ok_or(KeyError::Bytes)?)))
    }

    /// The signature as it stands in the header.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<String> {
        match self {
            Self::Shared(secret) => {
                let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret()).ok()?;
                Some(format!("v1,{}", BASE64.encode(mac.chain_update(message).finalize().into_bytes())))
            }
            Self::Private(key) => Some(format!("v1a,{}", BASE64.encode(key.sign(message).to_bytes()))),
        }
    }

    /// How it signs.
    pub(crate) fn scheme(&self) -> SignatureScheme {
        match self {
            Self::Shared(_) => SignatureScheme::HmacSha256,
            Self::Private(_) => SignatureScheme::Ed25519,
        }
    }

    /// `whpk_..`, if there is a public key to this one.
    pub(crate) fn public_key(&self) -> Option<String> {
        match self {
            Self::Shared(_) => None,
            Self::Private(key) => Some(format!("whpk_{}", BASE64.encode(key.verifying_key().as_bytes()))),
        }
    }
}
