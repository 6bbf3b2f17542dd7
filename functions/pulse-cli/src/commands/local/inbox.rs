//! The stand-in's inbox, as one of the console's pages.

use async_trait::async_trait;
use pulse_console::{Inbox, InboxMail, InboxPage};
use pulse_local::standins::{AcceptedMail, TakenMails};

/// What the stand-in took.
pub(super) struct LocalInbox(pub(super) TakenMails);

#[async_trait]
impl Inbox for LocalInbox {
    async fn mails(&self, customer: Option<&str>, skip: usize, limit: usize) -> InboxPage {
        let (all, mails) = self.0.newest(customer, skip, limit).await;
        InboxPage { all, mails: mails.into_iter().map(shown).collect() }
    }

    async fn mail(&self, number: usize) -> Option<InboxMail> {
        self.0.mail(number).await.map(shown)
    }
}

fn shown(mail: AcceptedMail) -> InboxMail {
    InboxMail {
        number: mail.number,
        customer: mail.contact,
        to: mail.to,
        from: mail.from,
        subject: mail.subject,
        at: mail.at,
        told: mail.told.into_iter().map(|(event, at)| (event.word().to_owned(), at)).collect(),
        html: mail.html,
        text: mail.text,
        headers: mail.headers,
    }
}
