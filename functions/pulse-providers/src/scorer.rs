//! The scoring provider over HTTP.
//!
//! The contract, for whoever runs the scoring API:
//!
//! ```text
//! POST {SCORE_URL}
//! Authorization: the value in the secret, if there is one
//! Idempotency-Key: c-1042_2026-11        customer and run, the same for every attempt
//! Content-Type: application/json
//!
//! {"customer": "c-1042", "product": "loan", "run": "2026-11"}
//!
//! 200 {"score": 712, "band": "good", "as_of": "2026-11-03T08:15:00Z"}
//! ```
//!
//! `product` is `loan` or `card`, `score` is a whole number from 0 to 1000, `band` has 1 to 32
//! characters, `as_of` is RFC 3339. Other members are passed over. What else may be answered:
//!
//! | status | means | what follows |
//! | --- | --- | --- |
//! | 408, 425, 429, 5xx | busy or broken | another try, no sooner than Retry-After says (seconds or a date) |
//! | 401, 403 | Pulse isn't let in | the secret is read again, and tried at once if it is another one; or else another try later: an operator has to mend it, no customer is given up for it |
//! | 3xx, or 2xx with another body | something stands between | another try |
//! | any other 4xx | no score for this customer | the customer's entry fails |

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    failure::Cause,
    ports::{ScoreError, ScoreRequest, Scorer},
    score::{Band, Score, ScoreValue},
};
use reqwest::{Client, Url, header::AUTHORIZATION};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    Connections, SetupError,
    connections::Pooled,
    http::{self, Answer, NoAnswer},
    secret::{Authorization, Secret},
};

const PROVIDER: &str = "The scoring provider";

/// Shorter than load balancers keep idle connections: 60 seconds, where nobody has set them otherwise (Elastic Load
/// Balancing, "Application Load Balancers": connection idle timeout).
const IDLE: Duration = Duration::from_secs(30);

/// The scoring provider behind a JSON API.
#[derive(Debug, Clone)]
pub struct HttpScorer {
    http: Arc<Pooled<Client>>,
    url: Url,
    authorization: Option<Arc<Secret<Authorization>>>,
    timeout: Duration,
}

impl HttpScorer {
    /// The API at `url`, each of whose calls may take `timeout`.
    ///
    /// # Errors
    /// When the URL is none, or TLS can't be set up.
    pub fn new(url: &str, authorization: Option<Secret<Authorization>>, timeout: Duration) -> Result<Self, SetupError> {
        Ok(Self {
            http: Arc::new(http::client(timeout, IDLE)?),
            url: http::url("scoring provider's URL", url)?,
            authorization: authorization.map(Arc::new),
            timeout,
        })
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.http.connections()
    }

    /// Asks once, and once more with another secret if the first is refused and there is one.
    async fn ask(&self, request: &ScoreRequest) -> Result<Answer, NoAnswer> {
        let Some(secret) = &self.authorization else { return self.ask_as(None, request).await };
        let authorization = secret.current().await;
        let answer = self.ask_as(Some(&authorization), request).await?;
        if !answer.is_refused_caller() {
            return Ok(answer);
        }
        match secret.instead_of(&authorization).await {
            Some(rotated) => self.ask_as(Some(&rotated), request).await,
            None => Ok(answer),
        }
    }

    async fn ask_as(&self, caller: Option<&Authorization>, request: &ScoreRequest) -> Result<Answer, NoAnswer> {
        let question = Question {
            customer: request.entry.customer.as_str(),
            product: request.product.as_str(),
            run: request.entry.run.to_string(),
        };
        let call = self.http.client().post(self.url.clone());
        let mut call = call.header("Idempotency-Key", request.entry.message_key()).json(&question);
        if let Some(authorization) = caller {
            call = call.header(AUTHORIZATION, authorization.header());
        }
        http::call(http::traced(call, request.trace.as_ref())).await
    }

    pub(super) fn read(answer: &Answer) -> Result<Score, ScoreError> {
        let retry = |hint: &str| ScoreError::Retry { after: answer.retry_after, cause: answer.cause(PROVIDER, hint) };
        if answer.status.is_success() {
            let body: Option<Body> = answer.json();
            return body.map(Score::from).ok_or_else(|| retry(", but with no score that can be read."));
        }
        if answer.is_passing_trouble() {
            return Err(retry("."));
        }
        if answer.is_refused_caller() {
            return Err(retry(": it doesn't let Pulse in. Check the secret with its Authorization."));
        }
        if answer.status.is_redirection() {
            return Err(retry(": it is somewhere else now. Check its URL."));
        }
        let cause = answer.cause(PROVIDER, ": it has no score for this customer.");
        Err(ScoreError::Fail { cause })
    }
}

#[async_trait]
impl Scorer for HttpScorer {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let asked = timeout(self.timeout, self.ask(request)).await;
        let answer = asked.unwrap_or(Err(NoAnswer::TimedOut)).map_err(|none| ScoreError::Retry {
            after: None,
            cause: Cause::new(format!("{PROVIDER} {}.", none.says())),
        })?;
        Self::read(&answer)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    customer: &'a str,
    product: &'a str,
    run: String,
}

#[derive(Deserialize)]
struct Body {
    score: ScoreValue,
    band: Band,
    as_of: Timestamp,
}

impl From<Body> for Score {
    fn from(body: Body) -> Self {
        Self { value: body.score, band: body.band, as_of: body.as_of }
    }
}
