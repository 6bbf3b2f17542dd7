//! What JSON APIs share that are asked for one customer at a time: a key that is the same at every attempt, a secret that may be
//! rotated, and answers after which another try is due.

use std::{sync::Arc, time::Duration};

use pulse_core::{entry::EntryId, failure::Cause, trace::TraceHeader};
use reqwest::{Client, Url, header::AUTHORIZATION};
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    Connections, SetupError,
    connections::Pooled,
    http::{self, Answer, NoAnswer},
    secret::{Authorization, Secret},
};

/// Shorter than load balancers keep idle connections: 60 seconds, where nobody has set them otherwise (Elastic Load
/// Balancing, "Application Load Balancers": connection idle timeout).
const IDLE: Duration = Duration::from_secs(30);

/// An API to which questions are posted.
#[derive(Debug, Clone)]
pub(super) struct JsonApi {
    http: Arc<Pooled<Client>>,
    url: Url,
    authorization: Option<Arc<Secret<Authorization>>>,
    timeout: Duration,
}

impl JsonApi {
    /// The API at `url`, which is `what` of the configuration, and each of whose calls may take `timeout`.
    pub(super) fn new(
        what: &'static str,
        url: &str,
        authorization: Option<Secret<Authorization>>,
        timeout: Duration,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            http: Arc::new(http::client(timeout, IDLE)?),
            url: http::url(what, url)?,
            authorization: authorization.map(Arc::new),
            timeout,
        })
    }

    /// Its connections, to be renewed when an invocation begins.
    pub(super) fn connections(&self) -> Connections {
        self.http.connections()
    }

    /// Asks about an entry. What was not answered is told of `who`.
    pub(super) async fn ask(
        &self,
        who: &str,
        entry: &EntryId,
        question: &impl Serialize,
        trace: Option<&TraceHeader>,
    ) -> Result<Answer, Cause> {
        let key = entry.message_key();
        let call = || {
            let call = self.http.client().post(self.url.clone()).header("Idempotency-Key", &key).json(question);
            http::traced(call, trace)
        };
        let asked = timeout(self.timeout, self.ask_once(call)).await;
        asked.unwrap_or(Err(NoAnswer::TimedOut)).map_err(|none| Cause::new(format!("{who} {}.", none.says())))
    }

    /// Asks once, and once more with another secret if the first is refused and there is one.
    async fn ask_once(&self, call: impl Fn() -> reqwest::RequestBuilder) -> Result<Answer, NoAnswer> {
        let Some(secret) = &self.authorization else { return http::call(call()).await };
        let call_as = |caller: &Authorization| http::call(call().header(AUTHORIZATION, caller.header()));
        let authorization = secret.current().await;
        let answer = call_as(&authorization).await?;
        if !answer.is_refused_caller() {
            return Ok(answer);
        }
        match secret.instead_of(&authorization).await {
            Some(rotated) => call_as(&rotated).await,
            None => Ok(answer),
        }
    }
}

impl Answer {
    /// What to say of an answer that says nothing about the customer, and after which another try is due.
    pub(super) fn try_again(&self) -> Option<&'static str> {
        if self.is_passing_trouble() {
            Some(".")
        } else if self.is_refused_caller() {
            Some(": it doesn't let Pulse in. Check the secret with its Authorization.")
        } else if self.status.is_redirection() {
            Some(": it is somewhere else now. Check its URL.")
        } else {
            None
        }
    }
}
