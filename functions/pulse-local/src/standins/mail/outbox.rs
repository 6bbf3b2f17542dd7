use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, tz::offset};
use serde::Deserialize;
use serde_json::{Value, json};

/// For how long a message key may not be used again.
const KEYS_KEPT: Duration = Duration::from_hours(48);

/// What a text field of a data extension takes, and the subscriber error of a value that is longer.
const LONGEST_VALUE: usize = 4_000;
const VALUE_TOO_LONG: u32 = 17;

/// The body of a call that hands over a mail.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    definition_key: String,
    pub(super) recipient: Recipient,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recipient {
    contact_key: String,
    pub(super) to: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    subject: String,
    html1: String,
    html2: String,
    html3: String,
    html4: String,
    text: String,
    name: String,
}

impl Attributes {
    fn are_too_long(&self) -> bool {
        let Self { subject, html1, html2, html3, html4, text, name } = self;
        let mut values = [subject, html1, html2, html3, html4, text, name].into_iter();
        values.any(|value| value.encode_utf16().count() > LONGEST_VALUE)
    }
}

/// A mail as the provider has it. `Debug` shows only its key.
#[derive(Clone, PartialEq, Eq)]
pub struct AcceptedMail {
    /// Its idempotency key.
    pub message_key: String,
    /// The contact's key: the customer's id.
    pub contact: String,
    /// By which send definition.
    pub definition: String,
    /// The address.
    pub to: String,
    /// The person's name.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The text body.
    pub text: String,
    /// What its call was traced by.
    pub trace: Option<String>,
    /// When it was accepted.
    pub at: Timestamp,
}

impl fmt::Debug for AcceptedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptedMail({} ..)", self.message_key)
    }
}

#[derive(Default)]
struct Mails {
    accepted: Vec<AcceptedMail>,
    /// The latest mail of each key.
    latest: HashMap<String, usize>,
    /// The events that say so, in order.
    dropped: Vec<NotSent>,
}

struct NotSent {
    message_key: String,
    subscriber_error: u32,
    at: Timestamp,
}

/// The first event's number. They count over all of a tenant's.
const FIRST_EVENT: u64 = 35_760;

/// The mails that were accepted.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Mails>);

impl Outbox {
    pub(super) fn accepted(&self) -> Vec<AcceptedMail> {
        self.lock().accepted.clone()
    }

    pub(super) fn drop_accepted(&self, message_key: &str, subscriber_error: u32, at: Timestamp) {
        self.lock().dropped.push(NotSent { message_key: message_key.to_owned(), subscriber_error, at });
    }

    /// The mails that weren't sent, after the event of that number.
    pub(super) fn not_sent(&self, after: Option<u64>, page_size: usize) -> Value {
        let mails = self.lock();
        let events = (FIRST_EVENT..).zip(&mails.dropped).filter(|(event, _)| after.is_none_or(|after| *event > after));
        let page: Vec<_> = events.take(page_size).collect();
        let messages = page.iter().map(|(event, not_sent)| {
            let mail = &mails.accepted[mails.latest[&not_sent.message_key]];
            json!({
                "statusCode": not_sent.subscriber_error,
                "statusMessage": name(not_sent.subscriber_error),
                "eventCategoryType": "TransactionalSendEvents.EmailNotSent",
                "timestamp": central_standard_time(not_sent.at),
                "definitionKey": mail.definition,
                "eventID": event,
                "info": {"messageKey": mail.message_key, "contactKey": mail.contact, "to": mail.to},
            })
        });
        let messages: Vec<_> = messages.collect();
        json!({
            "lastEventID": page.last().map(|(event, _)| *event).or(after),
            "count": messages.len(),
            "messages": messages,
        })
    }

    /// Takes a mail, unless its key was used in the last two days.
    pub(super) fn take(
        &self,
        message_key: String,
        message: Message,
        trace: Option<String>,
        now: Timestamp,
    ) -> Option<Value> {
        let mut mails = self.lock();
        let last = mails.latest.get(&message_key).map(|&number| mails.accepted[number].at);
        let is_duplicate = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default() < KEYS_KEPT;
        if last.is_some_and(is_duplicate) {
            return None;
        }
        let number = mails.accepted.len();
        let receipt = json!({
            "requestId": format!("stand-in-{number}"),
            "errorcode": 0,
            "responses": [{"messageKey": message_key}],
        });
        mails.latest.insert(message_key.clone(), number);
        let Recipient { contact_key, to, attributes } = message.recipient;
        if attributes.are_too_long() {
            let key = message_key.clone();
            mails.dropped.push(NotSent { message_key: key, subscriber_error: VALUE_TOO_LONG, at: now });
        }
        mails.accepted.push(AcceptedMail {
            message_key,
            contact: contact_key,
            definition: message.definition_key,
            to,
            name: attributes.name,
            subject: attributes.subject,
            html: [attributes.html1, attributes.html2, attributes.html3, attributes.html4].concat(),
            text: attributes.text,
            trace,
            at: now,
        });
        Some(receipt)
    }

    /// What became of the mail with this key.
    pub(super) fn status(&self, message_key: &str) -> Option<Value> {
        let mails = self.lock();
        let mail = &mails.accepted[*mails.latest.get(message_key)?];
        let not_sent = mails.dropped.iter().find(|not_sent| not_sent.message_key == message_key);
        let event = if not_sent.is_some() { "EmailNotSent" } else { "EmailSent" };
        let mut status = json!({
            "requestId": "stand-in-status",
            "eventCategoryType": format!("TransactionalSendEvents.{event}"),
            "timestamp": central_standard_time(mail.at),
            "info": {"messageKey": message_key, "contactKey": mail.contact, "to": mail.to},
        });
        if let Some(NotSent { subscriber_error, .. }) = not_sent {
            status["statusCode"] = json!(subscriber_error);
            status["statusMessage"] = json!(name(*subscriber_error));
        }
        Some(status)
    }

    fn lock(&self) -> MutexGuard<'_, Mails> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As Marketing Cloud gives times: all the year round, and without a zone.
fn central_standard_time(at: Timestamp) -> String {
    offset(-6).to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string()
}

/// Names of "Transactional API Subscriber Error Codes".
fn name(subscriber_error: u32) -> &'static str {
    match subscriber_error {
        1 => "Unsubscribed",
        2 => "Held",
        5 => "InvalidEmailAddress",
        17 => "AttributeValueMaxLength",
        _ => "Another",
    }
}
