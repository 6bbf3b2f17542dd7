//! A campaign's partner over HTTP. `infra/configuration.md` ("Partners that a campaign calls") has the contract, for whoever
//! runs the API.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::Reference,
    failure::Cause,
    ports::{Partner, PartnerAnswer, PartnerError, PartnerRequest},
};
use reqwest::{Client, StatusCode, Url, header::AUTHORIZATION};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    Connections, SetupError,
    connections::Pooled,
    http::{self, Answer, NoAnswer},
    secret::{Authorization, Secret},
};

const PARTNER: &str = "The partner";

/// Of the contract: what is asked is of this form.
const VERSION: u32 = 1;

/// Shorter than load balancers keep idle connections: 60 seconds, where nobody has set them otherwise (Elastic Load
/// Balancing, "Application Load Balancers": connection idle timeout).
const IDLE: Duration = Duration::from_secs(30);

/// A partner behind a JSON API.
#[derive(Debug, Clone)]
pub struct HttpPartner {
    http: Arc<Pooled<Client>>,
    url: Url,
    authorization: Option<Arc<Secret<Authorization>>>,
    timeout: Duration,
}

impl HttpPartner {
    /// The API at `url`, each of whose calls may take `timeout`.
    ///
    /// # Errors
    /// When the URL is none, or TLS can't be set up.
    pub fn new(url: &str, authorization: Option<Secret<Authorization>>, timeout: Duration) -> Result<Self, SetupError> {
        Ok(Self {
            http: Arc::new(http::client(timeout, IDLE)?),
            url: http::url("partner's URL", url)?,
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
    async fn ask_once(&self, request: &PartnerRequest) -> Result<Answer, NoAnswer> {
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

    async fn ask_as(&self, caller: Option<&Authorization>, request: &PartnerRequest) -> Result<Answer, NoAnswer> {
        let question = Question {
            version: VERSION,
            run: request.entry.run.to_string(),
            customer: request.entry.customer.as_str(),
            asked_at: request.asked_at,
        };
        let call = self.http.client().post(self.url.clone());
        let mut call = call.header("Idempotency-Key", request.entry.message_key()).json(&question);
        if let Some(authorization) = caller {
            call = call.header(AUTHORIZATION, authorization.header());
        }
        http::call(http::traced(call, request.trace.as_ref())).await
    }

    pub(super) fn read(answer: &Answer) -> Result<PartnerAnswer, PartnerError> {
        let retry = |hint: &str| PartnerError::Retry { after: answer.retry_after, cause: answer.cause(PARTNER, hint) };
        if answer.status == StatusCode::ACCEPTED {
            return Ok(PartnerAnswer::NotReady { after: answer.retry_after });
        }
        if answer.status.is_success() {
            let reference = reference(answer.body.as_deref());
            let reference = reference.map_err(|hint| retry(&format!(", but {hint}.")))?;
            return Ok(PartnerAnswer::Done { reference });
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
        Err(PartnerError::Fail { cause: answer.cause(PARTNER, ": it refuses this one.") })
    }
}

/// The reference in a body, if there is one. What is no JSON object has none; what was cut off may have had one.
fn reference(body: Option<&[u8]>) -> Result<Option<Reference>, &'static str> {
    let body = body.ok_or("its answer broke off")?;
    let Ok(Body { reference }) = serde_json::from_slice(body) else { return Ok(None) };
    let Some(reference) = reference.filter(|reference| !reference.is_null()) else { return Ok(None) };
    let read = reference.as_str().and_then(|text| Reference::parse(text).ok());
    read.map(Some).ok_or("with a reference that can't be used: it is a text of 1 to 100 characters on one line")
}

#[async_trait]
impl Partner for HttpPartner {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let asked = timeout(self.timeout, self.ask_once(request)).await;
        let answer = asked.unwrap_or(Err(NoAnswer::TimedOut)).map_err(|none| PartnerError::Retry {
            after: None,
            cause: Cause::new(format!("{PARTNER} {}.", none.says())),
        })?;
        Self::read(&answer)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    run: String,
    customer: &'a str,
    asked_at: Timestamp,
}

#[derive(Deserialize)]
struct Body {
    reference: Option<serde_json::Value>,
}
