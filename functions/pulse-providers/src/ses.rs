//! Amazon SES, API version 2.

mod account;
mod errors;
mod rate;
mod suppressions;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sesv2::{
    Client, Config,
    config::{SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig},
    error::BuildError,
    operation::send_email::builders::SendEmailFluentBuilder,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{Accepted, Mail, MailLookup, Mailer, Recall, SendError},
};
use tokio::time::Instant;

pub use self::account::SesAccount;
use self::errors::classify;
pub use self::rate::SendingRate;
pub use self::suppressions::SesSuppressions;
use crate::{Connections, Sender, SetupError, connections::Pooled};

/// How long a connection may be idle within an invocation. AWS doesn't say when SES closes one. Nothing on the way is
/// known to close one sooner than 5 seconds, so that a mail isn't written to one that is closed already.
const IDLE: Duration = Duration::from_secs(3);

/// Amazon SES. It takes no idempotency key, so a mail whose answer was lost is never sent again
/// blindly: the tags `customer` and `run`, and `item` where there is one, let SES's events, or a person, settle its fate.
#[derive(Debug)]
pub struct SesMailer {
    client: Client,
    http: Pooled<SharedHttpClient>,
    sender: Sender,
    configuration_set: Option<String>,
    rate: SendingRate,
    timeout: Duration,
}

impl SesMailer {
    /// SES takes no idempotency key, and nobody can ask it for a mail.
    pub const RECALL: Recall = Recall::None { advice: NO_RECORD };

    /// Mails from `sender` (`Name <address>` or an address) at no more than `rate_per_second`.
    /// Sending one may take `timeout`, the wait for its turn included.
    ///
    /// # Errors
    /// When the sender is no address, or the rate no number above zero.
    pub fn new(
        client: Client,
        sender: &str,
        configuration_set: Option<String>,
        rate_per_second: f64,
        timeout: Duration,
    ) -> Result<Self, SetupError> {
        let setting = |what, problem| SetupError::Setting { what, problem };
        let sender = Sender::parse(sender).map_err(|error| setting("sender", format!("can't be used: {error}")))?;
        let rate = SendingRate::per_second(rate_per_second)
            .ok_or_else(|| setting("SES sending rate", "is not above zero".into()))?;
        Ok(Self { client, http: pooled(IDLE), sender, configuration_set, rate, timeout })
    }

    /// The same with connections that may be idle for so long, as tests have it.
    #[must_use]
    pub fn with_idle(self, idle: Duration) -> Self {
        Self { http: pooled(idle), ..self }
    }

    /// Its connections, to be renewed when an invocation begins.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.http.connections()
    }

    /// The recipient is an address only: a display name gains nothing and could break the header.
    fn request(&self, mail: &Mail) -> Result<SendEmailFluentBuilder, BuildError> {
        let body = Body::builder().html(utf8(&mail.content.html)?).text(utf8(&mail.content.text)?).build();
        let mut message = Message::builder()
            .subject(utf8(&mail.content.subject)?)
            .body(body)
            .headers(header("Auto-Submitted", AUTO_SUBMITTED)?)
            .headers(header("Content-Language", &mail.content.language)?);
        if let Some(link) = &mail.unsubscribe {
            message = message
                .headers(header("List-Unsubscribe", &format!("<{}>", link.expose()))?)
                .headers(header("List-Unsubscribe-Post", ONE_CLICK)?);
        }
        let request = self
            .client
            .send_email()
            .from_email_address(self.sender.header())
            .destination(Destination::builder().to_addresses(mail.to.expose()).build())
            .content(EmailContent::builder().simple(message.build()).build())
            .email_tags(tag("customer", mail.entry.customer.as_str())?)
            .email_tags(tag("run", &mail.entry.run.to_string())?)
            .set_configuration_set_name(self.configuration_set.clone());
        Ok(match &mail.entry.item {
            None => request,
            Some(item) => request.email_tags(tag("item", item.as_str())?),
        })
    }
}

/// Nobody wrote it: whoever answers by machine, such as a note of absence, needn't (RFC 3834, 5.2). SES takes it of those who
/// send, as it does `Content-Language`, and sets `Date` and `Message-ID` itself (Amazon SES Developer Guide, "Amazon SES
/// header fields").
const AUTO_SUBMITTED: &str = "auto-generated";

/// RFC 8058, 3.1. Receivers heed it if a signature covers both headers (section 4): `pulse doctor --received` looks.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

const NO_RECORD: &str =
    "SES keeps no record to ask: look for the tags customer and run, and item where there is one, in its events.";

#[async_trait]
impl Mailer for SesMailer {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    fn recall(&self) -> Recall {
        Self::RECALL
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let deadline = Instant::now() + self.timeout;
        let request = self
            .request(mail)
            .map_err(|_| SendError::Fail { cause: Cause::new("The mail can't be put into a request to SES.") })?;
        self.rate.turn(self.timeout / 2).await.map_err(|wait| SendError::Retry {
            after: Some(wait),
            cause: Cause::new("More mails wait for SES than its sending rate lets through."),
        })?;
        let left = deadline.saturating_duration_since(Instant::now());
        let sent = request.customize().config_override(once_within(left).http_client(self.http.client())).send().await;
        let sent = sent.map_err(|error| classify(&error))?;
        let provider_id = sent.message_id.ok_or_else(|| SendError::Lost {
            cause: Cause::new("SES answered without a message id: the mail may have been accepted."),
        })?;
        Ok(Accepted { provider_id })
    }

    async fn look_up(&self, _: &EntryId) -> Result<MailLookup, SendError> {
        Ok(MailLookup::CannotTell(Cause::new(NO_RECORD)))
    }
}

/// Connections of SES's own: those of the SDK's other clients may be idle for longer, as their calls are tried again.
fn pooled(idle: Duration) -> Pooled<SharedHttpClient> {
    let make = move || {
        let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        builder.pool_idle_timeout(idle).build_https()
    };
    Pooled::new(make(), move || Some(make()))
}

/// One attempt: a retry of the SDK's own could mail twice.
fn once_within(timeout: Duration) -> aws_sdk_sesv2::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_timeout(timeout).operation_attempt_timeout(timeout);
    Config::builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts.build())
}

fn utf8(text: &str) -> Result<Content, BuildError> {
    Content::builder().data(text).charset("UTF-8").build()
}

fn header(name: &str, value: &str) -> Result<MessageHeader, BuildError> {
    MessageHeader::builder().name(name).value(value).build()
}

fn tag(name: &str, value: &str) -> Result<MessageTag, BuildError> {
    MessageTag::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_forgotten_before_anybody_is_known_to_close_it() {
        assert!(IDLE < Duration::from_secs(5), "{IDLE:?}");
    }
}
