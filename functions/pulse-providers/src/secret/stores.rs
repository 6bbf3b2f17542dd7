//! Both stores of secrets, of which a name tells one.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use pulse_core::secret_store::SecretStore;
use secrecy::SecretString;

use super::{ParameterStore, SecretError};
use crate::secrets_client;

/// Secrets Manager and Parameter Store. Needs `secretsmanager:GetSecretValue` or `ssm:GetParameter` on what is read, and
/// `kms:Decrypt` of a key of the customer's own that it is encrypted with.
#[derive(Debug, Clone)]
pub struct SecretStores {
    secrets: Client,
    parameters: ParameterStore,
}

impl SecretStores {
    /// The stores of an account and a Region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { secrets: secrets_client(config), parameters: ParameterStore::new(config) }
    }

    /// Secrets Manager alone.
    #[must_use]
    pub fn secrets(&self) -> &Client {
        &self.secrets
    }

    /// Parameter Store alone.
    #[must_use]
    pub fn parameters(&self) -> &ParameterStore {
        &self.parameters
    }

    /// The text of a secret, from the store that its name tells.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn read(&self, name: &str) -> Result<SecretString, SecretError> {
        let unreadable = |code: &str| SecretError::Unreadable { name: name.to_owned(), code: code.to_owned() };
        match SecretStore::of(name) {
            SecretStore::SecretsManager => {
                let answer = self.secrets.get_secret_value().secret_id(name).send().await;
                let answer = answer.map_err(|error| unreadable(error.code().unwrap_or("no answer")))?;
                Ok(answer.secret_string.ok_or_else(|| unreadable("it is binary"))?.into())
            }
            SecretStore::ParameterStore => {
                let found = self.parameters.get(name).await;
                let found = found.map_err(|error| unreadable(error.code().unwrap_or("no answer")))?;
                if found.kind != SECURE {
                    return Err(SecretError::Unencrypted { name: name.to_owned(), kind: found.kind });
                }
                Ok(found.value)
            }
        }
    }
}

/// The type of parameters that are encrypted.
const SECURE: &str = "SecureString";
