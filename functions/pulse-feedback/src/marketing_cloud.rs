//! Salesforce Marketing Cloud's Event Notification Service (developer guide, "Event Notification Service": "Transactional
//! Email Events", "Engagement Email Events", "Notification Signing", "POST /platform/v1/ens-verify").

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::EntryId,
    failure::Cause,
    feedback::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    ports::{FeedbackParser, Payload, PayloadError},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    fields::{address, forged, id_or_digest, json, number, of_seconds, shown_id, text, unreadable},
    signature::is_hmac,
    status::{EnhancedStatus, bounce_kind},
};

const SIGNATURE: &str = "x-sfmc-ens-signature";

/// Reads batches of notifications. They are signed with the key of their callback; there may be two of these while one is
/// exchanged for the other. A batch that is sent again by somebody tells what is known already.
#[derive(Debug, Clone)]
pub struct MarketingCloudParser {
    callback: Option<String>,
    keys: Vec<SecretString>,
}

/// A callback that Marketing Cloud asks to be verified, which is done by handing both of these back.
///
/// The request is unsigned, and anybody can write one: whoever has a tenant of their own can name this deployment's address
/// there. So it counts only for the callback that the configuration names. Where none is named yet, the request stays
/// unread, as its key can be used once, within four hours: it is to be brought back from the dead letters once the callback
/// has been named. Marketing Cloud names it in the answer to its creation, together with the signature key.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Which callback.
    pub callback_id: String,
    /// The key that shows that the request arrived.
    pub verification_key: SecretString,
}

impl MarketingCloudParser {
    /// Believes what is signed with one of the keys, and verifies the callback of this id.
    #[must_use]
    pub fn new(callback: Option<String>, keys: Vec<SecretString>) -> Self {
        Self { callback, keys }
    }

    /// The callback that this payload asks to be verified, if it is the configuration's. Such a payload tells nothing else.
    #[must_use]
    pub fn verification(&self, payload: &Payload) -> Option<Verification> {
        let asked = asked(payload)?;
        (self.callback.as_ref() == Some(&asked.callback_id)).then_some(asked)
    }

    fn is_signed(&self, payload: &Payload) -> bool {
        let code = payload.headers.get(SIGNATURE).and_then(|code| BASE64_STANDARD.decode(code.trim()).ok());
        let fits =
            |key: &SecretString, code: &[u8]| is_hmac(key.expose_secret().as_bytes(), &[payload.body.as_bytes()], code);
        code.is_some_and(|code| self.keys.iter().any(|key| fits(key, &code)))
    }
}

fn asked(payload: &Payload) -> Option<Verification> {
    if payload.headers.contains_key(SIGNATURE) || payload.body.len() > 2_000 {
        return None;
    }
    let body: Value = serde_json::from_str(&payload.body).ok()?;
    let is_whole = body.as_object().is_some_and(|body| body.len() == 2);
    let (callback, key) = text(&body, "/callbackId").zip(text(&body, "/verificationKey")).filter(|_| is_whole)?;
    Some(Verification { callback_id: shown_id(callback)?, verification_key: shown_id(key)?.into() })
}

impl FeedbackParser for MarketingCloudParser {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::MarketingCloud
    }

    fn parse(&self, payload: &Payload) -> Result<Vec<Feedback>, PayloadError> {
        if let Some(asked) = asked(payload) {
            return match &self.callback {
                Some(named) if *named == asked.callback_id => Ok(Vec::new()),
                Some(_) => Err(forged("it asks to verify another callback than the secret names")),
                None => Err(unreadable(
                    "it asks to verify a callback, and the secret names none: name it there, and bring this back within four hours",
                )),
            };
        }
        if !self.is_signed(payload) {
            return Err(forged("x-sfmc-ens-signature is missing, or of another key"));
        }
        let batch = json(&payload.body)?;
        let events = match &batch {
            Value::Array(events) => events.as_slice(),
            event @ Value::Object(_) => std::slice::from_ref(event),
            _ => return Err(unreadable("it is no list of events")),
        };
        let read = events.iter().map(|event| read(event, &event.to_string()));
        Ok(read.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

fn read(event: &Value, body: &str) -> Result<Vec<Feedback>, PayloadError> {
    let Some(name) = text(event, "/eventCategoryType") else {
        return Err(unreadable("an event has no eventCategoryType"));
    };
    let info = |field: &str| text(event, &format!("/info/{field}"));
    let kinds = match name {
        "TransactionalSendEvents.EmailSent" => vec![FeedbackKind::Accepted],
        "TransactionalSendEvents.EmailBounced" => vec![bounce(event)],
        "TransactionalSendEvents.EmailNotSent" => not_sent(event),
        "EngagementEvents.EmailUnsubscribe" => vec![FeedbackKind::Unsubscribed],
        // Opens, clicks, messages to telephones, automations, and what is to come. Complaints aren't among what Marketing
        // Cloud tells: it unsubscribes who complains, and says so.
        _ => return Ok(Vec::new()),
    };
    let entry = info("messageKey").and_then(EntryId::of_message_key);
    let customer = info("subscriberKey").or_else(|| info("contactKey")).and_then(|key| CustomerId::parse(key).ok());
    let customer = customer.filter(|_| entry.is_none());
    // Other systems of the business unit send by keys of their own. That one of their readers wants no more mail counts,
    // as an unsubscription names no mail.
    if entry.is_none() && name != "EngagementEvents.EmailUnsubscribe" {
        return Ok(Vec::new());
    }
    let at = moment(event).ok_or_else(|| unreadable(format!("an event {} has no timestampUTC", shown(name))))?;
    let composite = text(event, "/compositeId").map(|id| format!("{id}/{}/{}", shown(name), at.as_millisecond()));
    let id = id_or_digest(composite.as_deref(), body);
    let told = kinds.into_iter().enumerate().map(|(place, kind)| Feedback {
        source: FeedbackSource::MarketingCloud,
        id: if place == 0 { id.clone() } else { format!("{id}/{place}") },
        about: About {
            // Marketing Cloud tells a mail by its message key.
            provider_id: entry.as_ref().map(EntryId::message_key),
            entry: entry.clone(),
            address: info("to").and_then(address),
            customer: customer.clone(),
        },
        kind,
        at,
    });
    Ok(told.collect())
}

/// An event's name without what all of them begin with.
fn shown(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// Milliseconds since 1970, or a moment as text.
fn moment(event: &Value) -> Option<Timestamp> {
    let written = text(event, "/timestampUTC").and_then(|text| text.parse().ok());
    written.or_else(|| of_seconds(number(event, "/timestampUTC")? / 1000.0))
}

fn bounce(event: &Value) -> FeedbackKind {
    let info = |field: &str| text(event, &format!("/info/{field}")).unwrap_or_default();
    let diagnostic = format!("{} {}", info("smtpReason"), info("bounceMessage"));
    let status = info("smtpReason").parse::<EnhancedStatus>().ok().or_else(|| EnhancedStatus::find(&diagnostic));
    let kind = match (info("bounceCode").to_ascii_uppercase().as_str(), bounce_kind(status, &diagnostic)) {
        ("BLOCK", _) | ("HARD" | "SOFT", BounceKind::Reputation) => BounceKind::Reputation,
        ("HARD", _) => BounceKind::Hard,
        ("SOFT", _) => BounceKind::Soft,
        (_, by_code) => by_code,
    };
    FeedbackKind::Bounced(Bounce { kind, status: status.map(|status| status.to_string()) })
}

/// A mail that wasn't sent, by the "Transactional API Subscriber Error Codes". Whoever Marketing Cloud has as unsubscribed
/// asked it for no more mail, be it by an event that got lost.
fn not_sent(event: &Value) -> Vec<FeedbackKind> {
    const UNSUBSCRIBED: [u64; 2] = [1, 3];
    /// Held, after bounces, and no valid address.
    const OF_THE_ADDRESS: [u64; 2] = [2, 5];
    let code = event.pointer("/info/statusCode");
    let code = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.trim().parse().ok()));
    let is = |codes: [u64; 2]| code.is_some_and(|code| codes.contains(&code));
    let cause = match code {
        Some(code) => format!("Marketing Cloud took the mail and then didn't send it: subscriber error {code}."),
        None => "Marketing Cloud took the mail and then didn't send it.".into(),
    };
    let rejected = FeedbackKind::Rejected { cause: Cause::new(cause), invalid_address: is(OF_THE_ADDRESS) };
    let unsubscribed = is(UNSUBSCRIBED).then_some(FeedbackKind::Unsubscribed);
    [rejected].into_iter().chain(unsubscribed).collect()
}
