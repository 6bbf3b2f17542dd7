//! Endpoints' keys, in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    delivery::SignatureScheme,
    ports::{EndpointKeys, EndpointKeysError, KeysSeen},
    secret_store::SecretStore,
};

/// Secrets of which it is known how each key signs. Public halves are made up.
#[derive(Debug, Default)]
pub struct MemoryEndpointKeys {
    secrets: Mutex<BTreeMap<String, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    scheme: SignatureScheme,
    newest: u32,
    is_rotating: bool,
}

impl Kept {
    fn seen(&self) -> KeysSeen {
        let oldest = if self.is_rotating { self.newest - 1 } else { self.newest };
        let public_keys = match self.scheme {
            SignatureScheme::HmacSha256 => Vec::new(),
            SignatureScheme::Ed25519 => (oldest..=self.newest).rev().map(|number| format!("whpk_{number}")).collect(),
        };
        KeysSeen { scheme: self.scheme, public_keys, is_rotating: self.is_rotating }
    }
}

impl MemoryEndpointKeys {
    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(
        &self,
        secret: &str,
        change: impl FnOnce(&mut Kept) -> Result<(), EndpointKeysError>,
    ) -> Result<KeysSeen, EndpointKeysError> {
        let mut secrets = self.secrets();
        let kept = secrets.get_mut(secret).ok_or_else(|| EndpointKeysError::Missing(secret.to_owned()))?;
        change(kept)?;
        Ok(kept.seen())
    }
}

#[async_trait]
impl EndpointKeys for MemoryEndpointKeys {
    fn folder(&self, store: SecretStore) -> &str {
        match store {
            SecretStore::SecretsManager => "pulse/endpoints/",
            SecretStore::ParameterStore => "/pulse/endpoints/",
        }
    }

    async fn make(&self, secret: &str, scheme: SignatureScheme) -> Result<KeysSeen, EndpointKeysError> {
        let mut secrets = self.secrets();
        if secrets.contains_key(secret) {
            return Err(EndpointKeysError::Exists(secret.to_owned()));
        }
        let kept = Kept { scheme, newest: 1, is_rotating: false };
        Ok(secrets.entry(secret.to_owned()).or_insert(kept).seen())
    }

    async fn look(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        self.change(secret, |_| Ok(()))
    }

    async fn rotate(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        self.change(secret, |kept| {
            if kept.is_rotating {
                return Err(EndpointKeysError::Rotating(secret.to_owned()));
            }
            (kept.newest, kept.is_rotating) = (kept.newest + 1, true);
            Ok(())
        })
    }

    async fn finish(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        self.change(secret, |kept| {
            if !kept.is_rotating {
                return Err(EndpointKeysError::NotRotating(secret.to_owned()));
            }
            kept.is_rotating = false;
            Ok(())
        })
    }
}
