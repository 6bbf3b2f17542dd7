//! Salesforce Marketing Cloud's transactional messages (Transactional Messaging Email API).
//!
//! A mail is a `POST /messaging/v1/email/messages/{messageKey}`. The message key is the entry's, so
//! that Marketing Cloud itself refuses to send an entry's mail twice: a key may not be used again
//! for two days. The send definition prints the attributes `subject`, `html1` to `html4` one after the other, `text` and
//! `name`.

pub(crate) mod answers;
mod letter_fields;
pub(crate) mod not_sent;
mod token;
mod verify;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{Accepted, Mail, MailLookup, Mailer, Recall, SendError},
};
use reqwest::{Client, RequestBuilder, Url, header::AUTHORIZATION};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

pub use self::verify::EnsVerifier;
use self::{
    answers::{PROVIDER, read_fate, read_send, retry},
    letter_fields::LetterFields,
    token::{Token, TokenSource},
};
use crate::{
    Connections, SetupError,
    connections::Pooled,
    http::{self, Answer, NoAnswer},
    secret::{ClientCredentials, Secret},
};

/// The server closes connections that were idle for 5 seconds, and a mail that is written to a
/// closed one is of unknown fate (Marketing Cloud, "Transactional Messaging API Best Practices").
const IDLE: Duration = Duration::from_secs(4);

/// Marketing Cloud's transactional messages.
#[derive(Debug)]
pub struct MarketingCloudMailer {
    http: Arc<Pooled<Client>>,
    messages: Url,
    definition: String,
    tokens: TokenSource,
    timeout: Duration,
}

impl MarketingCloudMailer {
    /// Marketing Cloud keeps a messageKey for two to three days (Marketing Cloud Engagement, "Transactional
    /// Messaging API": messageKey). Pulse trusts it for a little less than two.
    pub const RECALL: Recall = Recall::ByKey { known_for: Duration::from_hours(46) };

    /// The tenant whose REST base is `url` and whose authentication base is `auth_url`, sending by
    /// the definition with the key `definition`. Sending a mail may take `timeout`, tokens included.
    ///
    /// Without [`Self::in_business_unit`], that is in the business unit of the installed package.
    ///
    /// # Errors
    /// When one of the URLs is none.
    pub fn new(
        url: &str,
        auth_url: &str,
        definition: &str,
        credentials: impl Into<Secret<ClientCredentials>>,
        timeout: Duration,
    ) -> Result<Self, SetupError> {
        let below = |what, base: &str, path: &str| http::url(what, &format!("{}{path}", base.trim_end_matches('/')));
        let messages = below("Marketing Cloud REST URL", url, "/messaging/v1/email/messages/")?;
        let token = below("Marketing Cloud authentication URL", auth_url, "/v2/token")?;
        let http = Arc::new(http::client(timeout, IDLE)?);
        Ok(Self {
            tokens: TokenSource::new(Arc::clone(&http), token, credentials.into()),
            http,
            messages,
            definition: definition.to_owned(),
            timeout,
        })
    }

    /// The same in the business unit with this account identifier, its MID (Marketing Cloud, "Access Token for
    /// Server-to-Server Integrations": `account_id`).
    #[must_use]
    pub fn in_business_unit(self, account_id: Option<u64>) -> Self {
        Self { tokens: self.tokens.in_business_unit(account_id), ..self }
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.http.connections()
    }

    fn message(&self, entry: &EntryId) -> Url {
        let mut url = self.messages.clone();
        url.set_path(&format!("{}{}", url.path(), entry.message_key()));
        url
    }

    /// Makes a call with a token. After a refusal it is made once more with a fresh one, where that may help: the token
    /// may have been revoked before its time, and the client's secret rotated.
    async fn call(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Unmade> {
        let deadline = Instant::now() + self.timeout;
        let first = self.token(deadline).await?;
        let answer = call_with(request(), &first, deadline).await?;
        if !answer.is_refused_caller() {
            return Ok(answer);
        }
        let is_rotated = timeout_at(deadline, self.tokens.is_rotated(&first)).await.unwrap_or(false);
        if answer.status != reqwest::StatusCode::UNAUTHORIZED && !is_rotated {
            return Ok(answer);
        }
        self.tokens.forget(&first);
        let second = self.token(deadline).await?;
        Ok(call_with(request(), &second, deadline).await?)
    }

    async fn token(&self, deadline: Instant) -> Result<Token, Unmade> {
        let token = timeout_at(deadline, self.tokens.token(deadline)).await;
        let token = token.map_err(|_| retry(None, format!("{PROVIDER} gave no token in time.")));
        Ok(token??)
    }
}

/// Why a call wasn't made, or has no answer.
enum Unmade {
    NoToken(SendError),
    NoAnswer(NoAnswer),
}

impl From<SendError> for Unmade {
    fn from(error: SendError) -> Self {
        Self::NoToken(error)
    }
}

impl From<NoAnswer> for Unmade {
    fn from(none: NoAnswer) -> Self {
        Self::NoAnswer(none)
    }
}

async fn call_with(request: RequestBuilder, token: &Token, deadline: Instant) -> Result<Answer, NoAnswer> {
    let left = deadline.saturating_duration_since(Instant::now());
    http::call(request.header(AUTHORIZATION, token.bearer.clone()).timeout(left)).await
}

#[async_trait]
impl Mailer for MarketingCloudMailer {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::MarketingCloud
    }

    fn recall(&self) -> Recall {
        Self::RECALL
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        // It is the letter's fault, and nobody is to be given up for it: the breaker holds the stage.
        let message = Message::of(mail, &self.definition).map_err(|too_long| retry(None, too_long))?;
        let url = self.message(&mail.entry);
        match self.call(|| http::traced(self.http.client().post(url.clone()).json(&message), mail.trace.as_ref())).await
        {
            Ok(answer) => read_send(&answer, &mail.entry),
            Err(Unmade::NoToken(error)) => Err(error),
            Err(Unmade::NoAnswer(NoAnswer::NotSent)) => {
                Err(retry(None, format!("{PROVIDER} {}.", NoAnswer::NotSent.says())))
            }
            Err(Unmade::NoAnswer(none)) => Err(SendError::Lost {
                cause: Cause::new(format!("{PROVIDER} {}: the mail may have been accepted.", none.says())),
            }),
        }
    }

    /// Asks for the message's status, which Marketing Cloud keeps for three days, and limits the rate of. It keeps keys
    /// for two: an answer of [`MailLookup::SafeToSend`] is good for a mail that was handed over less than two days ago.
    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        let url = self.message(entry);
        match self.call(|| self.http.client().get(url.clone())).await {
            Ok(answer) => read_fate(&answer, entry),
            Err(Unmade::NoToken(error)) => Err(error),
            Err(Unmade::NoAnswer(none)) => {
                Err(retry(None, format!("{PROVIDER} {} when it was asked for a mail's fate.", none.says())))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    definition_key: &'a str,
    recipient: Recipient<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recipient<'a> {
    contact_key: &'a str,
    to: &'a str,
    attributes: LetterFields<'a>,
}

impl<'a> Message<'a> {
    fn of(mail: &'a Mail, definition_key: &'a str) -> Result<Self, String> {
        let content = &mail.content;
        let attributes = LetterFields::of(&content.subject, &content.html, &content.text, mail.name.expose())?;
        let recipient = Recipient { contact_key: mail.entry.customer.as_str(), to: mail.to.expose(), attributes };
        Ok(Self { definition_key, recipient })
    }
}
