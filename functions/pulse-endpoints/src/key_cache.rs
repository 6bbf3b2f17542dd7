//! The keys that webhooks are signed with, by the names of their secrets.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{failure::Cause, ports::Clock, secret_store::SecretStore};
use pulse_providers::secret::{SecretError, SecretStores};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex as AsyncMutex;

use crate::SigningKeys;

/// For how long keys are gone by. Secrets Manager charges for each read, Parameter Store bears few a second, and a key that is added to one takes hold within
/// this time.
const KEPT: Duration = Duration::from_mins(5);

/// An endpoint that refuses whatever is signed would have each call ask for its secret anew.
const SELDOM: Duration = Duration::from_mins(1);

/// Endpoints' keys, each read when it is first needed: endpoints are added while functions live.
pub(crate) struct KeyCache {
    secrets: SecretStores,
    clock: Arc<dyn Clock>,
    held: Mutex<BTreeMap<String, Slot>>,
}

/// A secret's own lock, so that one reads it for all who want it at once, and nobody waits for another secret.
type Slot = Arc<AsyncMutex<Known>>;

/// What is known of a secret.
#[derive(Default)]
struct Known {
    held: Option<Held>,
    /// When it couldn't be read last, if it couldn't since.
    failed_at: Option<Timestamp>,
}

struct Held {
    text: SecretString,
    keys: Arc<SigningKeys>,
    read_at: Timestamp,
}

impl KeyCache {
    pub(crate) fn new(secrets: SecretStores, clock: Arc<dyn Clock>) -> Self {
        Self { secrets, clock, held: Mutex::default() }
    }

    /// The keys in the secret of this name, as they were five minutes ago at most; or, where it can't be read any more, as they
    /// were last: then it is asked for again after a minute.
    ///
    /// # Errors
    /// Why they can't be had. It names the secret and never shows it.
    pub(crate) async fn current(&self, secret: &str) -> Result<Arc<SigningKeys>, Cause> {
        let slot = self.slot(secret);
        let mut known = slot.lock().await;
        if let Some(held) = known.held.as_ref().filter(|held| self.age(held.read_at) < KEPT) {
            return Ok(Arc::clone(&held.keys));
        }
        let has_just_failed = known.failed_at.is_some_and(|at| self.age(at) < SELDOM);
        match known.held.as_ref().map(|held| Arc::clone(&held.keys)) {
            Some(keys) if has_just_failed => Ok(keys),
            Some(keys) => Ok(self.read(secret, &mut known).await.unwrap_or(keys)),
            None => self.read(secret, &mut known).await,
        }
    }

    /// Keys to sign with instead of those that an endpoint has refused; none, if there are no others. They are read again at
    /// most once a minute.
    pub(crate) async fn instead_of(&self, secret: &str, refused: &Arc<SigningKeys>) -> Option<Arc<SigningKeys>> {
        let slot = self.slot(secret);
        let mut known = slot.lock().await;
        let held = known.held.as_ref()?;
        if !Arc::ptr_eq(&held.keys, refused) {
            return Some(Arc::clone(&held.keys));
        }
        let asked_at = known.failed_at.unwrap_or(held.read_at).max(held.read_at);
        if self.age(asked_at) < SELDOM {
            return None;
        }
        self.read(secret, &mut known).await.ok().filter(|keys| !Arc::ptr_eq(keys, refused))
    }

    async fn read(&self, secret: &str, known: &mut Known) -> Result<Arc<SigningKeys>, Cause> {
        let read = self.read_now(secret, &mut known.held).await;
        known.failed_at = read.is_err().then(|| self.clock.now());
        if let Err(cause) = &read {
            tracing::warn!(%cause, "an endpoint's keys can't be read");
        }
        read
    }

    /// Reads a secret. Where it says what it said before, the keys stay the same ones.
    async fn read_now(&self, secret: &str, held: &mut Option<Held>) -> Result<Arc<SigningKeys>, Cause> {
        let text = self.secrets.read(secret).await.map_err(unreadable)?;
        let read_at = self.clock.now();
        if let Some(known) = held.as_mut().filter(|known| known.text.expose_secret() == text.expose_secret()) {
            known.read_at = read_at;
            return Ok(Arc::clone(&known.keys));
        }
        let store = SecretStore::of(secret);
        let malformed = |error| Cause::new(format!("The {} {secret} {error}: correct it in {store}.", store.noun()));
        let keys = Arc::new(SigningKeys::parse(&text).map_err(malformed)?);
        *held = Some(Held { text, keys: Arc::clone(&keys), read_at });
        Ok(keys)
    }

    fn slot(&self, secret: &str) -> Slot {
        let mut slots = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(secret.to_owned()).or_default())
    }

    fn age(&self, at: Timestamp) -> Duration {
        self.clock.now().duration_since(at).unsigned_abs()
    }
}

fn unreadable(error: SecretError) -> Cause {
    match error {
        SecretError::Unreadable { name, code } => {
            let store = SecretStore::of(&name);
            let noun = store.noun();
            if ["ResourceNotFoundException", "ParameterNotFound"].contains(&code.as_str()) {
                return Cause::new(format!("There is no {noun} {name}: make it in {store}, with the endpoint's key."));
            }
            let (permission, folder) = match store {
                SecretStore::SecretsManager => ("ReadEndpointKeys", "the stack's and /endpoints/"),
                SecretStore::ParameterStore => ("ReadEndpointKeysParameter", "/, the stack's and /endpoints/"),
            };
            Cause::new(format!(
                "The {noun} {name} can't be read ({code}): it takes {permission} of DeliverRole in template.yaml, for {noun}s \
                 whose names begin with {folder}."
            ))
        }
        error => Cause::new(error.to_string()),
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(..)")
    }
}
