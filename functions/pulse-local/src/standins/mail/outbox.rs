use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// For how long a message key may not be used again.
const KEYS_KEPT: Duration = Duration::from_hours(48);

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
    html: String,
    text: String,
    name: String,
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
    dropped: HashMap<String, u32>,
}

/// The mails that were accepted.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Mails>);

impl Outbox {
    pub(super) fn accepted(&self) -> Vec<AcceptedMail> {
        self.lock().accepted.clone()
    }

    pub(super) fn drop_accepted(&self, message_key: &str, subscriber_error: u32) {
        self.lock().dropped.insert(message_key.to_owned(), subscriber_error);
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
        mails.accepted.push(AcceptedMail {
            message_key,
            contact: contact_key,
            definition: message.definition_key,
            to,
            name: attributes.name,
            subject: attributes.subject,
            html: attributes.html,
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
        let mut info = json!({"messageKey": message_key, "contactKey": mail.contact, "to": mail.to});
        let event = match mails.dropped.get(message_key) {
            None => "EmailSent",
            Some(error) => {
                info["statusCode"] = json!(error);
                "EmailNotSent"
            }
        };
        Some(json!({
            "requestId": "stand-in-status",
            "eventCategoryType": format!("TransactionalSendEvents.{event}"),
            "timestamp": mail.at,
            "info": info,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Mails> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
