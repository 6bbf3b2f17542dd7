//! How events get to Pulse: SNS's API, a webhook, and a person's click.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::config::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock as _;
use reqwest::{Client, RequestBuilder, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use sha2::Sha256;

use super::publisher::MailEventTarget;
use crate::http;

const PATIENCE: Duration = Duration::from_secs(10);
const FORM: &str = "application/x-www-form-urlencoded";

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// It makes no sense to try it again.
    Refused,
    /// Nobody answered, or the other side can't take it now.
    Later,
}

pub(super) struct Way {
    http: Client,
    target: MailEventTarget,
}

impl Way {
    pub(super) fn new(target: MailEventTarget) -> Result<Self> {
        Ok(Self { http: http::client(PATIENCE)?, target })
    }

    pub(super) fn is_topic(&self) -> bool {
        matches!(self.target, MailEventTarget::Topic { .. })
    }

    /// Publishes an event to the topic (Amazon SNS API Reference, `Publish`), signed. One call doesn't pay for a client.
    pub(super) async fn publish(&self, event: &Value) -> Answer {
        let MailEventTarget::Topic { aws, arn } = &self.target else { return Answer::Refused };
        match self.signed_publish(aws, arn, &event.to_string()).await {
            Ok(request) => answer(request).await,
            Err(error) => {
                tracing::warn!(%error, "an event can't be signed");
                Answer::Refused
            }
        }
    }

    async fn signed_publish(&self, aws: &SdkConfig, arn: &str, message: &str) -> Result<RequestBuilder> {
        let endpoint = aws.endpoint_url().context("Events are published to an emulator only.")?;
        let url = format!("{}/", endpoint.trim_end_matches('/'));
        let fields = [("Action", "Publish"), ("Version", "2010-03-31"), ("TopicArn", arn), ("Message", message)];
        let body = fields.map(|(name, value)| format!("{name}={}", encoded(value))).join("&");
        let provider = aws.credentials_provider().context("There are no credentials for the emulator.")?;
        let identity = provider.provide_credentials().await?.into();
        let region = aws.region().context("There is no region for the emulator.")?;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region.as_ref())
            .name("sns")
            .time(SystemClock.now().into())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = std::iter::once(("content-type", FORM));
        let request = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(body.as_bytes()))?;
        let (signature, _) = sign(request, &params)?.into_parts();
        let request = self.http.post(&url).header(CONTENT_TYPE, FORM).body(body);
        Ok(signature.headers().fold(request, |request, (name, value)| request.header(name, value)))
    }

    /// Posts a batch to the webhook, signed as Marketing Cloud signs (developer guide, "Notification Signing").
    pub(super) async fn post(&self, batch: &Value) -> Answer {
        let MailEventTarget::Hook { url, key } = &self.target else { return Answer::Refused };
        let body = batch.to_string();
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json;charset=UTF-8");
        answer(request.header("x-sfmc-ens-signature", signature(key, &body)).body(body)).await
    }

    /// Looks at the page behind a link, as a browser does, and presses its button.
    pub(super) async fn click(&self, link: &str) -> Answer {
        match answer(self.http.get(link)).await {
            Answer::Taken => {}
            other => return other,
        }
        answer(self.http.post(link).header(CONTENT_TYPE, FORM).body("List-Unsubscribe=One-Click")).await
    }
}

/// How Marketing Cloud signs a body.
pub(super) fn signature(key: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key may have any length");
    BASE64_STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}

async fn answer(request: RequestBuilder) -> Answer {
    match request.send().await.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Answer::Taken,
        Ok(status) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Answer::Later,
        Ok(status) => {
            tracing::warn!(%status, "an event of the mail stand-in was refused");
            Answer::Refused
        }
        Err(_) => Answer::Later,
    }
}

/// Percent-encodes all that isn't unreserved (RFC 3986, 2.3).
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}
