use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, tz::offset};
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::MailEvent;

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
    /// Which mail of the stand-in's it is, from 0 on.
    pub number: usize,
    /// The provider's own id of it.
    pub provider_id: String,
    /// From whom. Marketing Cloud has that in its send definition.
    pub from: String,
    /// Headers that came with it. Marketing Cloud sets its own.
    pub headers: Vec<(String, String)>,
    /// Tags that came with it, as SES has them.
    pub tags: Vec<(String, String)>,
    /// What the stand-in told of it, and when that was taken.
    pub told: Vec<(MailEvent, Timestamp)>,
}

impl AcceptedMail {
    /// The link by which its recipient unsubscribes, if it begins so: that of its header, or of the letter.
    #[must_use]
    pub fn unsubscribe_link(&self, beginning: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("List-Unsubscribe"));
        let of_header = header.and_then(|(_, value)| value.split(',').find_map(|url| of_brackets(url.trim())));
        let is_link = |line: &&str| line.starts_with("http") && line.contains("/u/");
        let of_letter = || self.text.split_whitespace().rev().find(is_link);
        of_header.or_else(of_letter).filter(|link| link.starts_with(beginning))
    }
}

fn of_brackets(url: &str) -> Option<&str> {
    url.strip_prefix('<')?.strip_suffix('>').filter(|url| url.starts_with("http"))
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

    /// The mail of this number.
    pub(super) fn mail(&self, number: usize) -> Option<AcceptedMail> {
        self.lock().accepted.get(number).cloned()
    }

    /// Looks at all mails, in order.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[AcceptedMail]) -> T) -> T {
        look(&self.lock().accepted)
    }

    /// Notes what was told of a mail. That someone opted out is told once, by whichever click.
    pub(super) fn note(&self, number: usize, event: MailEvent, at: Timestamp) {
        if let Some(mail) = self.lock().accepted.get_mut(number) {
            let is_known = event == MailEvent::Unsubscribed && mail.told.iter().any(|(told, _)| *told == event);
            if !is_known {
                mail.told.push((event, at));
            }
        }
    }

    /// Keeps a mail that was accepted, as it is, under the next number.
    pub(super) fn keep(&self, mail: impl FnOnce(usize) -> AcceptedMail) -> AcceptedMail {
        let mut mails = self.lock();
        let mail = mail(mails.accepted.len());
        mails.latest.insert(mail.message_key.clone(), mail.number);
        mails.accepted.push(mail.clone());
        mail
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

    /// Takes a mail, unless its key was used in the last two days. The mail is given back where it goes somewhere.
    pub(super) fn take(
        &self,
        message_key: String,
        message: Message,
        trace: Option<String>,
        now: Timestamp,
    ) -> Option<(Value, Option<AcceptedMail>)> {
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
        let is_dropped = attributes.are_too_long();
        if is_dropped {
            let key = message_key.clone();
            mails.dropped.push(NotSent { message_key: key, subscriber_error: VALUE_TOO_LONG, at: now });
        }
        let mail = AcceptedMail {
            provider_id: message_key.clone(),
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
            number,
            from: String::new(),
            headers: Vec::new(),
            tags: Vec::new(),
            told: Vec::new(),
        };
        mails.accepted.push(mail.clone());
        Some((receipt, (!is_dropped).then_some(mail)))
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
