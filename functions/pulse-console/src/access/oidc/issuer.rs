//! What the console asks an issuer.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::{Request, Response, StatusCode, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use form_urlencoded::{Serializer, byte_serialize};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use super::id_token::Jwks;
use crate::Shared;

/// How old may be what an issuer says of itself, and its keys. New keys are asked for when a token comes with one.
const FRESH: Duration = Duration::from_hours(1);

/// Makes the console's calls to an issuer: with a timeout of some seconds, redirects not followed, over TLS that is checked.
#[async_trait]
pub trait IssuerClient: Send + Sync {
    /// Makes a call, and reads the whole answer.
    ///
    /// # Errors
    /// When there is none.
    async fn call(&self, request: Request<String>) -> Result<Response<Vec<u8>>, IssuerUnreachable>;
}

/// An issuer didn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuerUnreachable;

/// Why an issuer is of no help: for the log, without anything of the one who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IssuerError {
    /// It doesn't answer as an issuer does.
    Amiss(String),
    /// It gives no token for the code, by its own word for why.
    Refused(String),
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amiss(why) => f.write_str(why),
            Self::Refused(word) => write!(f, "the issuer gives no token: {word}"),
        }
    }
}

/// What an issuer says of itself (`OpenID` Connect Discovery 1.0, 3).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(super) scopes_supported: Vec<String>,
}

/// An issuer, and who the console is to it.
pub(super) struct Issuer {
    pub(super) url: String,
    pub(super) client_id: String,
    client_secret: Option<SecretString>,
    client: Arc<dyn IssuerClient>,
    metadata: Shared<Arc<Metadata>>,
    keys: Shared<Arc<Jwks>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl Issuer {
    pub(super) fn new(
        url: String,
        client_id: String,
        client_secret: Option<SecretString>,
        client: Arc<dyn IssuerClient>,
    ) -> Self {
        let (metadata, keys) = (Shared::fresh_for(FRESH), Shared::fresh_for(FRESH));
        Self { url, client_id, client_secret, client, metadata, keys }
    }

    pub(super) async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, IssuerError> {
        self.metadata.get(now, self.discover()).await
    }

    async fn discover(&self) -> Result<Arc<Metadata>, IssuerError> {
        let place = format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/'));
        let metadata: Metadata = self.get(&place, "configuration").await?;
        if metadata.issuer != self.url {
            let (called, itself) = (&self.url, &metadata.issuer);
            return Err(amiss(format!("the issuer {called} calls itself {itself}: ConsoleIssuer has to be that")));
        }
        for endpoint in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            // One without TLS is a stand-in on this machine, which the template takes for nothing else.
            if !endpoint.starts_with("https://") && self.url.starts_with("https://") {
                return Err(amiss("the issuer has an endpoint without TLS".to_owned()));
            }
        }
        Ok(Arc::new(metadata))
    }

    pub(super) async fn keys(&self, now: Timestamp) -> Result<Arc<Jwks>, IssuerError> {
        let metadata = self.metadata(now).await?;
        self.keys.get(now, async { Ok(Arc::new(self.get(&metadata.jwks_uri, "keys").await?)) }).await
    }

    /// The keys as they are now.
    pub(super) async fn newer_keys(&self, now: Timestamp) -> Result<Arc<Jwks>, IssuerError> {
        self.keys.forget().await;
        self.keys(now).await
    }

    /// The ID token that a code is good for, once.
    pub(super) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<String, IssuerError> {
        let metadata = self.metadata(now).await?;
        let request = self.token_request(&metadata, [code, verifier, redirect_uri])?;
        let answer = self.call(request, "token endpoint").await?;
        if answer.status() == StatusCode::OK {
            return read::<Tokens>(answer.body(), "token endpoint").map(|tokens| tokens.id_token);
        }
        let word = serde_json::from_slice::<TokenError>(answer.body()).ok().and_then(|refused| word(&refused.error));
        Err(match word {
            Some(word) => IssuerError::Refused(word),
            None => amiss(format!("the issuer's token endpoint answers {}", answer.status())),
        })
    }

    fn token_request(&self, metadata: &Metadata, sent: [&str; 3]) -> Result<Request<String>, IssuerError> {
        let [code, verifier, redirect_uri] = sent;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code).append_pair("redirect_uri", redirect_uri).append_pair("code_verifier", verifier);
        let mut request = Request::post(metadata.token_endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        // Without a method named, it is this one (OpenID Connect Discovery 1.0, 3: token_endpoint_auth_methods_supported).
        let methods = metadata.token_endpoint_auth_methods_supported.as_ref();
        let takes_basic = methods.is_none_or(|methods| methods.iter().any(|one| one == "client_secret_basic"));
        match &self.client_secret {
            Some(secret) if takes_basic => {
                let [id, secret] = [self.client_id.as_str(), secret.expose_secret()].map(encoded);
                let basic = BASE64_STANDARD.encode(format!("{id}:{secret}"));
                request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
            }
            Some(secret) => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret.expose_secret());
            }
            None => {
                form.append_pair("client_id", &self.client_id);
            }
        }
        request.body(form.finish()).map_err(|_| amiss("the issuer's token endpoint is no address".to_owned()))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str, what: &str) -> Result<T, IssuerError> {
        let request = Request::get(url).header(header::ACCEPT, "application/json").body(String::new());
        let request = request.map_err(|_| amiss(format!("the issuer's {what} has no address")))?;
        let answer = self.call(request, what).await?;
        if answer.status() != StatusCode::OK {
            return Err(amiss(format!("the issuer's {what} is answered by {}", answer.status())));
        }
        read(answer.body(), what)
    }

    async fn call(&self, request: Request<String>, what: &str) -> Result<Response<Vec<u8>>, IssuerError> {
        let answer = self.client.call(request).await;
        answer.map_err(|IssuerUnreachable| amiss(format!("the issuer's {what} can't be reached")))
    }
}

/// As a client's id and secret are written before they are put together (RFC 6749, 2.3.1).
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn amiss(why: String) -> IssuerError {
    IssuerError::Amiss(why)
}

fn read<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, IssuerError> {
    serde_json::from_slice(body).map_err(|_| amiss(format!("the issuer's {what} is not as it should be")))
}

/// A code of an error as issuers have them, such as `invalid_grant`: anything else isn't repeated.
pub(super) fn word(error: &str) -> Option<String> {
    let is_word = error.len() <= 64 && error.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_word && !error.is_empty()).then(|| error.to_owned())
}
