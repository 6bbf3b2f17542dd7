//! What the providers' answers are read as, without a call: for pulse-fuzz.

use std::time::Duration;

use pulse_core::{
    customer::CustomerId,
    entry::EntryId,
    ports::{Accepted, DroppedPage, MailLookup, PartnerAnswer, PartnerError, ScoreError, SendError},
    run::RunId,
    score::Score,
};
use reqwest::StatusCode;

use crate::{
    http::Answer,
    marketing_cloud::{answers, not_sent as dropped},
    partner::HttpPartner,
    scorer::HttpScorer,
};

/// An answer, and the entry that was asked for.
pub struct Heard {
    answer: Answer,
    entry: EntryId,
}

impl Heard {
    /// An answer of this status and body; with a Retry-After, if it `comes_again`. `None` if there is no such status.
    #[must_use]
    pub fn new(status: u16, comes_again: bool, body: &[u8]) -> Option<Self> {
        let status = StatusCode::from_u16(status).ok()?;
        let retry_after = comes_again.then_some(Duration::from_secs(30));
        let answer = Answer { status, retry_after, body: Ok(body.to_owned()) };
        let entry = EntryId::of(CustomerId::parse("c-1").ok()?, RunId::parse("2026-11").ok()?);
        Some(Self { answer, entry })
    }

    /// Whether its status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.answer.status.is_success()
    }

    /// Whether its status is 4xx.
    #[must_use]
    pub fn is_client_error(&self) -> bool {
        self.answer.status.is_client_error()
    }

    /// Whether its status is 5xx.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        self.answer.status.is_server_error()
    }
}

/// As the scoring API's answer.
///
/// # Errors
/// As [`Scorer`](pulse_core::ports::Scorer) says.
pub fn score(heard: &Heard) -> Result<Score, ScoreError> {
    HttpScorer::read(&heard.answer)
}

/// As a partner's answer.
///
/// # Errors
/// As [`Partner`](pulse_core::ports::Partner) says.
pub fn partner(heard: &Heard) -> Result<PartnerAnswer, PartnerError> {
    HttpPartner::read(&heard.answer)
}

/// As Marketing Cloud's answer to a mail.
///
/// # Errors
/// As [`Mailer`](pulse_core::ports::Mailer) says.
pub fn sent(heard: &Heard) -> Result<Accepted, SendError> {
    answers::read_send(&heard.answer, &heard.entry)
}

/// As Marketing Cloud's answer to what became of a mail.
///
/// # Errors
/// As [`Mailer`](pulse_core::ports::Mailer) says.
pub fn fate(heard: &Heard) -> Result<MailLookup, SendError> {
    answers::read_fate(&heard.answer, &heard.entry)
}

/// As Marketing Cloud's list of the mails that it didn't send.
///
/// # Errors
/// As [`DroppedMails`](pulse_core::ports::DroppedMails) says.
pub fn not_sent(heard: &Heard) -> Result<DroppedPage, SendError> {
    dropped::read(&heard.answer, "pulse", None)
}
