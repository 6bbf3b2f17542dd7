//! A campaign's partner over HTTP. `infra/configuration.md` ("Partners that a campaign calls") has the contract, for whoever
//! runs the API.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::{ItemId, Reference},
    ports::{Partner, PartnerAnswer, PartnerError, PartnerRequest},
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{
    Connections, SetupError,
    http::{Answer, NoBody},
    json_api::JsonApi,
    secret::{Authorization, Secret},
};

const PARTNER: &str = "The partner";

/// Of the contract: what is asked is of this form.
const VERSION: u32 = 1;

/// A partner behind a JSON API.
#[derive(Debug, Clone)]
pub struct HttpPartner(JsonApi);

impl HttpPartner {
    /// The API at `url`, each of whose calls may take `timeout`.
    ///
    /// # Errors
    /// When the URL is none, or TLS can't be set up.
    pub fn new(url: &str, authorization: Option<Secret<Authorization>>, timeout: Duration) -> Result<Self, SetupError> {
        Ok(Self(JsonApi::new("partner's URL", url, authorization, timeout)?))
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.0.connections()
    }

    pub(super) fn read(answer: &Answer) -> Result<PartnerAnswer, PartnerError> {
        let retry = |hint: &str| PartnerError::Retry { after: answer.retry_after, cause: answer.cause(PARTNER, hint) };
        // Of the same key, a call that wasn't waited for may still be worked on (RFC draft "The Idempotency-Key HTTP Header Field",
        // 2.6: 409).
        if matches!(answer.status, StatusCode::ACCEPTED | StatusCode::CONFLICT) {
            return Ok(PartnerAnswer::NotReady { after: answer.retry_after });
        }
        if answer.status.is_success() {
            let reference = reference(&answer.body);
            let reference = reference.map_err(|hint| retry(&format!(", but {hint}.")))?;
            return Ok(PartnerAnswer::Done { reference });
        }
        if let Some(hint) = answer.try_again() {
            return Err(retry(hint));
        }
        Err(PartnerError::Fail { cause: answer.cause(PARTNER, ": it refuses this one.") })
    }
}

/// The reference in a body, if there is one. What is no JSON object, or longer than any that has one, has none; what was cut off
/// may have had one.
fn reference(body: &Result<Vec<u8>, NoBody>) -> Result<Option<Reference>, &'static str> {
    let body = match body {
        Ok(body) => body,
        Err(NoBody::TooLong) => return Ok(None),
        Err(NoBody::BrokeOff) => return Err("its answer broke off"),
    };
    let Ok(Body { reference }) = serde_json::from_slice(body) else { return Ok(None) };
    let Some(reference) = reference.filter(|reference| !reference.is_null()) else { return Ok(None) };
    let read = reference.as_str().and_then(|text| Reference::parse(text).ok());
    read.map(Some).ok_or("with a reference that can't be used: it is a text of 1 to 100 characters on one line")
}

#[async_trait]
impl Partner for HttpPartner {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let PartnerRequest { entry, asked_at, trace } = request;
        let (run, customer) = (entry.run.to_string(), entry.customer.as_str());
        let question = Question { version: VERSION, run, customer, item: entry.item, asked_at: *asked_at };
        let asked = self.0.ask(PARTNER, entry, &question, trace.as_ref()).await;
        let answer = asked.map_err(|cause| PartnerError::Retry { after: None, cause })?;
        Self::read(&answer)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    run: String,
    customer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemId>,
    asked_at: Timestamp,
}

#[derive(Deserialize)]
struct Body {
    reference: Option<serde_json::Value>,
}
