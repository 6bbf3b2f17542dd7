//! Keys in Parameter Store.

use pulse_core::{failure::Cause, ports::EndpointKeysError};
use pulse_providers::secret::{Kept, NewValue, ParameterError, ParameterStore};
use secrecy::SecretString;

use super::{DESCRIPTION, unusable};

/// A standard parameter, which costs nothing, whatever tier the account has new ones in.
pub(super) async fn make(store: &ParameterStore, name: &str, key: &SecretString) -> Result<(), EndpointKeysError> {
    let kept = Kept { key: None, tier: Some("Standard".to_owned()) };
    let new = NewValue { value: key, description: Some(DESCRIPTION), kept: &kept, overwrite: false };
    store.put(name, new).await.map(drop).map_err(|error| failed(name, "made", &error))
}

/// The text, and the number of its version.
pub(super) async fn read(store: &ParameterStore, name: &str) -> Result<(SecretString, String), EndpointKeysError> {
    let found = store.get(name).await.map_err(|error| failed(name, "read", &error))?;
    if found.kind != "SecureString" {
        let why = format!("is a {}, which isn't encrypted, and no SecureString", found.kind);
        return Err(EndpointKeysError::Malformed { secret: name.to_owned(), why });
    }
    Ok((found.value, found.version.to_string()))
}

/// Under the key and in the tier that it has: a value that is written without a key is encrypted with the account's own.
///
/// Parameter Store takes no condition. Of two who write over the same version, the second has a number that isn't the next one,
/// and puts back what it has written over (AWS Systems Manager API Reference, `PutParameter`: `Version`).
pub(super) async fn write(
    store: &ParameterStore,
    name: &str,
    over: &str,
    text: &SecretString,
) -> Result<(), EndpointKeysError> {
    let unwritten = |error| failed(name, "written", &error);
    let over: u64 = over.parse().unwrap_or_default();
    let kept = store.kept(name, over).await.map_err(unwritten)?;
    let put = async |value: &SecretString| {
        store.put(name, NewValue { value, description: None, kept: &kept, overwrite: true }).await
    };
    let version = put(text).await.map_err(unwritten)?;
    if version == over + 1 {
        return Ok(());
    }
    let put_theirs_back = async { put(&store.earlier(name, version - 1).await?).await };
    match put_theirs_back.await {
        Ok(_) => Err(EndpointKeysError::ChangedMeanwhile(name.to_owned())),
        Err(error) => Err(EndpointKeysError::Unusable(Cause::new(format!(
            "The parameter {name} was changed by someone else in this moment, and what they wrote, version {}, was written over \
             and can't be put back ({error}): `aws ssm get-parameter-history --name {name} --with-decryption` shows it.",
            version - 1
        )))),
    }
}

/// By the codes that these calls have (AWS Systems Manager API Reference: Errors). What is sent is never in the words.
fn failed(name: &str, how: &str, error: &ParameterError) -> EndpointKeysError {
    if let ParameterError::TooLong(_) = error {
        return EndpointKeysError::Unusable(Cause::new(format!("The parameter {name} can't be {how}: {error}.")));
    }
    match error.code() {
        Some("ParameterAlreadyExists") => EndpointKeysError::Exists(name.to_owned()),
        Some("ParameterNotFound") => EndpointKeysError::Missing(name.to_owned()),
        code => unusable(name, how, code),
    }
}
