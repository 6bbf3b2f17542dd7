//! Letters, and an inbox with mails in it, for consoles that are tested.

use std::sync::Arc;

use async_trait::async_trait;
use pulse_console::{Console, Inbox, InboxMail, InboxPage};
use pulse_letters::MinijinjaRenderer;

use crate::in_memory_app::start;

/// A mail as only somebody with evil in mind writes it.
pub const HOSTILE_MAIL: &str = "<!doctype html><html lang=\"en\"><head><title>x</title></head><body><p>Hello</p>\
    <script>parent.document.title = 'owned'; document.title = 'owned'</script>\
    <img src=\"http://192.0.2.1/pixel.png\" onerror=\"document.title = 'owned'\" alt=\"\">\
    <form action=\"http://192.0.2.1/\"><button>Win</button></form></body></html>";

/// The console with all mails that there can be to look at.
///
/// # Panics
/// When the letters' templates are none.
#[must_use]
pub fn with_mails(console: Console) -> Console {
    let letters = MinijinjaRenderer::new().expect("letters");
    console.with_letters(Arc::new(letters)).with_inbox(Arc::new(MadeUpInbox))
}

struct MadeUpInbox;

impl MadeUpInbox {
    /// One of each kind, the newest last.
    fn all() -> Vec<InboxMail> {
        let mail = |number: usize, customer: &str, subject: &str, html: &str, told: &[&str]| InboxMail {
            number,
            customer: customer.to_owned(),
            to: format!("{customer}@example.com"),
            from: "Pulse <pulse@example.org>".to_owned(),
            subject: subject.to_owned(),
            at: start(),
            told: told.iter().map(|what| ((*what).to_owned(), start())).collect(),
            html: html.to_owned(),
            text: "Hello <b>you</b>".to_owned(),
            headers: vec![("List-Unsubscribe".to_owned(), "<https://unsubscribe.example.org/u/x>".to_owned())],
        };
        vec![
            mail(0, "c-hostile", "<script>alert(1)</script>", HOSTILE_MAIL, &[]),
            mail(1, "c-sent", "Your score", "<p>712</p>", &["sent", "called spam"]),
            mail(2, "no customer\u{202e}", "", "", &["delivered"]),
        ]
    }
}

#[async_trait]
impl Inbox for MadeUpInbox {
    async fn mails(&self, customer: Option<&str>, skip: usize, limit: usize) -> InboxPage {
        let mut mails = Self::all();
        mails.retain(|mail| customer.is_none_or(|customer| mail.customer == customer));
        let all = mails.len();
        InboxPage { all, mails: mails.into_iter().rev().skip(skip).take(limit).collect() }
    }

    async fn mail(&self, number: usize) -> Option<InboxMail> {
        Self::all().into_iter().nth(number)
    }
}
