use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use pulse_core::{failure::Cause, keys::KeyRing, ports::KeySource};

use super::{SecretError, keys};

/// The deployment's keys, for operators: by their own permissions.
#[derive(Debug, Clone)]
pub struct OperatorsKeys {
    client: Client,
    name: String,
}

impl OperatorsKeys {
    /// The keys in the secret of this name.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }
}

#[async_trait]
impl KeySource for OperatorsKeys {
    async fn keys(&self) -> Result<KeyRing, Cause> {
        keys(&self.client, &self.name).await.map_err(|error| match error {
            SecretError::Unreadable { name, code } => Cause::new(format!(
                "the keys of suppressed addresses can't be read from the secret {name} ({code}): it takes ReadKeys of \
                 OperatorPolicy in template.yaml (output OperatorPolicyArn)"
            )),
            error @ SecretError::Malformed { .. } => Cause::new(error.to_string()),
        })
    }
}
