//! Keys in Secrets Manager.

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use pulse_core::ports::EndpointKeysError;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::{DESCRIPTION, unusable};

pub(super) async fn make(client: &Client, secret: &str, key: &SecretString) -> Result<(), EndpointKeysError> {
    let create = client.create_secret().name(secret).secret_string(key.expose_secret());
    let create = create.description(DESCRIPTION).send().await;
    create.map(drop).map_err(|error| failed(secret, "made", &error))
}

/// The text, and the id of its version.
pub(super) async fn read(client: &Client, secret: &str) -> Result<(SecretString, String), EndpointKeysError> {
    let answer = client.get_secret_value().secret_id(secret).send().await;
    let answer = answer.map_err(|error| failed(secret, "read", &error))?;
    let malformed = |why: &str| EndpointKeysError::Malformed { secret: secret.to_owned(), why: why.to_owned() };
    let text = answer.secret_string.ok_or_else(|| malformed("is binary"))?;
    Ok((text.into(), answer.version_id.unwrap_or_default()))
}

/// The new version's id is made of that one's which it is written over, so that of two who write over the same one is refused
/// (AWS Secrets Manager API Reference, `PutSecretValue`: `ClientRequestToken`).
pub(super) async fn write(
    client: &Client,
    secret: &str,
    over: &str,
    text: &SecretString,
) -> Result<(), EndpointKeysError> {
    let put = client.put_secret_value().secret_id(secret).client_request_token(version_after(over));
    let put = put.secret_string(text.expose_secret()).send().await;
    put.map(drop).map_err(|error| match failed(secret, "written", &error) {
        EndpointKeysError::Exists(secret) => EndpointKeysError::ChangedMeanwhile(secret),
        error => error,
    })
}

/// 64 characters, the most that a token may have.
fn version_after(version: &str) -> String {
    Sha256::digest(version).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// By the codes that all of these calls have (AWS Secrets Manager API Reference: Errors). What is sent is never in the words.
fn failed<E: ProvideErrorMetadata>(secret: &str, how: &str, error: &SdkError<E>) -> EndpointKeysError {
    let name = secret.to_owned();
    match (error.code(), error.message().unwrap_or_default()) {
        (Some("ResourceExistsException"), _) => EndpointKeysError::Exists(name),
        (Some("ResourceNotFoundException"), _) => EndpointKeysError::Missing(name),
        (Some("InvalidRequestException"), words) if words.contains("delet") => EndpointKeysError::BeingDeleted(name),
        (code, _) => unusable(secret, how, code),
    }
}
