//! Secrets at the emulator: the providers', and the keys of what is on this machine.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;

use pulse_aws::sdk::because;
use pulse_core::secret_store::SecretStore;
use pulse_providers::secret::{Kept, NewValue, ParameterStore};
use secrecy::SecretString;

/// Stores secrets: the text of each, by its name, which tells whether that is in Secrets Manager or in Parameter Store. One that
/// exists gets a new version.
///
/// # Errors
/// When the store can't be reached or refuses.
pub async fn store(aws: &SdkConfig, secrets: &BTreeMap<String, String>) -> Result<()> {
    let (client, parameters) = (Client::new(aws), ParameterStore::new(aws));
    for (name, text) in secrets {
        if SecretStore::of(name) == SecretStore::ParameterStore {
            let value = &SecretString::from(text.as_str());
            let new = NewValue { value, description: None, kept: &Kept::default(), overwrite: true };
            let stored = parameters.put(name, new).await;
            stored.with_context(|| format!("The parameter {name} could not be stored"))?;
            continue;
        }
        match client.create_secret().name(name).secret_string(text).send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(CreateSecretError::is_resource_exists_exception) => {
                let renewed = client.put_secret_value().secret_id(name).secret_string(text).send().await;
                renewed.map_err(because(format!("The secret {name} could not be renewed")))?;
            }
            Err(error) => return Err(because(format!("The secret {name} could not be stored"))(error)),
        }
    }
    Ok(())
}

/// The text of a secret.
///
/// # Errors
/// When it can't be read, or isn't text.
pub(crate) async fn read(aws: &SdkConfig, name: &str) -> Result<SecretString> {
    let found = Client::new(aws).get_secret_value().secret_id(name).send().await;
    let found = found.map_err(because(format!("The secret {name} could not be read")))?;
    found.secret_string.map(SecretString::from).with_context(|| format!("The secret {name} isn't text"))
}
