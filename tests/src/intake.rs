//! What strangers send to the intake: payloads as providers shape and sign them, posted to the deployed API.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac};
use jiff::Timestamp;
use pulse_aws::sdk::SdkConfig;
use pulse_core::{customer::CustomerId, entry::EntryId, run::RunId};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;

/// The run that all of it is about.
pub const RUN: &str = "2026-10";

/// The callback of Marketing Cloud that the secret names.
pub const CALLBACK: &str = "65b885ab-5b1f-4f2e-9e0e-0d6a4f0d6b1e";

const MAILGUN_KEY: &str = "mailgun-webhook-signing-key";
const MARKETING_CLOUD_KEY: &str = "callback-signature-key";
const PARTNER_KEY: &[u8] = b"a key that a partner has, 32 byt";

/// The secret that says so, as `FeedbackSecret` names it.
#[must_use]
pub fn secret() -> Value {
    let partner = format!("whsec_{}", BASE64_STANDARD.encode(PARTNER_KEY));
    json!({
        "mailgun": { "keys": [MAILGUN_KEY] },
        "marketing-cloud": { "callback": CALLBACK, "keys": [MARKETING_CLOUD_KEY] },
        "partners": { "crm": { "keys": [partner] } },
    })
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    parts.iter().fold(mac, Mac::chain_update).finalize().into_bytes().to_vec()
}

/// A POST to the intake.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to, from the API's root on.
    pub path: String,
    /// Headers, the content type among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Post {
    fn json(path: &str, headers: Vec<(&'static str, String)>, body: String) -> Self {
        let content_type = ("content-type", "application/json; charset=utf-8".to_owned());
        Self { path: path.into(), headers: [content_type].into_iter().chain(headers).collect(), body }
    }

    /// Mailgun's webhook of one event, which it signs in the body, with these words for it and anything else.
    #[must_use]
    pub fn mailgun(customer: &CustomerId, event: Value, at: Timestamp) -> Self {
        let (seconds, token) =
            (at.as_second().to_string(), format!("{:0>50}", format!("{customer}{}", at.as_nanosecond())));
        let code = hmac(MAILGUN_KEY.as_bytes(), &[seconds.as_bytes(), token.as_bytes()]);
        let signature = code.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let mut data = json!({
            "id": format!("ev-{customer}"), "timestamp": at.as_microsecond() as f64 / 1e6, "log-level": "info",
            "recipient": format!("{customer}@example.com"), "recipient-domain": "example.com",
            "user-variables": { "customer": customer.as_str(), "run": RUN }, "tags": ["monthly"],
            "message": { "headers": { "message-id": format!("{customer}@mail.example.com"), "subject": "Ihr Überblick – 10 % & mehr" }, "attachments": [], "size": 4512 },
            "delivery-status": { "code": 250, "message": "OK", "attempt-no": 1, "tls": true, "mx-host": "mx.example.com" },
        });
        if let (Value::Object(data), Value::Object(event)) = (&mut data, event) {
            data.extend(event);
        }
        let signature = json!({ "token": token, "timestamp": seconds, "signature": signature });
        Self::json("/hooks/mailgun", Vec::new(), json!({ "signature": signature, "event-data": data }).to_string())
    }

    /// Marketing Cloud's batch, signed as a whole.
    #[must_use]
    pub fn marketing_cloud(customer: &CustomerId, at: Timestamp) -> Self {
        let event = json!({
            "eventCategoryType": "TransactionalSendEvents.EmailSent", "timestampUTC": at.as_millisecond(),
            "compositeId": format!("{customer}.1.2"), "definitionKey": "pulse-monthly", "mid": "7280001", "eid": 7_000_001,
            "composite": { "jobId": "1", "batchId": "2", "listId": "3", "subscriberId": "4", "emailId": "5" },
            "info": { "messageKey": entry_id(customer).message_key(), "contactKey": customer.as_str(), "to": format!("{customer}@example.com"), "renderTimestampUTC": at.as_millisecond() },
        });
        let body = json!([event]).to_string();
        let signature = BASE64_STANDARD.encode(hmac(MARKETING_CLOUD_KEY.as_bytes(), &[body.as_bytes()]));
        Self::json("/hooks/marketing-cloud", vec![("x-sfmc-ens-signature", signature)], body)
    }

    /// What Marketing Cloud asks, unsigned, for a callback to be verified.
    #[must_use]
    pub fn verification(asked: &Value) -> Self {
        Self::json("/hooks/marketing-cloud", Vec::new(), asked.to_string())
    }

    /// A partner's word that a customer wants no more mail.
    #[must_use]
    pub fn partner(customer: &CustomerId, at: Timestamp) -> Self {
        Self::partner_change(customer, 7, &json!({ "opted_out": true }), at)
    }

    /// A partner's change of this number, with these facts.
    #[must_use]
    pub fn partner_change(customer: &CustomerId, sequence: u64, facts: &Value, at: Timestamp) -> Self {
        let mut body = json!({ "customer": customer.as_str(), "sequence": sequence, "occurred_at": at.to_string() });
        if let (Value::Object(body), Value::Object(facts)) = (&mut body, facts) {
            body.extend(facts.clone());
        }
        let (id, seconds, body) = (format!("msg_{customer}"), at.as_second().to_string(), body.to_string());
        let signature = hmac(PARTNER_KEY, &[id.as_bytes(), b".", seconds.as_bytes(), b".", body.as_bytes()]);
        let signature = format!("v1,{}", BASE64_STANDARD.encode(signature));
        let headers = vec![("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", signature)];
        Self::json("/partners/crm", headers, body)
    }

    /// A click on the mail client's button, in one of the content types in which clients make it.
    #[must_use]
    pub fn one_click(token: &str, content_type: &str) -> Self {
        let (content_type, body) = match content_type {
            "multipart/form-data" => (
                "multipart/form-data; boundary=abc",
                "--abc\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--abc--\r\n",
            ),
            other => (other, "List-Unsubscribe=One-Click"),
        };
        let headers = vec![("content-type", content_type.to_owned())];
        Self { path: format!("/u/{token}"), headers, body: body.into() }
    }
}

/// The entry that payloads about a customer are about.
///
/// # Panics
/// Never.
#[must_use]
pub fn entry_id(customer: &CustomerId) -> EntryId {
    EntryId::of(customer.clone(), RunId::parse(RUN).expect("a run"))
}

/// SES's event of a delivery, as its topic gives it on.
#[must_use]
pub fn ses_delivery(customer: &CustomerId, at: Timestamp) -> String {
    let mail = json!({
        "timestamp": at.to_string(), "messageId": format!("0100-{customer}"), "source": "pulse@example.com",
        "destination": [format!("{customer}@example.com")], "tags": { "customer": [customer.as_str()], "run": [RUN], "ses:configuration-set": ["pulse"] },
    });
    let delivery = json!({ "timestamp": at.to_string(), "processingTimeMillis": 540, "recipients": [format!("{customer}@example.com")], "smtpResponse": "250 2.6.0 OK" });
    json!({ "eventType": "Delivery", "mail": mail, "delivery": delivery }).to_string()
}

/// Posts to a deployed API at the emulator.
pub struct IntakeClient {
    root: String,
    http: Client,
}

impl IntakeClient {
    /// The API with this id at the emulator, whose stage is `v1`.
    ///
    /// # Panics
    /// When there can be no client.
    #[must_use]
    pub fn new(aws: &SdkConfig, api: &str) -> Self {
        let endpoint = aws.endpoint_url().expect("an emulator").trim_end_matches('/');
        Self::at(format!("{endpoint}/_aws/execute-api/{api}/v1"))
    }

    /// The API at this address.
    ///
    /// # Panics
    /// When there can be no client.
    #[must_use]
    pub fn at(root: String) -> Self {
        // Refused where the program has installed it already, which does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().expect("a client");
        Self { root, http }
    }

    /// Where the API is.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Posts, and says what was answered.
    ///
    /// # Panics
    /// When nothing is.
    pub async fn post(&self, post: &Post) -> Response {
        let mut request = self.http.post(format!("{}{}", self.root, post.path)).body(post.body.clone());
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        request.send().await.expect("an answer")
    }

    /// Any other request.
    ///
    /// # Panics
    /// When nothing is answered.
    pub async fn request(&self, method: Method, path: &str) -> Response {
        self.http.request(method, format!("{}{path}", self.root)).send().await.expect("an answer")
    }
}
