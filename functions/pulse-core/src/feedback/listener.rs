use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    BounceKind, Feedback, FeedbackCount, FeedbackCounts, FeedbackFacts, FeedbackKind, FeedbackTally, counts::news,
};
use crate::{
    customer::{Consent, ConsentRecord, ConsentSource, Contact, CustomerId, EmailAddress},
    enrollment::record_consent,
    entry::{Entry, Hearing, Progress},
    failure::Cause,
    ports::{Activity, Clock, FeedbackLog, Ledger, LedgerError},
    run::RunId,
    stage::next_entry,
    suppression::{Evidence, Scope, SuppressionReason, change_suppression},
};

/// How often an entry is heard of anew that someone else changed in the same moment.
const TRIES: usize = 5;

/// How long after a new address was written down a mail is surely not to the one before. The write takes a while, and
/// clocks differ: by less than five minutes, or AWS refuses what is signed by them (IAM User Guide, "AWS Signature Version 4
/// for API requests").
const CHANGE_SETTLES: Duration = Duration::from_mins(15);

/// The use case: brings what providers tell into the ledger. All of it may be repeated, late and out of order.
pub struct FeedbackListener<'a> {
    /// Profiles, entries and suppressed addresses.
    pub ledger: &'a dyn Ledger,
    /// Where it is counted what became of mails.
    pub log: &'a dyn FeedbackLog,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// What is to be counted when a batch is [over](Self::finish).
    pub tally: FeedbackTally,
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It was news, or was known; what follows from it is done.
    Done,
    /// It names no entry that there is, as one of a mail that isn't Pulse's. What it says of the address is kept.
    NoEntry,
    /// A worker has the entry, and writes down what it was answered. The event is to come back then.
    Later {
        /// Until when at most.
        until: Timestamp,
    },
}

/// Where the mail went that an event tells of.
enum Mailed {
    To(EmailAddress),
    /// To this customer, at an address that isn't known.
    Unsure(CustomerId),
    /// To nobody of whom an address is known.
    Nobody,
}

impl<'a> FeedbackListener<'a> {
    /// A listener for a batch.
    #[must_use]
    pub fn new(ledger: &'a dyn Ledger, log: &'a dyn FeedbackLog, clock: &'a dyn Clock) -> Self {
        Self { ledger, log, clock, tally: FeedbackTally::default() }
    }

    /// Brings an event into the ledger.
    ///
    /// # Errors
    /// When the ledger can't be used. What was done stays; hear it again.
    pub async fn hear(&self, event: &Feedback) -> Result<Heard, LedgerError> {
        self.suppress(event).await?;
        if event.kind == FeedbackKind::Unsubscribed {
            return self.unsubscribed(event).await;
        }
        let Some(id) = &event.about.entry else { return Ok(Heard::NoEntry) };
        for _ in 0..TRIES {
            let Some(entry) = self.ledger.entry(id).await? else { return Ok(Heard::NoEntry) };
            match self.hear_of(&entry, event).await {
                Err(LedgerError::Conflict(_)) => {}
                heard => return heard,
            }
        }
        Err(LedgerError::Conflict(id.into()))
    }

    /// Keeps that a customer asked for no more mail, as they said so at `at`. Says whether there is such a customer.
    ///
    /// # Errors
    /// When the ledger can't be used. Do it again.
    pub async fn unsubscribe(&self, id: &CustomerId, proof: Cause, at: Timestamp) -> Result<bool, LedgerError> {
        let before = self.ledger.customer(id).await?;
        let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(at), proof: Some(proof) };
        let is_known = record_consent(self.ledger, id, &Consent::said(true, record)).await?;
        if before.is_some_and(|before| !before.consent.opted_out()) {
            let run = RunId::of(at, &TimeZone::UTC);
            let counts = FeedbackCounts::from_fn(|count| u64::from(count == FeedbackCount::Unsubscribed));
            self.tally.add(run, at, counts);
        }
        Ok(is_known)
    }

    /// Writes down what was counted, and says how much of all that was. What can't be written is lost: rates are good enough
    /// without.
    pub async fn finish(&self) -> FeedbackCounts {
        let mut sum = FeedbackCounts::default();
        for ((run, hour), counts) in self.tally.take() {
            sum = FeedbackCounts::from_fn(|count| sum[count] + counts[count]);
            if let Err(error) = self.log.count_feedback(run, hour, &counts).await {
                tracing::warn!(%run, %error, "what became of some mails isn't counted");
            }
        }
        sum
    }

    async fn unsubscribed(&self, event: &Feedback) -> Result<Heard, LedgerError> {
        let about = &event.about;
        let Some(id) = about.entry.as_ref().map(|entry| &entry.customer).or(about.customer.as_ref()) else {
            return Ok(Heard::NoEntry);
        };
        let proof = Cause::new(format!("Event {} of {}.", event.id, event.source));
        if self.unsubscribe(id, proof, event.at).await? {
            return Ok(Heard::Done);
        }
        // The provider may call others so, who aren't Pulse's customers: the address is all that is sure.
        if let Some(address) = &event.about.address {
            self.add(address, SuppressionReason::Unsubscribed, Evidence::all(event.at)).await?;
        }
        Ok(Heard::NoEntry)
    }

    async fn hear_of(&self, entry: &Entry, event: &Feedback) -> Result<Heard, LedgerError> {
        let told = FeedbackFacts::of(event);
        let customer = if entry.is_open() { self.ledger.customer(&entry.id().customer).await? } else { None };
        let next = || next_entry(customer.as_ref()?, entry);
        let after = match entry.hear(&told, self.clock.now(), next) {
            Hearing::Later { until } => return Ok(Heard::Later { until }),
            Hearing::Known => entry.clone(),
            Hearing::News(change) => {
                self.note(entry, change.after(), event).await?;
                self.ledger.apply(&change).await?;
                let counts = news(entry.feedback(), change.after().feedback());
                self.tally.add(entry.id().run.month(), event.at, counts);
                change.into_after()
            }
        };
        self.keep_soft_bounce(entry, &after, event).await?;
        Ok(Heard::Done)
    }

    /// Notes with the customer what nobody would look for on an entry, before it is written there: the same note made
    /// twice is one.
    async fn note(&self, before: &Entry, after: &Entry, event: &Feedback) -> Result<(), LedgerError> {
        let (customer, run) = (&before.id().customer, before.id().within());
        let what = match (before.progress(), after.progress()) {
            (Progress::Done { .. }, Progress::Failed { cause, .. }) => {
                tracing::error!(entry = %before.id(), %cause, "a mail was accepted, and then not sent");
                format!("Run {run}: the mail was accepted, and then not sent. {cause}")
            }
            (before, after) if std::mem::discriminant(before) == std::mem::discriminant(after) => return Ok(()),
            (_, Progress::Done { .. }) => format!("Run {run}: {} told that it has the mail.", event.source),
            (_, Progress::Failed { cause, .. }) => format!("Run {run}: the mail was not sent. {cause}"),
            _ => return Ok(()),
        };
        self.ledger.note(&Activity { customer: customer.clone(), at: event.at, what }).await
    }

    /// Suppresses the address if the event says that it must not be mailed.
    async fn suppress(&self, event: &Feedback) -> Result<(), LedgerError> {
        let (reason, scope, cause) = match &event.kind {
            FeedbackKind::Complained => (SuppressionReason::Complaint, Scope::All, None),
            // Nobody is mailed against their will because the provider knows them by their address alone.
            FeedbackKind::Unsubscribed if event.about.entry.is_none() && event.about.customer.is_none() => {
                (SuppressionReason::Unsubscribed, Scope::All, None)
            }
            FeedbackKind::Bounced(bounce) if bounce.kind == BounceKind::Hard => {
                let told = bounce.status.as_ref().map(|status| Cause::new(format!("Status {status}.")));
                (SuppressionReason::HardBounce, Scope::All, told)
            }
            FeedbackKind::Rejected { cause, invalid_address: true } => {
                (SuppressionReason::Refused, Scope::Provider(event.source), Some(cause.clone()))
            }
            _ => return Ok(()),
        };
        let address = match self.address(event).await? {
            Mailed::To(address) => address,
            Mailed::Nobody => return Ok(()),
            Mailed::Unsure(customer) => return self.note_unsure(customer, reason, event).await,
        };
        self.add(&address, reason, Evidence { at: event.at, scope, cause }).await
    }

    /// Notes with the customer why no address is suppressed.
    async fn note_unsure(
        &self,
        customer: CustomerId,
        reason: SuppressionReason,
        event: &Feedback,
    ) -> Result<(), LedgerError> {
        tracing::warn!(%customer, %reason, "no address is suppressed: it wasn't told which was mailed");
        let run = event.about.entry.as_ref().map(|entry| format!("Run {}: ", entry.within())).unwrap_or_default();
        let what = format!(
            "{run}{} told of a mail ({reason}), but not of its address, and the customer's may have been another then: no \
             address is suppressed.",
            event.source
        );
        self.ledger.note(&Activity { customer, at: event.at, what }).await
    }

    async fn add(
        &self,
        address: &EmailAddress,
        reason: SuppressionReason,
        evidence: Evidence,
    ) -> Result<(), LedgerError> {
        change_suppression(self.ledger, address, |known| known.with(reason, evidence.clone())).await.map(drop)
    }

    /// Keeps of the address that a run's mail to it came back for now, and that this was not the last word on it: it arrived,
    /// or there is no such mailbox.
    async fn keep_soft_bounce(&self, before: &Entry, after: &Entry, event: &Feedback) -> Result<(), LedgerError> {
        let soft = |facts: &FeedbackFacts| {
            facts.bounced.as_ref().filter(|bounced| bounced.bounce.kind == BounceKind::Soft).map(|bounced| bounced.at)
        };
        let facts = after.feedback();
        let is_soft = matches!(&event.kind, FeedbackKind::Bounced(bounce) if bounce.kind == BounceKind::Soft);
        let told_at = if is_soft { Some(event.at) } else { soft(before.feedback()).or_else(|| soft(facts)) };
        let is_over = facts.delivered_at.is_some() || (facts.bounced.is_some() && soft(facts).is_none());
        let Some(at) = told_at.filter(|_| is_soft || is_over) else { return Ok(()) };
        let Mailed::To(address) = self.address(event).await? else { return Ok(()) };
        let run = after.id().run.month();
        change_suppression(self.ledger, &address, |known| known.with_soft_bounce(run, at, is_over)).await.map(drop)
    }

    /// The address that the event is about: as it says, or else the customer's, if the mail went there for sure.
    async fn address(&self, event: &Feedback) -> Result<Mailed, LedgerError> {
        let about = &event.about;
        if let Some(address) = &about.address {
            return Ok(Mailed::To(address.clone()));
        }
        let id = about.entry.as_ref().map(|entry| &entry.customer).or(about.customer.as_ref());
        let Some(id) = id else { return Ok(Mailed::Nobody) };
        let known = self.ledger.customer(id).await?.filter(|customer| !customer.is_forgotten());
        let Some(customer) = known else { return Ok(Mailed::Nobody) };
        let entry = match &about.entry {
            Some(entry) => self.ledger.entry(entry).await?,
            None => None,
        };
        // No stage reads the profile of an entry before its slot, and nothing is told of a mail before it is sent.
        let mailed_from = entry.map(|entry| entry.scheduled_at().min(event.at));
        let settled_at = customer.mark.contact_since.and_then(|since| since.checked_add(CHANGE_SETTLES).ok());
        let is_same = settled_at.is_some() && settled_at <= mailed_from;
        Ok(match customer.contact {
            Contact::Email(address) if is_same => Mailed::To(address),
            _ => Mailed::Unsure(customer.id),
        })
    }
}
