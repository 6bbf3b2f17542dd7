use async_trait::async_trait;
use pulse_core::{failure::Cause, keys::KeyRing, ports::KeySource, secret_store::SecretStore};

use super::{SecretError, SecretStores, keys};

/// The deployment's keys, for operators: by their own permissions.
#[derive(Debug, Clone)]
pub struct OperatorsKeys {
    stores: SecretStores,
    name: String,
}

impl OperatorsKeys {
    /// The keys in the secret of this name.
    #[must_use]
    pub fn new(stores: SecretStores, name: impl Into<String>) -> Self {
        Self { stores, name: name.into() }
    }
}

#[async_trait]
impl KeySource for OperatorsKeys {
    async fn keys(&self) -> Result<KeyRing, Cause> {
        keys(&self.stores, &self.name).await.map_err(|error| match error {
            SecretError::Unreadable { name, code } => {
                let store = SecretStore::of(&name);
                let permission = match store {
                    SecretStore::SecretsManager => "ReadKeys",
                    SecretStore::ParameterStore => "ReadKeysParameter",
                };
                Cause::new(format!(
                    "the keys of suppressed addresses can't be read from the {} {name} ({code}): it takes {permission} of \
                     OperatorPolicy in template.yaml (output OperatorPolicyArn)",
                    store.noun()
                ))
            }
            error => Cause::new(error.to_string()),
        })
    }
}
