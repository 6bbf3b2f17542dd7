//! Mailgun's webhooks (Mailgun, "Webhook Payloads", "Securing Webhooks", "Events": severity and reason).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    ports::{FeedbackParser, Payload, PayloadError},
    stable_hash::hex_digest,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    fields::{address, forged, id_or_digest, number, of_seconds, text, unreadable},
    signature::{is_hmac, of_hex},
    status::{EnhancedStatus, bounce_kind},
};

/// How old a signature may be. Mailgun tries for eight hours to hand an event over, and doesn't say whether it signs it
/// anew each time.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(9);
/// How far clocks may be apart.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// Tokens that one parser remembers: more than come in while a message waits to be taken again.
const REMEMBERED: usize = 4_096;

/// Reads single events, which carry their signature.
///
/// The signature is of a timestamp and a token alone, so it doesn't tell whether the rest was changed. Whoever reads one
/// request can make others with its token: invented bounces and complaints, which suppress addresses, and opt-outs. It can
/// cause no mail. So an old timestamp is refused, and a token counts for one body alone, by which the same request may
/// still come again. A parser knows the tokens that it saw itself; for those that other instances saw, ask
/// [`once`](Self::once).
#[derive(Debug, Clone)]
pub struct MailgunParser {
    keys: Vec<SecretString>,
    seen: Arc<Mutex<Seen>>,
}

/// What of a request counts once: to be written down, under its digest, for the first body that comes with it. Another
/// body under the same token is forged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceToken {
    /// SHA-256 of the token, in hexadecimal.
    pub token: String,
    /// SHA-256 of the event that came with it, in hexadecimal.
    pub body: String,
    /// Until when it would be taken.
    pub until: Timestamp,
}

#[derive(Debug, Default)]
struct Seen(VecDeque<(String, String)>);

impl Seen {
    /// Whether the token is new, or came with this body before.
    fn takes(&mut self, once: &OnceToken) -> bool {
        if let Some((_, body)) = self.0.iter().find(|(token, _)| *token == once.token) {
            return *body == once.body;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((once.token.clone(), once.body.clone()));
        true
    }
}

impl MailgunParser {
    /// Believes what is signed with one of the account's webhook signing keys; there may be two while one is exchanged.
    #[must_use]
    pub fn new(keys: Vec<SecretString>) -> Self {
        Self { keys, seen: Arc::default() }
    }

    /// The token of a payload that is signed well, and not too old.
    #[must_use]
    pub fn once(&self, payload: &Payload) -> Option<OnceToken> {
        self.checked(payload, &serde_json::from_str(&payload.body).ok()?).ok()
    }

    fn checked(&self, payload: &Payload, body: &Value) -> Result<OnceToken, PayloadError> {
        let field = |name: &str| {
            let found = body.pointer(&format!("/signature/{name}"));
            found.and_then(|found| found.as_str().map(str::to_owned).or_else(|| Some(found.as_u64()?.to_string())))
        };
        let (Some(timestamp), Some(token), Some(code)) = (field("timestamp"), field("token"), field("signature"))
        else {
            return Err(forged("it has no signature"));
        };
        let code = of_hex(&code).unwrap_or_default();
        let parts = [timestamp.as_bytes(), token.as_bytes()];
        if !self.keys.iter().any(|key| is_hmac(key.expose_secret().as_bytes(), &parts, &code)) {
            return Err(forged("its signature is of another key"));
        }
        let signed_at = timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let signed_at = signed_at.ok_or_else(|| forged("its signature's timestamp is no moment"))?;
        let age = payload.received_at.duration_since(signed_at);
        if age > FRESH_FOR || age < -AHEAD {
            return Err(forged("its signature is too old, or of the future"));
        }
        let until = signed_at.checked_add(FRESH_FOR).unwrap_or(Timestamp::MAX);
        let event = body.get("event-data").map(Value::to_string).unwrap_or_default();
        Ok(OnceToken { token: hex_digest(&token), body: hex_digest(&event), until })
    }
}

impl FeedbackParser for MailgunParser {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Mailgun
    }

    fn parse(&self, payload: &Payload) -> Result<Vec<Feedback>, PayloadError> {
        // What can't be read has no signature that could be.
        let body: Value = serde_json::from_str(&payload.body).map_err(|_| forged("it is no JSON with a signature"))?;
        let once = self.checked(payload, &body)?;
        if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).takes(&once) {
            return Err(forged("its signature's token came with another event before"));
        }
        read_event(&body)
    }
}

/// Reads a payload's event, whoever signed it.
pub(crate) fn read_event(body: &Value) -> Result<Vec<Feedback>, PayloadError> {
    let event = body.get("event-data").filter(|event| event.is_object());
    read(event.ok_or_else(|| unreadable("it has no event-data"))?)
}

fn read(event: &Value) -> Result<Vec<Feedback>, PayloadError> {
    let name = text(event, "/event").ok_or_else(|| unreadable("event-data has no event"))?;
    let kinds = match name {
        "accepted" => vec![FeedbackKind::Accepted],
        "delivered" => vec![FeedbackKind::Delivered],
        "failed" if text(event, "/severity") == Some("temporary") => vec![FeedbackKind::Delayed],
        "failed" => failed(event),
        "rejected" => vec![rejected("Mailgun took the mail and didn't send it, as it refuses what is in it.", false)],
        "complained" => vec![FeedbackKind::Complained],
        "unsubscribed" => vec![FeedbackKind::Unsubscribed],
        // Opens, clicks, mail that came in, and what is to come.
        _ => return Ok(Vec::new()),
    };
    let at =
        number(event, "/timestamp").and_then(of_seconds).ok_or_else(|| unreadable("event-data has no timestamp"))?;
    let variable = |name: &str| text(event, &format!("/user-variables/{name}"));
    // An event's own id is unique within a day (Mailgun, "Events").
    let own = text(event, "/id").map(|id| format!("{id}/{}", at.as_millisecond()));
    let id = id_or_digest(own.as_deref(), &event.to_string());
    let told = kinds.into_iter().enumerate().map(|(place, kind)| Feedback {
        source: FeedbackSource::Mailgun,
        id: if place == 0 { id.clone() } else { format!("{id}/{place}") },
        about: About {
            entry: variable("customer")
                .zip(variable("run"))
                .and_then(|(customer, run)| EntryId::parse(customer, run, variable("item"))),
            provider_id: text(event, "/message/headers/message-id").and_then(message_id),
            address: text(event, "/recipient").and_then(address),
            customer: None,
        },
        kind,
        at,
    });
    Ok(told.collect())
}

/// A Message-ID without its angle brackets.
fn message_id(text: &str) -> Option<String> {
    let bare = text.trim_start_matches('<').trim_end_matches('>');
    let is_plain = bare.len() <= 255 && bare.chars().all(|c| c.is_ascii_graphic());
    (is_plain && !bare.is_empty()).then(|| bare.to_owned())
}

/// A mail that Mailgun gave up, by its reason and by codes that are Mailgun's own: mail to addresses on its lists (605 to 607),
/// or to what it finds a poor mailing list (625, which others received and Mailgun doesn't document), is taken and never tried.
fn failed(event: &Value) -> Vec<FeedbackKind> {
    let reason = text(event, "/reason").unwrap_or_default();
    let code = number(event, "/delivery-status/code").map(|code| code.to_string()).unwrap_or_default();
    let on_list = |list| format!("Mailgun took the mail and didn't send it: the address is on its list of {list}.");
    match (reason, code.as_str()) {
        ("suppress-bounce", _) | (_, "605") => return vec![rejected(&on_list("bounces"), true)],
        ("suppress-unsubscribe", _) | (_, "606") => {
            return vec![rejected(&on_list("unsubscriptions"), false), FeedbackKind::Unsubscribed];
        }
        ("suppress-complaint", _) | (_, "607") => return vec![rejected(&on_list("complaints"), true)],
        (_, "625") => {
            let cause = "Mailgun took the mail and didn't send it, as it finds the list of its recipients a poor one.";
            return vec![rejected(cause, false)];
        }
        _ => {}
    }
    let said = |field: &str| text(event, &format!("/delivery-status/{field}")).unwrap_or_default();
    let diagnostic = format!("{code} {} {}", said("message"), said("description"));
    let status = said("enhanced-code").parse::<EnhancedStatus>().ok().or_else(|| EnhancedStatus::find(&diagnostic));
    let kind = match (reason, bounce_kind(status, &diagnostic)) {
        ("espblock", _) | (_, BounceKind::Reputation) => BounceKind::Reputation,
        ("old" | "delayed-bounce", _) => BounceKind::Soft,
        // Mailgun has it on its list of bounces from now on.
        ("bounce", _) if status.is_none() => BounceKind::Hard,
        (_, by_code) => by_code,
    };
    vec![FeedbackKind::Bounced(Bounce { kind, status: status.map(|status| status.to_string()) })]
}

fn rejected(cause: &str, invalid_address: bool) -> FeedbackKind {
    FeedbackKind::Rejected { cause: Cause::new(cause), invalid_address }
}
