//! What providers tell of mails, and partners of customers.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use pulse_core::{
    enrollment::PartnerChange,
    feedback::{FeedbackKind, FeedbackSource},
    ports::{Payload, PayloadError},
};
use pulse_feedback::Parsers;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::quotes_nothing;

const KEY: &str = "key";
const NOW: i64 = 1_793_869_200;

/// A source's name in the first line, `partner` among them, and in the others what it sends, signed here.
///
/// # Panics
/// When a cause or an id quotes what was sent, or the same tells something else the second time.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (source, body) = text.split_once('\n').unwrap_or((text, ""));
    if source == "partner" {
        if let Err(cause) = PartnerChange::parse(body) {
            quotes_nothing(&cause);
        }
        return;
    }
    let Some(source) = FeedbackSource::of_word(source) else { return };
    let payload = signed(source, body);
    // A parser of its own, which remembers no token of another input.
    let secret = json!({"marketing-cloud": {"keys": [KEY]}, "mailgun": {"keys": [KEY]}});
    let Ok(parsers) = Parsers::parse(&secret.to_string().into()) else {
        panic!("the secret is of the documented form")
    };
    let Some(parser) = parsers.of(source) else { panic!("{source} has a key") };
    let told = parser.parse(&payload);
    assert_eq!(parser.parse(&payload), told, "the same tells the same");
    if serde_json::from_str::<Value>(&payload.body).is_ok_and(|body| body.is_object()) {
        assert!(!matches!(told, Err(PayloadError::Forged(_))), "what is signed here is believed");
    }
    match told {
        Err(PayloadError::Forged(cause) | PayloadError::Unreadable(cause)) => quotes_nothing(&cause),
        Ok(events) => {
            for event in events {
                assert!(event.id.len() < 200 && event.id.is_ascii() && !event.id.contains(['@', '\n']), "an id quotes");
                if let FeedbackKind::Rejected { cause, .. } = &event.kind {
                    quotes_nothing(cause);
                }
            }
        }
    }
}

fn signed(source: FeedbackSource, body: &str) -> Payload {
    let mut payload = Payload {
        body: body.to_owned(),
        headers: BTreeMap::new(),
        received_at: Timestamp::from_second(NOW).unwrap_or_default(),
    };
    match source {
        FeedbackSource::Ses => {}
        FeedbackSource::MarketingCloud => {
            let code = BASE64_STANDARD.encode(hmac(body));
            payload.headers.insert("x-sfmc-ens-signature".into(), code);
        }
        FeedbackSource::Mailgun => {
            if let Ok(Value::Object(mut fields)) = serde_json::from_str(body) {
                let code = hmac(&format!("{NOW}t")).iter().fold(String::new(), |mut hex, byte| {
                    let _ = write!(hex, "{byte:02x}");
                    hex
                });
                fields.insert("signature".into(), json!({"timestamp": NOW, "token": "t", "signature": code}));
                payload.body = Value::Object(fields).to_string();
            }
        }
    }
    payload
}

fn hmac(message: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(KEY.as_bytes())
        .map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec())
}
