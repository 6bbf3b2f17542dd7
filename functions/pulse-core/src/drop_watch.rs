//! Mails that the provider accepted and then dropped: their entries fail after all, as by any other [feedback](crate::feedback).
//!
//! An acceptance isn't a mail. A provider that sends later, as Marketing Cloud does, finds only then that the customer has
//! unsubscribed there, or that a field is too short for the letter, and tells nobody who doesn't ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    feedback::{About, Feedback, FeedbackKind, FeedbackListener, Heard},
    ports::{Clock, DroppedCursor, DroppedMail, DroppedMails, FeedbackLog, Ledger, LedgerError, SendError},
};

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
    /// How many mails it read of.
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
    /// An entry couldn't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Looks now and then which mails the provider has dropped, and brings that into the ledger.
///
/// How far it has looked is kept in memory: whoever starts anew reads what the provider still knows again, and what
/// is known already changes nothing.
pub struct DropWatch {
    /// The provider's list.
    pub mails: Arc<dyn DroppedMails>,
    /// Where their entries are.
    pub ledger: Arc<dyn Ledger>,
    /// Where they are counted.
    pub log: Arc<dyn FeedbackLog>,
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
    pub fn new(
        mails: Arc<dyn DroppedMails>,
        ledger: Arc<dyn Ledger>,
        log: Arc<dyn FeedbackLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { mails, ledger, log, clock, state: Mutex::default() }
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
    /// When the provider can't be asked, or the ledger can't be used. The next look begins where this one ended.
    pub async fn look(&self) -> Result<Looked, DropWatchError> {
        let now = self.clock.now();
        self.state().looked_at = Some(now);
        let is_news = |mail: &&DroppedMail| now.duration_since(mail.at).unsigned_abs() < NEWS;
        let mut looked = Looked::default();
        let listener = FeedbackListener::new(&*self.ledger, &*self.log, &*self.clock);
        for _ in 0..MOST_PAGES {
            let after = self.state().cursor.clone();
            let page = self.mails.dropped(after.as_ref()).await?;
            let is_in_hand = self.hear(&listener, &page.mails).await?;
            listener.finish().await;
            if is_in_hand {
                break;
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
        // There is more, or it is to be read again: the next look needn't wait.
        self.state().looked_at = None;
        Ok(looked)
    }

    /// Says whether a worker has one of the entries: the page is read anew once it is done.
    async fn hear(&self, listener: &FeedbackListener<'_>, mails: &[DroppedMail]) -> Result<bool, LedgerError> {
        let mut is_in_hand = false;
        for DroppedMail { entry, at, cause } in mails {
            let about = About { entry: Some(entry.clone()), ..About::default() };
            let kind = FeedbackKind::Rejected { cause: cause.clone(), invalid_address: false };
            let (source, id) = (self.mails.source(), entry.message_key());
            let heard = listener.hear(&Feedback { source, id, about, kind, at: *at }).await?;
            is_in_hand |= matches!(heard, Heard::Later { .. });
        }
        Ok(is_in_hand)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
