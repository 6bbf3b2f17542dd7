//! What Marketing Cloud answers, and what it means.
//!
//! The codes are from "Transactional API Response Level Error Codes" and "Transactional API
//! Subscriber Error Codes" of the Marketing Cloud developer guide.

use std::{fmt, time::Duration};

use pulse_core::{
    entry::EntryId,
    failure::Cause,
    ports::{Accepted, MailLookup, SendError},
};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::http::Answer;

pub(super) const PROVIDER: &str = "Marketing Cloud";

/// `MCMS_UTM_Validation_DuplicateMessageKey`.
const DUPLICATE_KEY: u64 = 109_110;
/// `MCMS_UTM_Runtime_ObjectNotFound`. It is documented of definitions. That a message's status answers with it, and with
/// which status, is documented nowhere: the page names 200, 400, 401 and 500 (Marketing Cloud, "GET
/// /messaging/v1/email/messages/{messageKey}").
const NOT_FOUND: u64 = 30_003;
/// `MCMS_UTM_Validation_MissingRequiredField_to` and `MCMS_UTM_Validation_InvalidValue_to`.
const BAD_ADDRESS: [u64; 2] = [109_106, 109_121];

/// An answer to a POST. It may be 202 and still hold a refusal.
#[derive(Deserialize)]
struct Receipt {
    #[serde(rename = "requestId")]
    request_id: Option<String>,
    errorcode: Option<u64>,
    #[serde(default)]
    responses: Vec<MessageReceipt>,
}

#[derive(Deserialize)]
struct MessageReceipt {
    errorcode: Option<u64>,
}

impl Receipt {
    /// The error code of the message, or else of the request. 0 stands for none.
    fn code(&self) -> Option<u64> {
        let of_message = self.responses.iter().find_map(|response| response.errorcode);
        let code = of_message.filter(|code| *code != 0).or(self.errorcode);
        code.filter(|code| *code != 0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    event_category_type: String,
    #[serde(flatten)]
    reason: SubscriberError,
}

/// Why a mail wasn't sent, of "Transactional API Subscriber Error Codes": 1 is Unsubscribed, 17 a value that is too long.
#[derive(Deserialize)]
pub(super) struct SubscriberError {
    #[serde(rename = "statusCode")]
    code: Option<u64>,
    #[serde(rename = "statusMessage")]
    name: Option<String>,
}

impl fmt::Display for SubscriberError {
    /// A name is shown if it looks like one of the documented ones. The tenant's own scripts may say anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_name = |name: &&String| name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match (self.code, self.name.as_ref().filter(is_name)) {
            (Some(code), Some(name)) => write!(f, "subscriber error {code}, {name}"),
            (Some(code), None) => write!(f, "subscriber error {code}"),
            (None, Some(name)) => write!(f, "subscriber error {name}"),
            (None, None) => f.write_str("no reason"),
        }
    }
}

pub(super) fn retry(after: Option<Duration>, cause: String) -> SendError {
    SendError::Retry { after, cause: Cause::new(cause) }
}

/// Marketing Cloud tells a mail by its message key.
fn accepted(entry: &EntryId) -> Accepted {
    Accepted { provider_id: entry.message_key() }
}

/// What became of a POST.
pub(crate) fn read_send(answer: &Answer, entry: &EntryId) -> Result<Accepted, SendError> {
    if may_have_taken(answer) {
        let cause = answer.cause(PROVIDER, ", which doesn't say whether it took the mail.");
        return Err(SendError::Lost { cause });
    }
    if let Some(error) = passing(answer) {
        return Err(error);
    }
    let receipt: Option<Receipt> = answer.json();
    let code = receipt.as_ref().and_then(Receipt::code);
    match code {
        Some(DUPLICATE_KEY) => return Ok(accepted(entry)),
        Some(code) if BAD_ADDRESS.contains(&code) => {
            let cause = answer.cause(PROVIDER, &format!(" (error {code}): it doesn't take the customer's address."));
            return Err(SendError::AddressRefused { cause });
        }
        Some(code) => {
            let cause = answer.cause(PROVIDER, &format!(" (error {code}): it doesn't take the mail."));
            return Err(SendError::Fail { cause });
        }
        None => {}
    }
    if !answer.status.is_success() {
        let cause = answer.cause(PROVIDER, ": it doesn't take the mail.");
        return Err(SendError::Fail { cause });
    }
    match receipt {
        Some(Receipt { request_id: Some(_), .. }) => Ok(accepted(entry)),
        _ => Err(SendError::Lost {
            cause: answer.cause(PROVIDER, ", but with nothing that says whether the mail was accepted."),
        }),
    }
}

/// What a GET says of a mail.
pub(crate) fn read_fate(answer: &Answer, entry: &EntryId) -> Result<MailLookup, SendError> {
    if let Some(error) = passing(answer) {
        return Err(error);
    }
    // An error in another form is some gateway's on the way, which knows nothing of mails.
    let error = answer.json::<Receipt>().filter(|_| answer.status.is_client_error());
    let is_unknown =
        error.is_some_and(|error| answer.status == StatusCode::NOT_FOUND || error.code() == Some(NOT_FOUND));
    if is_unknown {
        return Ok(MailLookup::SafeToSend);
    }
    if !answer.status.is_success() {
        return Ok(MailLookup::CannotTell(answer.cause(PROVIDER, " when it was asked for a mail's fate.")));
    }
    let Some(status) = answer.json::<Status>() else {
        let cause = format!("{PROVIDER} answered with something else than a mail's fate.");
        return Err(retry(None, cause));
    };
    Ok(match status.event_category_type.rsplit('.').next() {
        Some("EmailSent" | "EmailQueued") => MailLookup::Accepted(accepted(entry)),
        Some("EmailNotSent") => MailLookup::CannotTell(not_sent(&status.reason)),
        _ => MailLookup::CannotTell(Cause::new(format!("{PROVIDER} names a status that Pulse doesn't know."))),
    })
}

/// Marketing Cloud took the mail and then dropped it. It wouldn't take it again under its key, and
/// it wasn't sent: a person has to look.
fn not_sent(reason: &SubscriberError) -> Cause {
    Cause::new(format!("{PROVIDER} took the mail and then didn't send it: {reason}."))
}

/// Whether something went wrong while or after the mail was taken, perhaps. Its key would be refused by a
/// tenant that has it, but only for two days: whoever tries again after that must know. A 503 that names a
/// time to come again is an overload's own (RFC 9110, 15.6.4). One that names none may be a gateway's that
/// lost the tenant after it had passed the mail on.
fn may_have_taken(answer: &Answer) -> bool {
    let turned_away = answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.retry_after.is_some();
    answer.status.is_server_error() && !turned_away
}

/// Trouble that says nothing about this mail.
pub(super) fn passing(answer: &Answer) -> Option<SendError> {
    let hint = if answer.is_passing_trouble() {
        "."
    } else if answer.is_refused_caller() {
        ": it doesn't let Pulse in. Check the client's credentials and their scopes."
    } else if answer.status.is_redirection() {
        ": it is somewhere else now. Check its URL."
    } else {
        return None;
    };
    Some(SendError::Retry { after: answer.retry_after, cause: answer.cause(PROVIDER, hint) })
}
