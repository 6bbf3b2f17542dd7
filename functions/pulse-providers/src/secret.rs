//! Secrets, read from Secrets Manager when a function starts, and again when they are refused.

mod rotating;

use std::sync::Arc;

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use pulse_core::{keys::KeyRing, ports::Clock};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

pub use self::rotating::Secret;

/// A secret that can't be read or used. Names the secret, never shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager gives no such secret to this function.
    #[error(
        "the secret {name} can't be read ({code}): see whether it exists; to read it takes ReadTheSecret of the function's role in template.yaml"
    )]
    Unreadable {
        /// The variable's name.
        name: String,
        /// The error code of Secrets Manager.
        code: String,
    },
    /// It has another shape.
    #[error("the secret {name} is not JSON of the form {form}: correct it in Secrets Manager")]
    Malformed {
        /// The variable's name.
        name: String,
        /// What it should look like.
        form: &'static str,
    },
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
    client: &Client,
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Secret<Authorization>, SecretError> {
    secret(client, name, clock, Authorization::parse, Authorization::FORM).await
}

/// The secret `{"client_id": "...", "client_secret": "..."}`.
///
/// # Errors
/// When it can't be read, or has another form.
pub async fn client_credentials(
    client: &Client,
    name: &str,
    clock: Arc<dyn Clock>,
) -> Result<Secret<ClientCredentials>, SecretError> {
    secret(client, name, clock, ClientCredentials::parse, ClientCredentials::FORM).await
}

/// The deployment's keys, as [`KeyRing::FORM`] says. No call is refused for want of a new one, so that it is seen when a
/// function starts again, and not before.
///
/// # Errors
/// When it can't be read, or has another form.
pub async fn keys(client: &Client, name: &str) -> Result<KeyRing, SecretError> {
    KeyRing::parse(&read(client, name).await?).ok_or_else(|| malformed(name, KeyRing::FORM))
}

async fn secret<T: Send + 'static>(
    client: &Client,
    name: &str,
    clock: Arc<dyn Clock>,
    parse: fn(&SecretString) -> Option<T>,
    form: &'static str,
) -> Result<Secret<T>, SecretError> {
    let (client, name) = (client.clone(), name.to_owned());
    let read = move || {
        let (client, name) = (client.clone(), name.clone());
        async move { parse(&read(&client, &name).await?).ok_or_else(|| malformed(&name, form)) }
    };
    Secret::read(read, clock).await
}

/// The secret's text, whatever its form.
///
/// # Errors
/// When it can't be read.
pub async fn text(client: &Client, name: &str) -> Result<SecretString, SecretError> {
    read(client, name).await
}

async fn read(client: &Client, name: &str) -> Result<SecretString, SecretError> {
    let unreadable = |code: &str| SecretError::Unreadable { name: name.to_owned(), code: code.to_owned() };
    let answer = client.get_secret_value().secret_id(name).send().await;
    let answer = answer.map_err(|error| unreadable(error.code().unwrap_or("no answer")))?;
    let text = answer.secret_string.ok_or_else(|| unreadable("it is binary"))?;
    Ok(text.into())
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
        assert!(error.contains("pulse/score") && !error.contains("s3cret"));
    }
}
