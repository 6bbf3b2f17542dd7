//! The mails that a stand-in for the email provider took, where there is one.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

/// Mails that a stand-in took: what a host has that sends none.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The newest, of one customer or of all, after so many that are skipped. Their bodies may be left out.
    async fn mails(&self, customer: Option<&str>, skip: usize, limit: usize) -> InboxPage;

    /// The mail of this number.
    async fn mail(&self, number: usize) -> Option<InboxMail>;
}

/// Some mails, the newest first.
#[derive(Clone, Default, Serialize)]
pub struct InboxPage {
    /// How many there are in all.
    pub all: usize,
    /// Those that were asked for.
    pub mails: Vec<InboxMail>,
}

/// A mail that a stand-in took.
#[derive(Clone, Default, Serialize)]
pub struct InboxMail {
    /// Which one it is, from 0 on.
    pub number: usize,
    /// Whose it is, by their id.
    pub customer: String,
    /// The address that it is to.
    pub to: String,
    /// Whom it says to be from.
    pub from: String,
    /// The subject line, as the recipient reads it.
    pub subject: String,
    /// When it was taken.
    pub at: Timestamp,
    /// What was told of it, with when.
    pub told: Vec<(String, Timestamp)>,
    /// The body that a mail program would show, in a sandboxed frame of its own.
    #[serde(skip)]
    pub html: String,
    /// The plain text body.
    #[serde(skip)]
    pub text: String,
    /// Headers that came with it.
    #[serde(skip)]
    pub headers: Vec<(String, String)>,
}
