//! The secrets with endpoints' keys, as operators make and exchange them.

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use pulse_core::{
    failure::Cause,
    ports::{EndpointKeys, EndpointKeysError, KeysSeen},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{SignatureScheme, SigningKeys, signing::Written};

/// Where the bytes of new keys come from: those of a generator that is fit for keys.
pub type RandomSource = Box<dyn Fn() -> Result<[u8; 32], Cause> + Send + Sync>;

/// Endpoints' keys in Secrets Manager. Needs `secretsmanager:CreateSecret`, `GetSecretValue` and `PutSecretValue` on the
/// secrets of the folder.
pub struct SecretsManagerKeys {
    client: Client,
    folder: String,
    random: RandomSource,
}

/// A secret as it was read.
struct Read {
    written: Written,
    keys: SigningKeys,
    version: String,
}

impl SecretsManagerKeys {
    /// The keys of a stack's endpoints.
    #[must_use]
    pub fn of_stack(client: Client, stack: &str, random: RandomSource) -> Self {
        Self { client, folder: format!("{stack}/endpoints/"), random }
    }

    fn new_key(&self, scheme: SignatureScheme) -> Result<SecretString, EndpointKeysError> {
        Ok(scheme.new_key((self.random)().map_err(EndpointKeysError::Unusable)?))
    }

    async fn read(&self, secret: &str) -> Result<Read, EndpointKeysError> {
        let answer = self.client.get_secret_value().secret_id(secret).send().await;
        let answer = answer.map_err(|error| failed(secret, "read", &error))?;
        let malformed = |why: String| EndpointKeysError::Malformed { secret: secret.to_owned(), why };
        let text: SecretString = answer.secret_string.ok_or_else(|| malformed("is binary".to_owned()))?.into();
        let parsed = Written::read(&text).and_then(|written| Ok((written, SigningKeys::parse(&text)?)));
        let (written, keys) = parsed.map_err(|error| malformed(error.to_string()))?;
        Ok(Read { written, keys, version: answer.version_id.unwrap_or_default() })
    }

    /// Writes keys in the place of those that were read as this version. The new version's id is made of that one's, so that
    /// of two who write over the same one is refused (AWS Secrets Manager API Reference, `PutSecretValue`:
    /// `ClientRequestToken`).
    async fn write(&self, secret: &str, over: &str, written: &Written) -> Result<KeysSeen, EndpointKeysError> {
        let text = written.text();
        let malformed = |why: String| EndpointKeysError::Malformed { secret: secret.to_owned(), why };
        let keys = SigningKeys::parse(&text).map_err(|error| malformed(error.to_string()))?;
        let put = self.client.put_secret_value().secret_id(secret).client_request_token(version_after(over));
        let put = put.secret_string(text.expose_secret()).send().await;
        put.map_err(|error| match failed(secret, "written", &error) {
            EndpointKeysError::Exists(secret) => EndpointKeysError::ChangedMeanwhile(secret),
            error => error,
        })?;
        Ok(seen(&keys))
    }
}

/// 64 characters, the most that a token may have.
fn version_after(version: &str) -> String {
    Sha256::digest(version).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn seen(keys: &SigningKeys) -> KeysSeen {
    KeysSeen { scheme: keys.scheme(), public_keys: keys.public_keys().collect(), is_rotating: keys.is_rotating() }
}

/// By the codes that all of these calls have (AWS Secrets Manager API Reference: Errors). What is sent is never in the words.
fn failed<E: ProvideErrorMetadata>(secret: &str, how: &str, error: &SdkError<E>) -> EndpointKeysError {
    let name = secret.to_owned();
    match (error.code(), error.message().unwrap_or_default()) {
        (Some("ResourceExistsException"), _) => EndpointKeysError::Exists(name),
        (Some("ResourceNotFoundException"), _) => EndpointKeysError::Missing(name),
        (Some("InvalidRequestException"), words) if words.contains("delet") => EndpointKeysError::BeingDeleted(name),
        (Some(code), _) if code.starts_with("AccessDenied") => EndpointKeysError::Unusable(Cause::new(format!(
            "The secret {secret} can't be {how} ({code}): it takes KeepEndpointKeys of EndpointPolicy in template.yaml \
             (output EndpointPolicyArn)."
        ))),
        (code, _) => {
            let code = code.unwrap_or("no answer");
            EndpointKeysError::Unusable(Cause::new(format!("The secret {secret} can't be {how} ({code}): try again.")))
        }
    }
}

#[async_trait]
impl EndpointKeys for SecretsManagerKeys {
    fn folder(&self) -> &str {
        &self.folder
    }

    async fn make(&self, secret: &str, scheme: SignatureScheme) -> Result<KeysSeen, EndpointKeysError> {
        let key = self.new_key(scheme)?;
        let keys = SigningKeys::parse(&key);
        let keys = keys.map_err(|error| EndpointKeysError::Unusable(Cause::new(format!("The new key {error}."))))?;
        let create = self.client.create_secret().name(secret).secret_string(key.expose_secret());
        let create = create.description("Signs what Pulse tells an endpoint.").send().await;
        create.map_err(|error| failed(secret, "made", &error))?;
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
