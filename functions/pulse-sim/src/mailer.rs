//! The mailer in memory.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{
        Accepted, DroppedCursor, DroppedMail, DroppedMails, DroppedPage, Mail, MailLookup, Mailer, Recall, SendError,
    },
};

use crate::provider::{CallMeter, Leg, Script, SimulatedLatency};

/// What a provider that is as Amazon SES says of earlier mails.
pub(crate) const CANNOT_BE_ASKED: &str = "The provider can't be asked for a mail.";

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectedFailure {
    /// The provider answers so and hasn't taken the mail.
    Refused(SendError),
    /// The provider takes the mail, and its answer never arrives.
    AnswerLost,
}

/// An email provider that accepts every mail and does what it is told.
pub struct MemoryMailer {
    deduplicates: bool,
    script: Script<InjectedFailure>,
    fates: Script<SendError>,
    latency: SimulatedLatency,
    meter: CallMeter,
    accepted: Mutex<Vec<Mail>>,
    dropped: Mutex<Vec<DroppedMail>>,
}

impl MemoryMailer {
    /// A provider that takes an entry's mail once and can be asked for it, as Marketing Cloud is.
    #[must_use]
    pub fn deduplicating() -> Self {
        Self {
            deduplicates: true,
            script: Script::default(),
            fates: Script::default(),
            latency: SimulatedLatency::at_once(),
            meter: CallMeter::default(),
            accepted: Mutex::default(),
            dropped: Mutex::default(),
        }
    }

    /// A provider that takes whatever it is handed and can't be asked, as SES is.
    #[must_use]
    pub fn forgetful() -> Self {
        Self { deduplicates: false, ..Self::deduplicating() }
    }

    /// Lets each call take the time that `latency` takes. The mail is accepted in between: a call
    /// that is dropped on its way back has left a mail behind.
    #[must_use]
    pub fn with_latency(mut self, latency: SimulatedLatency) -> Self {
        self.latency = latency;
        self
    }

    /// The next sends go wrong like this, one after the other. Sends that follow succeed.
    pub fn fail_next(&self, failures: impl IntoIterator<Item = InjectedFailure>) {
        self.script.push(None, failures);
    }

    /// The next sends for this entry go wrong like this, one after the other.
    pub fn fail_next_of(&self, entry: &EntryId, failures: impl IntoIterator<Item = InjectedFailure>) {
        self.script.push(Some(entry.clone()), failures);
    }

    /// The next questions for a fate fail like this.
    pub fn fail_next_fates(&self, errors: impl IntoIterator<Item = SendError>) {
        self.fates.push(None, errors);
    }

    /// Says of a mail that was accepted that it wasn't sent after all.
    pub fn drop_accepted(&self, mail: DroppedMail) {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
    }

    /// The mails that were accepted, in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Mail> {
        self.lock().clone()
    }

    /// How many mails were accepted for an entry.
    #[must_use]
    pub fn accepted_of(&self, entry: &EntryId) -> usize {
        self.lock().iter().filter(|mail| mail.entry == *entry).count()
    }

    /// How often each entry was sent, accepted or not.
    #[must_use]
    pub fn calls(&self) -> std::collections::BTreeMap<EntryId, u64> {
        self.meter.calls()
    }

    /// The most sends that were ever under way at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.meter.peak()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, mail: &Mail) -> Accepted {
        let mut accepted = self.lock();
        let known = accepted.iter().position(|known| known.entry == mail.entry);
        let number = match known {
            Some(number) if self.deduplicates => number,
            _ => {
                accepted.push(mail.clone());
                accepted.len() - 1
            }
        };
        receipt(number)
    }
}

fn receipt(number: usize) -> Accepted {
    Accepted { provider_id: format!("memory-{number}") }
}

/// How long a provider that deduplicates is trusted to know a key again.
const KNOWN_FOR: Duration = Duration::from_hours(46);

#[async_trait]
impl Mailer for MemoryMailer {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::Ses
    }

    fn recall(&self) -> Recall {
        if self.deduplicates {
            Recall::ByKey { known_for: KNOWN_FOR }
        } else {
            Recall::None { advice: CANNOT_BE_ASKED }
        }
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let _under_way = self.meter.enter(&mail.entry);
        self.latency.take(Leg::There).await;
        let outcome = match self.script.next(&mail.entry) {
            None => Ok(self.accept(mail)),
            Some(InjectedFailure::Refused(error)) => Err(error),
            Some(InjectedFailure::AnswerLost) => {
                self.accept(mail);
                Err(SendError::Lost { cause: Cause::new("The provider's answer was lost.") })
            }
        };
        self.latency.take(Leg::Back).await;
        outcome
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        if let Some(error) = self.fates.next(entry) {
            return Err(error);
        }
        if !self.deduplicates {
            return Ok(MailLookup::CannotTell(Cause::new(CANNOT_BE_ASKED)));
        }
        let known = self.lock().iter().position(|known| known.entry == *entry);
        Ok(known.map_or(MailLookup::SafeToSend, |number| MailLookup::Accepted(receipt(number))))
    }
}

/// How many mails a part of the list of dropped ones has.
const DROPPED_PAGE: usize = 20;

#[async_trait]
impl DroppedMails for MemoryMailer {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::MarketingCloud
    }

    async fn dropped(&self, after: Option<&DroppedCursor>) -> Result<DroppedPage, SendError> {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let read = after.and_then(|cursor| cursor.0.parse().ok()).unwrap_or(0).min(dropped.len());
        let end = dropped.len().min(read + DROPPED_PAGE);
        let next = (end > 0).then(|| DroppedCursor(end.to_string()));
        Ok(DroppedPage { mails: dropped[read..end].to_vec(), next, is_last: end == dropped.len() })
    }
}
