use async_trait::async_trait;
use serde::Serialize;

use crate::{delivery::SignatureScheme, failure::Cause, secret_store::SecretStore};

/// What operators see of the keys that an endpoint's word is signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysSeen {
    /// How the newest signs.
    pub scheme: SignatureScheme,
    /// What receivers are given, `whpk_..`, of those keys that have a public half: the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
    /// Whether the key before signs too, as it is exchanged for the newest.
    pub is_rotating: bool,
}

/// Why keys aren't as they were to be. It shows none. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointKeysError {
    /// The name is taken.
    #[error("there is a {noun} {0} already", noun = noun(.0))]
    Exists(String),
    /// It is deleted, and its name isn't free before it is gone for good.
    #[error("the secret {0} is being deleted, and its name isn't free before it is gone")]
    BeingDeleted(String),
    /// There is none.
    #[error("there is no {noun} {0} in this Region and account", noun = noun(.0))]
    Missing(String),
    /// It holds something else.
    #[error("the {} {secret} {why}: correct it in {}", noun(.secret), SecretStore::of(.secret))]
    Malformed {
        /// Its name.
        secret: String,
        /// What is wrong with it.
        why: String,
    },
    /// A key is being exchanged already.
    #[error("the {noun} {0} holds two keys, as a rotation of them isn't finished", noun = noun(.0))]
    Rotating(String),
    /// None is.
    #[error("the {noun} {0} holds one key: there is no rotation to finish", noun = noun(.0))]
    NotRotating(String),
    /// Someone else has changed it meanwhile.
    #[error(
        "the {noun} {0} was changed by someone else in this moment: see what they did before you do it again",
        noun = noun(.0)
    )]
    ChangedMeanwhile(String),
    /// It can't be read or written.
    #[error("{0}")]
    Unusable(Cause),
}

fn noun(secret: &str) -> &'static str {
    SecretStore::of(secret).noun()
}

/// The secrets with the keys that endpoints' word is signed with, in a folder of the stack's own in either store. What signs
/// reads them elsewhere; this is for operators, who are shown no private half.
#[async_trait]
pub trait EndpointKeys: Send + Sync {
    /// What the names of all of them in a store begin with, as in `pulse/endpoints/` and `/pulse/endpoints/`.
    fn folder(&self, store: SecretStore) -> &str;

    /// Makes a secret with a new key, in the store that its name tells.
    ///
    /// # Errors
    /// When there is one of that name, or it can't be written.
    async fn make(&self, secret: &str, scheme: SignatureScheme) -> Result<KeysSeen, EndpointKeysError>;

    /// Looks at the keys in a secret.
    ///
    /// # Errors
    /// When there is none, or it holds something else.
    async fn look(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError>;

    /// Puts a new key of the newest one's scheme before it. Both sign from then on.
    ///
    /// # Errors
    /// When the one before wasn't [finished](Self::finish), or the secret can't be used.
    async fn rotate(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError>;

    /// Drops the key before the newest.
    ///
    /// # Errors
    /// When there is no such key, or the secret can't be used.
    async fn finish(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError>;
}
