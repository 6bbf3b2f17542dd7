//! Settling mails in doubt: by an operator, or by what the provider tells later.

use jiff::Timestamp;

use crate::{
    advice::Advice,
    entry::{Entry, EntryId, Progress},
    message::WorkMessage,
    ports::{Activity, Clock, Ledger, LedgerError, QueueError, StageQueue},
    stage_spec::PerStage,
};

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettlementOutcome {
    /// The provider has it, under this id.
    Sent {
        /// The provider's own id of the mail.
        provider_id: String,
    },
    /// The provider hasn't got it: it may be sent, unless it is a campaign's.
    NotSent,
}

/// What settling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The entry is sent now.
    Sent,
    /// The entry is queued for its mail.
    Queued,
    /// The entry is a campaign's, in which what is closed stays so: it has failed now, and nothing is sent.
    Failed,
    /// Nothing: the entry says so already.
    Already,
}

/// Why an entry couldn't be settled. Doing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettlementError {
    /// There is no such entry.
    #[error("there is no entry {0}")]
    NoEntry(EntryId),
    /// Its fate is known.
    #[error("entry {entry} is {state}, and not in doubt: there is nothing to settle")]
    Known {
        /// The entry concerned.
        entry: EntryId,
        /// Where it stands.
        state: &'static str,
    },
    /// The ledger couldn't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The entry may be sent, but its message couldn't be queued: the next sweep will.
    #[error("{0}; the entry is open again, and will be queued when it is overdue")]
    Queue(#[from] QueueError),
}

impl SettlementError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::NoEntry(id) => Some(Advice::LookAtCustomer { customer: id.customer.clone() }),
            Self::Known { .. } | Self::Ledger(_) | Self::Queue(_) => None,
        }
    }
}

/// The use case.
#[derive(Clone, Copy)]
pub struct Settlement<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Each stage's queue, where an entry goes that may be sent after all.
    pub queues: PerStage<&'a dyn StageQueue>,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
}

impl Settlement<'_> {
    /// Records what became of the mail of an entry in doubt. `why` is kept with the customer:
    /// who says so, in words without personal data.
    ///
    /// # Errors
    /// When the entry's fate isn't unknown, or the ledger or the queue can't be used.
    pub async fn settle(
        &self,
        id: &EntryId,
        outcome: &SettlementOutcome,
        why: &str,
    ) -> Result<Settled, SettlementError> {
        let entry = self.ledger.entry(id).await?.ok_or_else(|| SettlementError::NoEntry(id.clone()))?;
        match (entry.progress(), outcome) {
            (
                Progress::Indeterminate { .. } | Progress::Unconfirmed { .. },
                SettlementOutcome::Sent { provider_id },
            ) => self.sent(&entry, provider_id, why).await,
            (Progress::Indeterminate { .. } | Progress::Unconfirmed { .. }, SettlementOutcome::NotSent) => {
                self.unsent(&entry, why).await
            }
            (Progress::Done { .. }, SettlementOutcome::Sent { .. }) => Ok(Settled::Already),
            _ => Err(SettlementError::Known { entry: id.clone(), state: entry.state() }),
        }
    }

    async fn sent(&self, entry: &Entry, provider_id: &str, why: &str) -> Result<Settled, SettlementError> {
        let now = self.clock.now();
        self.change(entry, |entry| entry.record_sent(provider_id.to_owned(), now, None)).await?;
        self.note(entry, now, &format!("Run {}: settled as sent. {why}", entry.id().within())).await?;
        Ok(Settled::Sent)
    }

    async fn unsent(&self, entry: &Entry, why: &str) -> Result<Settled, SettlementError> {
        let now = self.clock.now();
        // The note first: whoever asks why a mail went out twice finds who said that it hadn't.
        self.note(entry, now, &format!("Run {}: settled as not sent. {why}", entry.id().within())).await?;
        self.change(entry, |entry| entry.record_unsent(now)).await?;
        if entry.id().run.is_campaign() {
            return Ok(Settled::Failed);
        }
        self.queues[entry.at()].send(&WorkMessage::for_entry(entry.id())).await?;
        Ok(Settled::Queued)
    }

    async fn change(
        &self,
        entry: &Entry,
        step: impl FnOnce(&Entry) -> Result<crate::entry::Change, crate::entry::IllegalTransition>,
    ) -> Result<(), SettlementError> {
        let known = |_| SettlementError::Known { entry: entry.id().clone(), state: entry.state() };
        Ok(self.ledger.apply(&step(entry).map_err(known)?).await?)
    }

    async fn note(&self, entry: &Entry, at: Timestamp, what: &str) -> Result<(), LedgerError> {
        let activity = Activity { customer: entry.id().customer.clone(), at, what: what.to_owned() };
        self.ledger.note(&activity).await
    }
}
