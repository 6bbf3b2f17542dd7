//! Payloads as the providers sign them.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    feedback::{Feedback, FeedbackKind, FeedbackSource},
    ports::Payload,
    stable_hash::hex_digest,
};
use pulse_feedback::Parsers;
use serde_json::{Value, json};
use sha2::Sha256;

/// The key that all of them sign with here.
pub(crate) const SECRET: &str = "geheim-0123456789";
pub(crate) const CALLBACK: &str = "65b885ab-c2b4-46fe-85d0-d6cb8be8057d";

pub(crate) const PROVIDERS: [FeedbackSource; 3] =
    [FeedbackSource::Ses, FeedbackSource::MarketingCloud, FeedbackSource::Mailgun];

pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) tells: Vec<String>,
}

/// When payloads come in.
pub(crate) fn received() -> Timestamp {
    "2026-11-05T09:01:00Z".parse().unwrap()
}

pub(crate) fn parsers() -> Parsers {
    let secret = json!({
        "marketing-cloud": {"callback": CALLBACK, "keys": ["another", SECRET]},
        "mailgun": {"keys": ["another", SECRET]},
    });
    Parsers::parse(&secret.to_string().into()).unwrap()
}

pub(crate) fn payload<const N: usize>(body: &str, headers: [(&str, &str); N], received_at: Timestamp) -> Payload {
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Payload { body: body.to_owned(), headers: BTreeMap::from(headers), received_at }
}

pub(crate) fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

/// Marketing Cloud's, over the whole body.
pub(crate) fn ens(body: &str, key: &str) -> Payload {
    let code = BASE64_STANDARD.encode(hmac(key.as_bytes(), body));
    payload(body, [("x-sfmc-ens-signature", &code)], received())
}

/// Mailgun's, of a moment and a token.
pub(crate) fn mailgun(body: &str, key: &str, at: Timestamp, token: &str) -> Payload {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(body) else { return payload(body, [], received()) };
    let seconds = at.as_second().to_string();
    let code = hmac(key.as_bytes(), &format!("{seconds}{token}")).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    fields.insert("signature".into(), json!({"timestamp": seconds, "token": token, "signature": code}));
    payload(&Value::Object(fields).to_string(), [], received())
}

pub(crate) trait Provider {
    fn fixtures(self) -> Vec<Fixture>;
    fn signed(self, body: &str) -> Payload;
    fn signs_inside(self) -> bool;
    fn forgeries(self, body: &str) -> Vec<(&'static str, Payload)>;
}

impl Provider for FeedbackSource {
    fn fixtures(self) -> Vec<Fixture> {
        let folder = format!("{}/fixtures/{self}", env!("CARGO_MANIFEST_DIR"));
        let read = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}")).map(|file| {
            let path = file.unwrap().path();
            let fixture: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let body = match &fixture["body"] {
                Value::String(text) => text.clone(),
                body => body.to_string(),
            };
            let tells = fixture["tells"].as_array().unwrap();
            let tells = tells.iter().map(|told| told.as_str().unwrap().to_owned()).collect();
            Fixture { name: path.display().to_string(), body, tells }
        });
        read.collect()
    }

    fn signed(self, body: &str) -> Payload {
        match self {
            Self::Ses => payload(body, [], received()),
            Self::MarketingCloud => ens(body, SECRET),
            Self::Mailgun => mailgun(body, SECRET, received(), &hex_digest(body)[..50]),
        }
    }

    fn signs_inside(self) -> bool {
        self == Self::Mailgun
    }

    fn forgeries(self, body: &str) -> Vec<(&'static str, Payload)> {
        let long = SignedDuration::from_hours(10);
        match self {
            Self::Ses => Vec::new(),
            Self::MarketingCloud => {
                let signed = ens(body, SECRET);
                let with = |code: &str| payload(body, [("x-sfmc-ens-signature", code)], received());
                let code = &signed.headers["x-sfmc-ens-signature"];
                vec![
                    ("no signature", payload(body, [], received())),
                    ("an empty signature", with("")),
                    ("no Base64", with("*")),
                    ("half a signature", with(&code[..20])),
                    ("one that is of another key", ens(body, "yet another")),
                    ("one byte more", Payload { body: format!("{body} "), ..signed.clone() }),
                    ("one byte changed", Payload { body: body.replacen("ada@", "adb@", 1) + " ", ..signed }),
                ]
            }
            Self::Mailgun => {
                let signed = mailgun(body, SECRET, received(), "t");
                let with = |field: &str, value: Value| {
                    let mut body: Value = serde_json::from_str(&signed.body).unwrap();
                    body["signature"][field] = value;
                    payload(&body.to_string(), [], received())
                };
                vec![
                    ("no signature", payload(body, [], received())),
                    ("an empty signature", with("signature", "".into())),
                    ("no hexadecimal", with("signature", "*".into())),
                    ("another token", with("token", "u".into())),
                    ("another moment", with("timestamp", json!(received().as_second() + 1))),
                    ("no token", with("token", Value::Null)),
                    ("one that is of another key", mailgun(body, "yet another", received(), "t")),
                    ("an old one", mailgun(body, SECRET, received() - long, "t")),
                    ("one of the future", mailgun(body, SECRET, received() + long, "t")),
                ]
            }
        }
    }
}

/// An event in a line: what, of which entry or customer, by which id, to whom, when.
pub(crate) fn line(event: &Feedback) -> String {
    let what = match &event.kind {
        FeedbackKind::Accepted => "accepted".into(),
        FeedbackKind::Delivered => "delivered".into(),
        FeedbackKind::Delayed => "delayed".into(),
        FeedbackKind::Complained => "complained".into(),
        FeedbackKind::Unsubscribed => "unsubscribed".into(),
        FeedbackKind::Rejected { invalid_address: true, .. } => "rejected for the address".into(),
        FeedbackKind::Rejected { invalid_address: false, .. } => "rejected".into(),
        FeedbackKind::Bounced(bounce) => {
            let status = bounce.status.as_ref().map(|status| format!(" {status}"));
            format!("bounced {:?}{}", bounce.kind, status.unwrap_or_default()).to_lowercase()
        }
    };
    let about = &event.about;
    let of = about.entry.as_ref().map(ToString::to_string);
    let of = of.or_else(|| about.customer.as_ref().map(|customer| format!("customer {customer}")));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let address = about.address.as_ref().map(|address| address.expose().to_owned());
    format!("{what} | {} | {} | {} | {}", or_dash(of), or_dash(about.provider_id.clone()), or_dash(address), event.at)
}

/// The paths of all values of a document.
pub(crate) fn paths(value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below =
        below.into_iter().flat_map(|(name, value)| paths(value).into_iter().map(move |rest| format!("/{name}{rest}")));
    std::iter::once(String::new()).chain(below).collect()
}
