//! Mails that the provider accepted and then dropped: noted with the customer, where `why` shows them.
//!
//! An acceptance isn't a mail. A provider that sends later, as Marketing Cloud does, finds only then that the customer has
//! unsubscribed there, or that a field is too short for the letter, and tells nobody who doesn't ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::ports::{Activity, Clock, DroppedCursor, DroppedMail, DroppedMails, Ledger, LedgerError, SendError};

/// How often the provider is asked, by each instance of the function. Marketing Cloud asks for few questions.
const INTERVAL: Duration = Duration::from_mins(15);

/// The most parts of the provider's list that are read at once. What is left is read by the next batch.
const MOST_PAGES: usize = 10;

/// What was dropped in this time counts as news, for whoever is to be woken. Instances look on their own, and a new one
/// reads everything that the provider still knows: news are told again by each of them, and old ones by none.
const NEWS: Duration = Duration::from_hours(1);

/// What a look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// How many mails it noted.
    pub noted: usize,
    /// How many of them were dropped in the last hour.
    pub news: usize,
}

/// Why the dropped mails couldn't be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DropWatchError {
    /// The provider doesn't tell.
    #[error(transparent)]
    Provider(#[from] SendError),
    /// A note couldn't be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Looks now and then which mails the provider has dropped.
///
/// How far it has looked is kept in memory: whoever starts anew reads what the provider still knows again, and the same
/// note made twice is one.
pub struct DropWatch {
    /// The provider's list.
    pub mails: Arc<dyn DroppedMails>,
    /// Where they are noted.
    pub ledger: Arc<dyn Ledger>,
    /// Tells when it is time.
    pub clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cursor: Option<DroppedCursor>,
    /// When it was looked last, unless that left something unread.
    looked_at: Option<Timestamp>,
    /// News that nobody has taken yet.
    news: usize,
}

impl DropWatch {
    /// A watch that hasn't looked yet.
    #[must_use]
    pub fn new(mails: Arc<dyn DroppedMails>, ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { mails, ledger, clock, state: Mutex::default() }
    }

    /// How many news were found since this was last asked, also by a look that was cut short.
    pub fn take_news(&self) -> usize {
        std::mem::take(&mut self.state().news)
    }

    /// Looks, unless that was done less than 15 minutes ago and left nothing unread.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub async fn look_if_due(&self) -> Result<Looked, DropWatchError> {
        let now = self.clock.now();
        let is_due = |before: Timestamp| now.duration_since(before).unsigned_abs() >= INTERVAL;
        if self.state().looked_at.is_none_or(is_due) { self.look().await } else { Ok(Looked::default()) }
    }

    /// Looks at once.
    ///
    /// # Errors
    /// When the provider can't be asked, or a note can't be written. The next look begins where this one ended.
    pub async fn look(&self) -> Result<Looked, DropWatchError> {
        let now = self.clock.now();
        self.state().looked_at = Some(now);
        let is_news = |mail: &&DroppedMail| now.duration_since(mail.at).unsigned_abs() < NEWS;
        let mut looked = Looked::default();
        for _ in 0..MOST_PAGES {
            let after = self.state().cursor.clone();
            let page = self.mails.dropped(after.as_ref()).await?;
            for mail in &page.mails {
                self.note(mail).await?;
            }
            let news = page.mails.iter().filter(is_news).count();
            looked.noted += page.mails.len();
            looked.news += news;
            let mut state = self.state();
            state.cursor = page.next;
            state.news += news;
            if page.is_last {
                return Ok(looked);
            }
        }
        // There is more: the next look needn't wait.
        self.state().looked_at = None;
        Ok(looked)
    }

    async fn note(&self, DroppedMail { entry, at, cause }: &DroppedMail) -> Result<(), LedgerError> {
        tracing::error!(%entry, %cause, "a mail was accepted, and then not sent");
        let what = format!("Run {}: the mail was accepted, and then not sent. {cause}", entry.run);
        self.ledger.note(&Activity { customer: entry.customer.clone(), at: *at, what }).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
