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
//! A campaign that is about several items of a customer's, such as invoices, has an `item` beside the `run`, and in the key: as in
//! `c-1042_invoices.INV-1`. `product` is `loan` or `card`, `score` is a whole number from 0 to 1000, `band` has 1 to 32
//! characters, `as_of` is RFC 3339. Other members are passed over. What else may be answered:
//!
//! | status | means | what follows |
//! | --- | --- | --- |
//! | 408, 425, 429, 5xx | busy or broken | another try, no sooner than Retry-After says (seconds or a date) |
//! | 401, 403 | Pulse isn't let in | the secret is read again, and tried at once if it is another one; or else another try later: an operator has to mend it, no customer is given up for it |
//! | 3xx, or 2xx with another body | something stands between | another try |
//! | any other 4xx | no score for this customer | the customer's entry fails |

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::ItemId,
    ports::{ScoreError, ScoreRequest, Scorer},
    score::{Band, Score, ScoreValue},
};
use serde::{Deserialize, Serialize};

use crate::{
    Connections, SetupError,
    http::Answer,
    json_api::JsonApi,
    secret::{Authorization, Secret},
};

const PROVIDER: &str = "The scoring provider";

/// The scoring provider behind a JSON API.
#[derive(Debug, Clone)]
pub struct HttpScorer(JsonApi);

impl HttpScorer {
    /// The API at `url`, each of whose calls may take `timeout`.
    ///
    /// # Errors
    /// When the URL is none, or TLS can't be set up.
    pub fn new(url: &str, authorization: Option<Secret<Authorization>>, timeout: Duration) -> Result<Self, SetupError> {
        Ok(Self(JsonApi::new("scoring provider's URL", url, authorization, timeout)?))
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.0.connections()
    }

    pub(super) fn read(answer: &Answer) -> Result<Score, ScoreError> {
        let retry = |hint: &str| ScoreError::Retry { after: answer.retry_after, cause: answer.cause(PROVIDER, hint) };
        if answer.status.is_success() {
            let body: Option<Body> = answer.json();
            return body.map(Score::from).ok_or_else(|| retry(", but with no score that can be read."));
        }
        if let Some(hint) = answer.try_again() {
            return Err(retry(hint));
        }
        let cause = answer.cause(PROVIDER, ": it has no score for this customer.");
        Err(ScoreError::Fail { cause })
    }
}

#[async_trait]
impl Scorer for HttpScorer {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let ScoreRequest { entry, product, trace } = request;
        let (customer, product, run) = (entry.customer.as_str(), product.as_str(), entry.run.to_string());
        let question = Question { customer, product, run, item: entry.item };
        let asked = self.0.ask(PROVIDER, entry, &question, trace.as_ref()).await;
        let answer = asked.map_err(|cause| ScoreError::Retry { after: None, cause })?;
        Self::read(&answer)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    customer: &'a str,
    product: &'a str,
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemId>,
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
