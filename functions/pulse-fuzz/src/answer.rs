//! A provider's answer: its status in the first line, its body in the others.

use pulse_core::{
    failure::Cause,
    ports::{MailLookup, PartnerError, ScoreError, SendError},
};
use pulse_providers::fuzzing::{Heard, fate, not_sent, partner, score, sent};

use crate::quotes_nothing;

/// An answer to each question that Pulse asks over HTTP. A `!` after the status stands for a Retry-After.
///
/// # Panics
/// When a cause quotes the body, a mail that may have been taken is told as not taken, or one that isn't known counts as
/// accepted.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    let body = rest.get(1..).unwrap_or_default();
    let Ok(line) = str::from_utf8(line) else { return };
    let comes_again = line.ends_with('!');
    let Some(heard) = line.trim_end_matches('!').parse().ok().and_then(|status| Heard::new(status, comes_again, body))
    else {
        return;
    };
    match score(&heard) {
        Ok(score) => assert!(score.value.expose() <= 1000 && heard.is_success()),
        Err(ScoreError::Retry { cause, .. } | ScoreError::Fail { cause }) => quotes_nothing(&cause),
    }
    match partner(&heard) {
        Ok(_) => assert!(heard.is_success(), "an error says that the partner has done it"),
        Err(PartnerError::Retry { cause, .. } | PartnerError::Fail { cause }) => quotes_nothing(&cause),
    }
    match sent(&heard) {
        Ok(_) => assert!(!heard.is_server_error(), "an error says that the mail was taken"),
        Err(SendError::Lost { cause }) => quotes_nothing(&cause),
        Err(error) => {
            assert!(!heard.is_server_error() || comes_again, "a mail that may have been taken counts as not taken");
            quotes_nothing(cause_of(&error));
        }
    }
    match fate(&heard) {
        Ok(MailLookup::Accepted(_)) => assert!(heard.is_success(), "an error says that the mail was taken"),
        Ok(MailLookup::SafeToSend) => assert!(heard.is_client_error(), "a mail counts as unknown that isn't"),
        Ok(MailLookup::CannotTell(cause)) => quotes_nothing(&cause),
        Err(error) => quotes_nothing(cause_of(&error)),
    }
    match not_sent(&heard) {
        Ok(page) => {
            for mail in &page.mails {
                quotes_nothing(&mail.cause);
            }
        }
        Err(error) => quotes_nothing(cause_of(&error)),
    }
}

fn cause_of(error: &SendError) -> &Cause {
    match error {
        SendError::Retry { cause, .. }
        | SendError::Fail { cause }
        | SendError::AddressRefused { cause }
        | SendError::Lost { cause } => cause,
    }
}
