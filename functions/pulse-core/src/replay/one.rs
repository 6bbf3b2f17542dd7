use jiff::Timestamp;
use serde::Serialize;

use crate::{
    advice::Advice,
    control::Note,
    customer::{Contact, Customer, CustomerId, Zone},
    entry::{Entry, EntryId, Progress, SkipReason, StageName},
    message::WorkMessage,
    ports::{Activity, Clock, Controls, Ledger, LedgerError, QueueError, Queues, Stages},
    run::RunId,
    stage::{Preview, Rules},
    why::{HoldReason, StageContext},
};

/// Replays one entry: says what would be done for it now, and has it done.
#[derive(Clone, Copy)]
pub struct ReplayOne<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The stages' control rows.
    pub controls: &'a dyn Controls,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// All stages' queues.
    pub queues: &'a Queues,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// What the stages decide by.
    pub rules: Rules,
}

/// What would be done for an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prospect {
    /// The entry concerned.
    pub entry: EntryId,
    /// What would be done if its message came now.
    #[serde(flatten)]
    pub preview: Preview,
    /// The stage that its message goes to.
    pub stage: Option<StageName>,
    /// What holds that stage: the message would wait for it to end.
    pub holder: Option<HoldReason>,
    /// When its schedule's turn comes, if it hasn't yet.
    pub not_due_before: Option<Timestamp>,
    /// The customer's time zone.
    pub zone: Zone,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Requeued {
    /// A message was queued.
    Queued {
        /// To which stage.
        stage: StageName,
    },
    /// A second mail was ordered.
    Repeated {
        /// The run of its entry.
        run: RunId,
    },
}

/// Why an entry isn't replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nobody has that id.
    #[error("Customer {0} is not on the roster")]
    NoCustomer(CustomerId),
    /// There is no such entry.
    #[error("there is no entry {0}")]
    NoEntry(EntryId),
    /// A second mail has to be forced.
    #[error("entry {entry} is {state} already, and nobody is mailed twice by accident")]
    Closed {
        /// The entry concerned.
        entry: EntryId,
        /// Where it stands.
        state: &'static str,
    },
    /// A mail before its time has to be forced.
    #[error("entry {0} isn't due yet")]
    NotDue(EntryId),
    /// Nobody knows whether it was sent.
    #[error("nobody knows whether the mail of {entry} was accepted")]
    Unknown {
        /// The entry concerned.
        entry: EntryId,
    },
    /// A worker has it.
    #[error("a worker has entry {0} in its hands: look again in some minutes")]
    InHand(EntryId),
    /// There would be no further mail.
    #[error("a further mail to {customer} would be skipped: {reason}")]
    Unmailable {
        /// To whom.
        customer: CustomerId,
        /// The reason, in the ledger's word.
        reason: SkipReason,
    },
    /// An earlier repeat isn't done.
    #[error("{0} is a further mail of that month, and isn't done")]
    RepeatUnderWay(EntryId),
    /// Nine mails of a month are enough.
    #[error("{0} has had nine mails of that month: that is the most")]
    TooManyRepeats(CustomerId),
    /// A campaign dispatches its entries itself, and what is closed in it stays so.
    #[error("{0} is of a campaign, which sends its own messages: start another one for those whom it didn't reach")]
    OfCampaign(EntryId),
    /// The ledger couldn't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The message couldn't be queued.
    #[error("{0}; replay it again, or leave it to tick, which queues what is overdue")]
    Queue(#[from] QueueError),
}

impl ReplayError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let of = |EntryId { customer, run, .. }: &EntryId| (customer.clone(), *run);
        Some(match self {
            Self::NoCustomer(_) => Advice::EnrollSomeone,
            Self::NoEntry(id) => Advice::LookAtCustomer { customer: id.customer.clone() },
            Self::Closed { entry, .. } => {
                let (customer, run) = of(entry);
                Advice::OrderFurtherMail { customer, run }
            }
            Self::NotDue(id) => {
                let (customer, run) = of(id);
                Advice::MailBeforeDue { customer, run }
            }
            Self::Unknown { entry } => {
                let (customer, run) = of(entry);
                Advice::Settle { customer, run, item: entry.item }
            }
            Self::RepeatUnderWay(id) => {
                let (customer, run) = of(id);
                Advice::Why { customer, run }
            }
            Self::InHand(_)
            | Self::OfCampaign(_)
            | Self::Unmailable { .. }
            | Self::TooManyRepeats(_)
            | Self::Ledger(_)
            | Self::Queue(_) => {
                return None;
            }
        })
    }
}

impl ReplayOne<'_> {
    /// What would be done for an entry if its message came now. Nothing is written.
    ///
    /// # Errors
    /// When there is no such entry, or the ledger can't be read.
    pub async fn preview(&self, id: &EntryId) -> Result<Prospect, ReplayError> {
        let (customer, entry) = self.read(id).await?;
        self.prospect(&customer, &entry).await
    }

    /// Queues a message for an entry that is open or was given up. With a note, which is kept with the
    /// customer before anything is done, also for one that isn't due yet; and for one that is sent or
    /// skipped a further mail is ordered: an [entry of its own](RunId), and so with an idempotency key of
    /// its own, which goes through its stages as any other does. What was sent stays as it is.
    ///
    /// # Errors
    /// As [`ReplayError`] says. Doing it again is safe: a second order of a further mail is refused while
    /// the first isn't done.
    pub async fn again(&self, id: &EntryId, force: Option<&Note>) -> Result<Requeued, ReplayError> {
        let (customer, entry) = self.read(id).await?;
        if id.run.is_campaign() {
            return Err(ReplayError::OfCampaign(id.clone()));
        }
        let prospect = self.prospect(&customer, &entry).await?;
        match (&prospect.preview, force) {
            (Preview::Unsettled, _) => Err(ReplayError::Unknown { entry: id.clone() }),
            (Preview::InHand { .. }, _) => Err(ReplayError::InHand(id.clone())),
            (Preview::Sent { .. } | Preview::Skipped { .. } | Preview::Dropped { .. }, Some(note)) => {
                self.repeat(&customer, &entry, note).await
            }
            (Preview::Sent { .. } | Preview::Skipped { .. } | Preview::Dropped { .. }, None) => {
                Err(ReplayError::Closed { entry: id.clone(), state: entry.state() })
            }
            (_, None) if prospect.not_due_before.is_some() => Err(ReplayError::NotDue(id.clone())),
            (_, note) => {
                if let Some(note) = note {
                    self.note(id, &format!("was replayed by force. {note}")).await?;
                }
                let stage = prospect.stage.unwrap_or(entry.at());
                self.queue(stage, id).await?;
                Ok(Requeued::Queued { stage })
            }
        }
    }

    async fn read(&self, id: &EntryId) -> Result<(Customer, Entry), ReplayError> {
        let customer = self.ledger.customer(&id.customer).await?;
        let customer = customer.ok_or_else(|| ReplayError::NoCustomer(id.customer.clone()))?;
        let entry = self.ledger.entry(id).await?.ok_or_else(|| ReplayError::NoEntry(id.clone()))?;
        Ok((customer, entry))
    }

    async fn prospect(&self, customer: &Customer, entry: &Entry) -> Result<Prospect, ReplayError> {
        let now = self.clock.now();
        let is_suppressed = self.is_suppressed(customer).await?;
        let is_failed = matches!(entry.progress(), Progress::Failed { .. });
        let stage = entry.waits_for().or_else(|| is_failed.then(|| entry.at()));
        let holder = match stage {
            Some(stage) => StageContext::look_up(self.controls, self.stages, stage).await?.holder(now),
            None => None,
        };
        let is_untouched = entry.at() == entry.plan().first() && *entry.progress() == Progress::Waiting;
        let waits_for_slot = is_untouched && entry.due() > now;
        Ok(Prospect {
            entry: entry.id().clone(),
            preview: Preview::of(&self.rules, customer, entry, is_suppressed, now),
            stage,
            holder,
            not_due_before: waits_for_slot.then(|| entry.due()),
            zone: customer.zone.clone(),
        })
    }

    async fn is_suppressed(&self, customer: &Customer) -> Result<bool, LedgerError> {
        match &customer.contact {
            Contact::Email(address) => {
                let known = self.ledger.suppression(address).await?;
                let (provider, now) = (self.rules.email.provider, self.clock.now());
                Ok(known.is_some_and(|known| known.holds(provider, now).is_some()))
            }
            Contact::Unusable => Ok(false),
        }
    }

    async fn repeat(&self, customer: &Customer, entry: &Entry, note: &Note) -> Result<Requeued, ReplayError> {
        let unmailable = crate::stage::mailable(customer).err();
        let suppressed = self.is_suppressed(customer).await?.then_some(SkipReason::Suppressed);
        if let Some(reason) = unmailable.or(suppressed) {
            return Err(ReplayError::Unmailable { customer: customer.id.clone(), reason });
        }
        let month = entry.id().run.first_day();
        let entries = self.ledger.entries(&customer.id).await?;
        let latest = entries.iter().find(|other| other.id().run.first_day() == month).unwrap_or(entry);
        let is_done = matches!(latest.progress(), Progress::Done { .. } | Progress::Skipped { .. });
        if !is_done && !latest.is_closed_by_feedback() {
            return Err(ReplayError::RepeatUnderWay(latest.id().clone()));
        }
        let run = latest.id().run.repeated().ok_or_else(|| ReplayError::TooManyRepeats(customer.id.clone()))?;
        let id = EntryId::of(customer.id.clone(), run);
        // The note first: whoever asks why a second mail went out finds who wanted it.
        self.note(entry.id(), &format!("a further mail was forced, as run {run}. {note}")).await?;
        let repeat = Entry::scheduled(id.clone(), self.clock.now(), entry.previous().cloned());
        if !self.ledger.open(&repeat).await? {
            return Err(ReplayError::RepeatUnderWay(id));
        }
        // If this fails, the next sweeps find the entry overdue.
        self.queue(repeat.at(), &id).await?;
        Ok(Requeued::Repeated { run })
    }

    async fn queue(&self, stage: StageName, id: &EntryId) -> Result<(), QueueError> {
        self.queues[stage].send(&WorkMessage::for_entry(id)).await
    }

    async fn note(&self, id: &EntryId, what: &str) -> Result<(), LedgerError> {
        let what = format!("Run {}: {what}", id.within());
        self.ledger.note(&Activity { customer: id.customer.clone(), at: self.clock.now(), what }).await
    }
}
