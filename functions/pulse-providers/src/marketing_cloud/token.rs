//! Access tokens: fetched once, shared by all calls, renewed ahead of their end.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use pulse_core::{panics, ports::SendError};
use reqwest::{Client, Url, header::HeaderValue};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::answers::{PROVIDER, retry};
use crate::{
    connections::Pooled,
    http,
    secret::{ClientCredentials, Secret},
};

/// A token, as the value of an Authorization header.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) bearer: HeaderValue,
    renew_at: Instant,
    /// Whose it is.
    credentials: ClientCredentials,
}

/// A request for a token that any number of calls wait for together.
type Fetch = Shared<BoxFuture<'static, Result<Token, SendError>>>;

/// The one holder of the current token.
pub(super) struct TokenSource {
    http: Arc<Pooled<Client>>,
    url: Url,
    credentials: Arc<Secret<ClientCredentials>>,
    account_id: Option<u64>,
    current: Mutex<Option<Current>>,
}

struct Current {
    fetch: Fetch,
    /// When whoever began it stops waiting. Nobody may be left then to drive it on, and it is worth no more than
    /// its timeout: in a function that was frozen since, one for each message of the next batch.
    join_until: Instant,
}

impl TokenSource {
    pub(super) fn new(http: Arc<Pooled<Client>>, url: Url, credentials: Secret<ClientCredentials>) -> Self {
        Self { http, url, credentials: Arc::new(credentials), account_id: None, current: Mutex::new(None) }
    }

    pub(super) fn in_business_unit(self, account_id: Option<u64>) -> Self {
        Self { account_id, ..self }
    }

    /// Whether there are other credentials by now than those of a token that was refused.
    pub(super) async fn is_rotated(&self, refused: &Token) -> bool {
        self.credentials.instead_of(&refused.credentials).await.is_some()
    }

    /// A token that is good for a while. Calls that come while one is being fetched share it, and
    /// they share the failure too: a hundred calls don't ask a failing server a hundred times. The caller waits
    /// until `deadline` at most.
    pub(super) async fn token(&self, deadline: Instant) -> Result<Token, SendError> {
        self.fetch(deadline).await
    }

    /// Drops a token that was refused, unless another call has done so already.
    pub(super) fn forget(&self, refused: &Token) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let held = current.as_ref().and_then(|current| current.fetch.peek());
        if matches!(held, Some(Ok(held)) if held.bearer == refused.bearer) {
            *current = None;
        }
    }

    fn fetch(&self, deadline: Instant) -> Fetch {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Current { fetch, join_until }) = current.as_ref() {
            let good_until = match fetch.peek() {
                None => Some(*join_until),
                Some(Ok(token)) => Some(token.renew_at),
                Some(Err(_)) => None,
            };
            if good_until.is_some_and(|end| Instant::now() < end) {
                return fetch.clone();
            }
        }
        let fetch =
            shared(request(self.http.client(), self.url.clone(), Arc::clone(&self.credentials), self.account_id));
        *current = Some(Current { fetch: fetch.clone(), join_until: deadline });
        fetch
    }
}

/// A future that is shared panics for all who wait once it has panicked for one. So a panic becomes the failure that
/// they share, and the next who comes asks anew.
fn shared(request: impl Future<Output = Result<Token, SendError>> + Send + 'static) -> Fetch {
    let caught = panics::catch(request);
    caught.map(|done| done.unwrap_or_else(|cause| Err(SendError::Retry { after: None, cause }))).boxed().shared()
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource(..)")
    }
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<u64>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

/// Asks for a token, and once more with the secret as it is now if the client is refused.
async fn request(
    http: Client,
    url: Url,
    secret: Arc<Secret<ClientCredentials>>,
    account_id: Option<u64>,
) -> Result<Token, SendError> {
    let credentials = secret.current().await;
    match ask(&http, &url, &credentials, account_id).await {
        Err(Untaken::Client(error)) => match secret.instead_of(&credentials).await {
            Some(rotated) => Ok(ask(&http, &url, &rotated, account_id).await?),
            None => Err(error),
        },
        answer => Ok(answer?),
    }
}

/// Why there is no token.
enum Untaken {
    /// The client is refused.
    Client(SendError),
    Other(SendError),
}

impl From<Untaken> for SendError {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Client(error) | Untaken::Other(error) => error,
        }
    }
}

/// POST /v2/token (Marketing Cloud, "Access Token for Server-to-Server Integrations").
async fn ask(
    http: &Client,
    url: &Url,
    credentials: &ClientCredentials,
    account_id: Option<u64>,
) -> Result<Token, Untaken> {
    let asked_at = Instant::now();
    let body = TokenRequest {
        grant_type: "client_credentials",
        client_id: credentials.id.expose_secret(),
        client_secret: credentials.secret.expose_secret(),
        account_id,
    };
    // Nothing of a mail is sent yet, so whatever goes wrong here may be tried again.
    let answer = http::call(http.post(url.clone()).json(&body)).await;
    let answer =
        answer.map_err(|none| Untaken::Other(retry(None, format!("{PROVIDER}'s token endpoint {}.", none.says()))))?;
    let refusal = |hint: &str| SendError::Retry {
        after: answer.retry_after,
        cause: answer.cause(&format!("{PROVIDER}'s token endpoint"), hint),
    };
    if answer.status.is_client_error() && !answer.is_passing_trouble() {
        return Err(Untaken::Client(refusal(": it refuses the client. Check the secret with its id and secret.")));
    }
    if !answer.status.is_success() {
        return Err(Untaken::Other(refusal(".")));
    }
    let token = answer.json().and_then(|answer| token(&answer, credentials, asked_at));
    token.ok_or_else(|| Untaken::Other(refusal(", but with no token that can be used.")))
}

/// A token counts from the moment it was asked for, and is renewed when nine tenths of its life
/// (of 20 minutes) are over.
fn token(answer: &TokenAnswer, credentials: &ClientCredentials, asked_at: Instant) -> Option<Token> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", answer.access_token)).ok()?;
    bearer.set_sensitive(true);
    let life = Duration::from_secs(answer.expires_in.min(24 * 60 * 60));
    Some(Token { bearer, renew_at: asked_at + life * 9 / 10, credentials: credentials.clone() })
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    #[test]
    fn a_panic_is_the_failure_that_all_who_wait_for_the_token_share() {
        let fetch = shared(async { panic::resume_unwind(Box::new(())) });
        for waiting in [fetch.clone(), fetch] {
            let told = waiting.now_or_never().expect("it doesn't wait");
            assert!(matches!(told, Err(SendError::Retry { after: None, .. })));
        }
    }

    #[test]
    fn a_fetch_is_joined_until_whoever_began_it_gives_up() {
        let timeout = Duration::from_secs(1);
        let http = Arc::new(http::client(timeout, timeout).unwrap());
        let credentials = ClientCredentials { id: "id".into(), secret: "secret".into() };
        let tokens = TokenSource::new(http, "http://127.0.0.1:9/v2/token".parse().unwrap(), credentials.into());
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_hours(1));

        let given_up = tokens.fetch(now);
        let live = tokens.fetch(later);
        assert!(!live.ptr_eq(&given_up));
        assert!(tokens.fetch(now).ptr_eq(&live));
    }
}
