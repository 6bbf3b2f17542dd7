//! Amazon SES, by SNS (Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS", and
//! "Amazon SNS notification contents for Amazon SES").

use jiff::Timestamp;
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    ports::{FeedbackParser, Payload, PayloadError},
};
use serde_json::Value;

use crate::{
    fields::{address, id_or_digest, json, list, shown_id, text, unreadable},
    status::{EnhancedStatus, bounce_kind},
};

/// Reads the events of configuration sets and the notifications of identities, raw or in SNS's envelope.
///
/// Nothing is signed: that they come from the stack's topic alone is the queue's policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct SesParser;

/// What SES and SNS say, in words, when a topic is set up.
const GREETINGS: &[&str] = &["Successfully validated SNS topic for Amazon SES event publishing."];

impl FeedbackParser for SesParser {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    fn parse(&self, payload: &Payload) -> Result<Vec<Feedback>, PayloadError> {
        let is_greeting = |body: &str| GREETINGS.contains(&body.trim().trim_matches('"'));
        if is_greeting(&payload.body) {
            return Ok(Vec::new());
        }
        let outer = json(&payload.body)?;
        // Without RawMessageDelivery SNS puts what SES says into an envelope.
        match (text(&outer, "/Type"), outer.get("Message").and_then(Value::as_str)) {
            (Some("Notification"), Some(message)) if is_greeting(message) => Ok(Vec::new()),
            (Some("Notification"), Some(message)) => read(&json(message)?, message),
            (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), _) => Ok(Vec::new()),
            _ => read(&outer, &payload.body),
        }
    }
}

fn read(event: &Value, body: &str) -> Result<Vec<Feedback>, PayloadError> {
    let name = text(event, "/eventType").or_else(|| text(event, "/notificationType"));
    let name = name.ok_or_else(|| unreadable("it has neither eventType nor notificationType"))?;
    // "Rendering Failure" is written with a space, and by the API without.
    match name.replace(' ', "").as_str() {
        "Send" => told(event, body, "/mail", "/mail/destination", |_| vec![FeedbackKind::Accepted]),
        "Delivery" => told(event, body, "/delivery", "/delivery/recipients", |_| vec![FeedbackKind::Delivered]),
        "DeliveryDelay" => {
            told(event, body, "/deliveryDelay", "/deliveryDelay/delayedRecipients", |_| vec![FeedbackKind::Delayed])
        }
        "Bounce" => {
            let (kind, subkind) = (text(event, "/bounce/bounceType"), text(event, "/bounce/bounceSubType"));
            told(event, body, "/bounce", "/bounce/bouncedRecipients", |recipient| bounce(kind, subkind, recipient))
        }
        "Complaint" => {
            let kind =
                complaint(text(event, "/complaint/complaintFeedbackType"), text(event, "/complaint/complaintSubType"));
            told(event, body, "/complaint", "/complaint/complainedRecipients", |_| kind.iter().cloned().collect())
        }
        "Reject" => told(event, body, "/mail", "/mail/destination", |_| {
            vec![rejected(
                "SES took the mail and didn't send it, as it found a virus or other bad content in it.",
                false,
            )]
        }),
        "RenderingFailure" => told(event, body, "/mail", "/mail/destination", |_| {
            vec![rejected("SES took the mail and didn't send it, as it couldn't fill in its template.", false)]
        }),
        "Subscription" => {
            let stays = "/subscription/newTopicPreferences";
            let leaves = event.pointer(&format!("{stays}/unsubscribeAll")).and_then(Value::as_bool) == Some(true)
                || list(event, &format!("{stays}/topicSubscriptionStatus"))
                    .iter()
                    .any(|topic| text(topic, "/subscriptionStatus").is_some_and(|s| s.eq_ignore_ascii_case("OptOut")));
            told(event, body, "/subscription", "/mail/destination", |_| {
                leaves.then_some(FeedbackKind::Unsubscribed).into_iter().collect()
            })
        }
        // Open, Click, AmazonSnsSubscriptionSucceeded, and what is to come.
        _ => Ok(Vec::new()),
    }
}

/// The events of each recipient of the list at `recipients`, of the moment that the object at `about` names.
fn told(
    event: &Value,
    body: &str,
    about: &str,
    recipients: &str,
    kinds: impl Fn(&Value) -> Vec<FeedbackKind>,
) -> Result<Vec<Feedback>, PayloadError> {
    let name = about.trim_start_matches('/');
    if !event.get("mail").is_some_and(Value::is_object) || !event.pointer(about).is_some_and(Value::is_object) {
        return Err(unreadable(format!("it has no {name}, or no mail that it is about")));
    }
    let at = text(event, &format!("{about}/timestamp")).or_else(|| text(event, "/mail/timestamp"));
    let at: Timestamp =
        at.and_then(|at| at.parse().ok()).ok_or_else(|| unreadable(format!("{name} has no timestamp")))?;
    let provider_id = text(event, "/mail/messageId").and_then(shown_id);
    let tag = |name: &str| text(event, &format!("/mail/tags/{name}/0"));
    let whose = tag("customer").zip(tag("run"));
    let entry = whose.and_then(|(customer, run)| EntryId::parse(customer, run, tag("item")));
    // Of one mail there may be several delays and bounces, which the feedback's own id tells apart.
    let own = text(event, &format!("{about}/feedbackId"));
    let made = provider_id.as_ref().map(|id| format!("{id}/{name}/{}", at.as_millisecond()));
    let id = id_or_digest(own.or(made.as_deref()), body);
    let found = match list(event, recipients) {
        [] => std::slice::from_ref(&Value::Null),
        found => found,
    };
    let events = found.iter().flat_map(|recipient| {
        let named = recipient.as_str().or_else(|| text(recipient, "/emailAddress"));
        kinds(recipient).into_iter().map(move |kind| (named.and_then(address), kind))
    });
    let events = events.enumerate().map(|(place, (address, kind))| Feedback {
        source: FeedbackSource::Ses,
        id: if place == 0 { id.clone() } else { format!("{id}/{place}") },
        about: About { entry: entry.clone(), provider_id: provider_id.clone(), address, customer: None },
        kind,
        at,
    });
    Ok(events.collect())
}

/// Lists of addresses for which SES takes mail and never tries to send it. What they say doesn't count for SES's bounce rate.
const ON_LIST: &[&str] = &["OnAccountSuppressionList", "OnTenantSuppressionList"];

/// A bounce, by its type, and a `Permanent` one that the receiver's own words say is no fault of the address by these.
///
/// Some are called bounces and are none, as SES never tried to send the mail. `Suppressed`, SES's list of all its customers,
/// counts for SES's bounce rate, and says that the address bounces for others: it is hard. To contacts of a list that have
/// unsubscribed from it (SES Developer Guide, "Using list management") nothing is sent either; that `UnsubscribedRecipient`
/// is such a bounce isn't documented.
fn bounce(kind: Option<&str>, subkind: Option<&str>, recipient: &Value) -> Vec<FeedbackKind> {
    let not_sent = |cause: &str| format!("SES took the mail and didn't send it: the address {cause}.");
    match subkind.unwrap_or_default() {
        on_list if ON_LIST.contains(&on_list) => {
            return vec![rejected(&not_sent("is on the account's suppression list"), true)];
        }
        "EmailValidationSuppressed" => return vec![rejected(&not_sent("failed the validation by SES"), true)],
        "UnsubscribedRecipient" => {
            return vec![rejected(&not_sent("has unsubscribed at SES"), false), FeedbackKind::Unsubscribed];
        }
        _ => {}
    }
    let diagnostic = text(recipient, "/diagnosticCode").unwrap_or_default();
    let status = text(recipient, "/status").and_then(|status| status.parse::<EnhancedStatus>().ok());
    let by_code = bounce_kind(status, diagnostic);
    let kind = match (kind, subkind, by_code) {
        (Some("Permanent"), Some("Suppressed" | "NoEmail"), _) => BounceKind::Hard,
        (_, Some("ContentRejected" | "AttachmentRejected"), _)
        | (Some("Permanent" | "Transient"), _, BounceKind::Reputation) => BounceKind::Reputation,
        (Some("Permanent"), ..) => BounceKind::Hard,
        (Some("Transient"), ..) => BounceKind::Soft,
        _ => by_code,
    };
    let status = status.or_else(|| EnhancedStatus::find(diagnostic));
    vec![FeedbackKind::Bounced(Bounce { kind, status: status.map(|status| status.to_string()) })]
}

/// `not-spam` says the contrary of a complaint. One that is on the account's suppression list was made of an earlier mail.
fn complaint(kind: Option<&str>, subkind: Option<&str>) -> Option<FeedbackKind> {
    match (kind, subkind) {
        (_, Some(on_list)) if ON_LIST.contains(&on_list) => {
            let cause = "SES took the mail and didn't send it: the address is on the account's suppression list for a complaint.";
            Some(rejected(cause, true))
        }
        (Some("not-spam"), _) => None,
        _ => Some(FeedbackKind::Complained),
    }
}

fn rejected(cause: &str, invalid_address: bool) -> FeedbackKind {
    FeedbackKind::Rejected { cause: Cause::new(cause), invalid_address }
}
