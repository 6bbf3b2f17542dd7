//! The secrets with endpoints' keys, as operators make and exchange them.

mod parameters;
mod secrets;

use async_trait::async_trait;
use pulse_core::{
    failure::Cause,
    ports::{EndpointKeys, EndpointKeysError, KeysSeen},
    secret_store::SecretStore,
};
use pulse_providers::secret::SecretStores;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{SignatureScheme, SigningKeys, signing::Written};

/// What the secrets are for.
const DESCRIPTION: &str = "Signs what Pulse tells an endpoint.";

/// Where the bytes of new keys come from: those of a generator that is fit for keys.
pub type RandomSource = Box<dyn Fn() -> Result<[u8; 32], Cause> + Send + Sync>;

/// Endpoints' keys in Secrets Manager, or as parameters in Parameter Store. Needs `secretsmanager:CreateSecret`,
/// `GetSecretValue` and `PutSecretValue` on the secrets of the folder, or `ssm:GetParameter`, `GetParameterHistory` and
/// `PutParameter` on its parameters.
pub struct AwsEndpointKeys {
    stores: SecretStores,
    folder: String,
    random: RandomSource,
}

/// A secret as it was read.
struct Read {
    written: Written,
    keys: SigningKeys,
    version: String,
}

impl AwsEndpointKeys {
    /// The keys of a stack's endpoints.
    #[must_use]
    pub fn of_stack(stores: SecretStores, stack: &str, random: RandomSource) -> Self {
        Self { stores, folder: format!("/{stack}/endpoints/"), random }
    }

    fn new_key(&self, scheme: SignatureScheme) -> Result<SecretString, EndpointKeysError> {
        Ok(scheme.new_key((self.random)().map_err(EndpointKeysError::Unusable)?))
    }

    async fn read(&self, secret: &str) -> Result<Read, EndpointKeysError> {
        let malformed = |why: String| EndpointKeysError::Malformed { secret: secret.to_owned(), why };
        let (text, version) = match SecretStore::of(secret) {
            SecretStore::SecretsManager => secrets::read(self.stores.secrets(), secret).await?,
            SecretStore::ParameterStore => parameters::read(self.stores.parameters(), secret).await?,
        };
        let parsed = Written::read(&text).and_then(|written| Ok((written, SigningKeys::parse(&text)?)));
        let (written, keys) = parsed.map_err(|error| malformed(error.to_string()))?;
        Ok(Read { written, keys, version })
    }

    /// Writes keys in the place of those that were read as this version.
    async fn write(&self, secret: &str, over: &str, written: &Written) -> Result<KeysSeen, EndpointKeysError> {
        let text = written.text();
        let malformed = |why: String| EndpointKeysError::Malformed { secret: secret.to_owned(), why };
        let keys = SigningKeys::parse(&text).map_err(|error| malformed(error.to_string()))?;
        match SecretStore::of(secret) {
            SecretStore::SecretsManager => secrets::write(self.stores.secrets(), secret, over, &text).await?,
            SecretStore::ParameterStore => parameters::write(self.stores.parameters(), secret, over, &text).await?,
        }
        Ok(seen(&keys))
    }
}

fn seen(keys: &SigningKeys) -> KeysSeen {
    KeysSeen { scheme: keys.scheme(), public_keys: keys.public_keys().collect(), is_rotating: keys.is_rotating() }
}

/// What can't be done with a secret, and what it takes. `code` is the store's.
fn unusable(secret: &str, how: &str, code: Option<&str>) -> EndpointKeysError {
    let store = SecretStore::of(secret);
    let (noun, permission) = match store {
        SecretStore::SecretsManager => (store.noun(), "KeepEndpointKeys"),
        SecretStore::ParameterStore => (store.noun(), "KeepEndpointParameters"),
    };
    EndpointKeysError::Unusable(Cause::new(match code {
        Some(code) if code.starts_with("AccessDenied") => format!(
            "The {noun} {secret} can't be {how} ({code}): it takes {permission} of EndpointPolicy in template.yaml (output \
             EndpointPolicyArn)."
        ),
        code => format!("The {noun} {secret} can't be {how} ({}): try again.", code.unwrap_or("no answer")),
    }))
}

#[async_trait]
impl EndpointKeys for AwsEndpointKeys {
    fn folder(&self, store: SecretStore) -> &str {
        match store {
            SecretStore::SecretsManager => &self.folder[1..],
            SecretStore::ParameterStore => &self.folder,
        }
    }

    async fn make(&self, secret: &str, scheme: SignatureScheme) -> Result<KeysSeen, EndpointKeysError> {
        let key = self.new_key(scheme)?;
        let keys = SigningKeys::parse(&key);
        let keys = keys.map_err(|error| EndpointKeysError::Unusable(Cause::new(format!("The new key {error}."))))?;
        match SecretStore::of(secret) {
            SecretStore::SecretsManager => secrets::make(self.stores.secrets(), secret, &key).await?,
            SecretStore::ParameterStore => parameters::make(self.stores.parameters(), secret, &key).await?,
        }
        Ok(seen(&keys))
    }

    async fn look(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        Ok(seen(&self.read(secret).await?.keys))
    }

    async fn rotate(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        let Read { written, keys, version } = self.read(secret).await?;
        if keys.is_rotating() {
            return Err(EndpointKeysError::Rotating(secret.to_owned()));
        }
        let current = self.new_key(keys.scheme())?.expose_secret().to_owned();
        self.write(secret, &version, &Written { current, previous: Some(written.current) }).await
    }

    async fn finish(&self, secret: &str) -> Result<KeysSeen, EndpointKeysError> {
        let Read { written, version, .. } = self.read(secret).await?;
        if written.previous.is_none() {
            return Err(EndpointKeysError::NotRotating(secret.to_owned()));
        }
        self.write(secret, &version, &Written { previous: None, ..written }).await
    }
}
