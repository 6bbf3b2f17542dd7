use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use pulse_core::ports::Payload;
use pulse_feedback::WebhookVerifier;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::secrets;

/// What the receiver knows Pulse by.
#[derive(Debug, Clone)]
pub enum ReceiverKeys {
    /// These keys, `whsec_..` or `whpk_..`.
    Given(Vec<SecretString>),
    /// Those in a secret of Pulse's, looked up when a signature is of none that is known: as if its operators had been told
    /// of each new key in time.
    InSecret {
        /// How to reach the emulator.
        aws: Box<SdkConfig>,
        /// The secret's name.
        name: String,
    },
}

/// Two keys in one secret, while one is exchanged for the other.
#[derive(Deserialize)]
struct Exchanged {
    current: String,
    previous: String,
}

/// The keys that have been known so far. A key that was exchanged stays known: functions go by it for minutes yet.
pub(super) struct KnownKeys {
    from: ReceiverKeys,
    known: Mutex<Vec<SecretString>>,
}

impl KnownKeys {
    pub(super) fn new(from: ReceiverKeys) -> Self {
        let known = if let ReceiverKeys::Given(keys) = &from { keys.clone() } else { Vec::new() };
        Self { from, known: Mutex::new(known) }
    }

    /// Whether it is signed with one of the keys.
    ///
    /// # Errors
    /// When the keys can't be looked up, or are none.
    pub(super) async fn verify(&self, payload: &Payload) -> Result<bool> {
        if self.is_of_known(payload)? {
            return Ok(true);
        }
        let ReceiverKeys::InSecret { aws, name } = &self.from else { return Ok(false) };
        let text = secrets::read(aws, name).await?;
        let found = match serde_json::from_str::<Exchanged>(text.expose_secret()) {
            Ok(Exchanged { current, previous }) => vec![current.into(), previous.into()],
            Err(_) => vec![text],
        };
        self.learn(found);
        self.is_of_known(payload)
    }

    fn is_of_known(&self, payload: &Payload) -> Result<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let verifier = WebhookVerifier::new(&known).context("The endpoint has a key that no receiver has")?;
        Ok(verifier.verify(payload).is_ok())
    }

    fn learn(&self, found: Vec<SecretString>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |key: &SecretString| known.iter().all(|one| one.expose_secret() != key.expose_secret());
        let new: Vec<_> = found.into_iter().filter(is_new).collect();
        known.extend(new);
    }
}
