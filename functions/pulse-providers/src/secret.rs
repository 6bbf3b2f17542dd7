//! Secrets, read from Secrets Manager or Parameter Store when a function starts, and again when they are refused.

mod operators_keys;
mod parameters;
mod rotating;
mod stores;

use std::sync::Arc;

use pulse_core::{keys::KeyRing, ports::Clock, secret_store::SecretStore};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

pub use self::{
    operators_keys::OperatorsKeys,
    parameters::{Kept, LONGEST_PARAMETER, NewValue, Parameter, ParameterError, ParameterStore},
    rotating::Secret,
    stores::SecretStores,
};

/// A secret that can't be read or used. Names the secret, never shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The store gives no such secret to this function.
    #[error(
        "the {} {name} can't be read ({code}): see whether it exists in {}, in this Region and account; to read it takes {} of \
         the function's role in template.yaml",
        noun(.name),
        SecretStore::of(.name),
        permission(.name)
    )]
    Unreadable {
        /// Its name.
        name: String,
        /// The error code of the store.
        code: String,
    },
    /// Whoever may read parameters reads it, as it isn't encrypted.
    #[error(
        "the parameter {name} is a {kind}, which isn't encrypted: delete it, make it anew as a SecureString, and exchange what \
         it held"
    )]
    Unencrypted {
        /// Its name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// It has another shape.
    #[error("the {} {name} is not JSON of the form {form}: correct it in {}", noun(.name), SecretStore::of(.name))]
    Malformed {
        /// Its name.
        name: String,
        /// What it should look like.
        form: &'static str,
    },
}

fn noun(name: &str) -> &'static str {
    SecretStore::of(name).noun()
}

/// The statement of template.yaml that lets a function read its provider's secret.
fn permission(name: &str) -> &'static str {
    match SecretStore::of(name) {
        SecretStore::SecretsManager => "ReadTheSecret",
        SecretStore::ParameterStore => "ReadTheParameter",
    }
}

/// The value of an Authorization header. `Debug` doesn't show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization(HeaderValue);

/// An OAuth2 client: the installed package of a Marketing Cloud tenant. `Debug` shows neither part.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The client's id.
    pub id: SecretString,
    /// The client's secret.
    pub secret: SecretString,
}

impl Authorization {
    const FORM: &str = r#"{"authorization": "Bearer ..."}"#;

    /// The value itself. `None` when it has characters that no header can have.
    #[must_use]
    pub fn new(value: &SecretString) -> Option<Self> {
        let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Reads `{"authorization": "Bearer ..."}`.
    #[must_use]
    pub fn parse(json: &SecretString) -> Option<Self> {
        #[derive(Deserialize)]
        struct Form {
            authorization: String,
        }
        let form: Form = serde_json::from_str(json.expose_secret()).ok()?;
        Self::new(&form.authorization.into())
    }
}

impl PartialEq for ClientCredentials {
    fn eq(&self, other: &Self) -> bool {
        self.id.expose_secret() == other.id.expose_secret()
            && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl ClientCredentials {
    const FORM: &str = r#"{"client_id": "...", "client_secret": "..."}"#;

    /// Reads `{"client_id": "...", "client_secret": "..."}`.
    #[must_use]
    pub fn parse(json: &SecretString) -> Option<Self> {
        #[derive(Deserialize)]
        struct Form {
            client_id: String,
            client_secret: String,
        }
        let form: Form = serde_json::from_str(json.expose_secret()).ok()?;
        Some(Self { id: form.client_id.into(), secret: form.client_secret.into() })
    }
}

/// The secret `{"authorization": "Bearer ..."}`.
///
/// # Errors
/// When it can't be read, or has another form.
pub async fn authorization(
    stores: &SecretStores,
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Secret<Authorization>, SecretError> {
    secret(stores, name, clock, Authorization::parse, Authorization::FORM).await
}

/// The secret `{"client_id": "...", "client_secret": "..."}`.
///
/// # Errors
/// When it can't be read, or has another form.
pub async fn client_credentials(
    stores: &SecretStores,
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Secret<ClientCredentials>, SecretError> {
    secret(stores, name, clock, ClientCredentials::parse, ClientCredentials::FORM).await
}

/// The deployment's keys, as [`KeyRing::FORM`] says. No call is refused for want of a new one, so that it is seen when a
/// function starts again, and not before.
///
/// # Errors
/// When it can't be read, or has another form.
pub async fn keys(stores: &SecretStores, name: &str) -> Result<KeyRing, SecretError> {
    KeyRing::parse(&stores.read(name).await?).ok_or_else(|| malformed(name, KeyRing::FORM))
}

async fn secret<T: Send + 'static>(
    stores: &SecretStores,
    name: &str,
    clock: Arc<dyn Clock>,
    parse: fn(&SecretString) -> Option<T>,
    form: &'static str,
) -> Result<Secret<T>, SecretError> {
    let (stores, name) = (stores.clone(), name.to_owned());
    let read = move || {
        let (stores, name) = (stores.clone(), name.clone());
        async move { parse(&stores.read(&name).await?).ok_or_else(|| malformed(&name, form)) }
    };
    Secret::read(read, clock).await
}

fn malformed(name: &str, form: &'static str) -> SecretError {
    SecretError::Malformed { name: name.to_owned(), form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_from_json_and_never_shown() {
        let authorization = Authorization::parse(&r#"{"authorization": "Bearer s3cret"}"#.into()).unwrap();
        assert_eq!(authorization.header(), "Bearer s3cret");
        assert!(!format!("{authorization:?}").contains("s3cret"));

        let json = r#"{"client_id": "an-id", "client_secret": "s3cret"}"#;
        let credentials = ClientCredentials::parse(&json.into()).unwrap();
        assert_eq!(credentials.id.expose_secret(), "an-id");
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("an-id"), "{shown}");
    }

    #[test]
    fn a_malformed_secret_is_named_and_not_quoted() {
        let text: SecretString = "Bearer s3cret".into();
        assert!(Authorization::parse(&text).is_none());
        let two_headers = r#"{"authorization": "Bearer s3cret\r\nHost: elsewhere"}"#;
        assert!(Authorization::parse(&two_headers.into()).is_none());
        let error = malformed("pulse/score", Authorization::FORM).to_string();
        assert!(error.contains("the secret pulse/score") && error.ends_with("in Secrets Manager"), "{error}");
        let error = malformed("/pulse/score", Authorization::FORM).to_string();
        assert!(error.contains("the parameter /pulse/score") && error.ends_with("in Parameter Store"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_says_where_it_was_looked_for_and_which_permission_it_takes() {
        let told = |name: &str| SecretError::Unreadable { name: name.to_owned(), code: "Nope".to_owned() }.to_string();
        let (secret, parameter) = (told("pulse/score"), told("/pulse/score"));
        assert!(secret.contains("in Secrets Manager") && secret.contains("ReadTheSecret"), "{secret}");
        assert!(parameter.contains("in Parameter Store") && parameter.contains("ReadTheParameter"), "{parameter}");
    }
}
