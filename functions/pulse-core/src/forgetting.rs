//! Forgetting a customer: the right to erasure (GDPR, article 17), as far as Pulse's own stores go.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    control::{Actor, Note},
    customer::{Customer, CustomerId, Tombstone},
    enrollment::EnrollmentError,
    entry::{Entry, Erasing},
    failure::Cause,
    ports::{Activity, CampaignEntries, CustomerNotes, Ledger, LedgerError, Schedules, Sleeper},
    run::RunId,
};

/// How often a profile or an entry is written anew that others change in the same moment.
const TRIES: usize = 5;

/// How often a mail is looked at that is under way.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The use case. The first write makes the profile a tombstone: from then on nobody is mailed who wasn't about to be, and
/// nobody brings the customer back. The schedule, the entries and the notes follow. Each step may be done again, so that a
/// crash at any of them leaves what the next call, or the audit, goes on with.
#[derive(Clone, Copy)]
pub struct Forgetting<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// Entries in campaigns.
    pub in_campaigns: &'a dyn CampaignEntries,
    /// What was noted of customers.
    pub notes: &'a dyn CustomerNotes,
    /// The scheduler.
    pub schedules: &'a dyn Schedules,
    /// The time, and who waits for it.
    pub sleeper: &'a dyn Sleeper,
}

/// What forgetting a customer came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// The id, which stays on entries so that runs add up.
    pub customer: CustomerId,
    /// The tombstone that stays.
    pub tombstone: Tombstone,
    /// Whether it stood there before this.
    pub again: bool,
    /// How many entries there are, of which nothing personal is left.
    pub entries: usize,
    /// How many notes were deleted.
    pub notes: u64,
    /// The runs in which a mail is in doubt: it may have gone out, and their stage, the provider's events or a day without
    /// one close them.
    pub in_doubt: Vec<RunId>,
}

impl Forgetting<'_> {
    /// Forgets a customer; None if there is nobody of that id. `watch` is told until when at most a worker has a mail that
    /// is waited for.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn forget(
        &self,
        id: &CustomerId,
        by: &Actor,
        note: &Note,
        watch: &mut (dyn FnMut(RunId, Timestamp) + Send),
    ) -> Result<Option<Forgotten>, EnrollmentError> {
        let tombstone = Tombstone { at: self.sleeper.now(), by: by.clone(), note: note.clone() };
        let Some((tombstone, again)) = self.bury(id, tombstone).await? else { return Ok(None) };
        self.schedules.delete(id).await?;
        let in_doubt = self.erase_entries(id, watch).await?;
        let notes = self.notes.erase_notes(id).await?;
        let entries = self.entries(id).await?.len();
        self.settle(id).await?;
        Ok(Some(Forgotten { customer: id.clone(), tombstone, again, entries, notes, in_doubt }))
    }

    /// Takes a tombstone away, so that a roster may bring the customer back, as someone of whom nothing is known. Says
    /// whether there was one.
    ///
    /// # Errors
    /// When the ledger can't be used. Do it again.
    pub async fn let_back(&self, id: &CustomerId, by: &Actor, note: &Note) -> Result<bool, LedgerError> {
        let changed = self.change(id, |before| before.is_forgotten().then(|| before.let_back())).await?;
        if changed.is_some() {
            let what = format!("{} let the customer back, who had been forgotten: {note}", by.as_str());
            self.ledger.note(&Activity { customer: id.clone(), at: self.sleeper.now(), what }).await?;
        }
        Ok(changed.is_some())
    }

    /// Makes the profile a tombstone. Gives the one that stands there then, and whether it did before.
    async fn bury(&self, id: &CustomerId, tombstone: Tombstone) -> Result<Option<(Tombstone, bool)>, LedgerError> {
        if self
            .change(id, |before| (!before.is_forgotten()).then(|| before.forgotten(tombstone.clone())))
            .await?
            .is_some()
        {
            return Ok(Some((tombstone, false)));
        }
        let known = self.ledger.customer(id).await?;
        Ok(known.and_then(|known| known.mark.forgotten).map(|tombstone| (tombstone, true)))
    }

    /// Those of months, and those of campaigns.
    async fn entries(&self, id: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = self.ledger.entries(id).await?;
        entries.extend(self.in_campaigns.entries_in_campaigns(id).await?);
        Ok(entries)
    }

    /// Erases the entries one by one. What a worker has is waited for, until its claim is over.
    async fn erase_entries(
        &self,
        id: &CustomerId,
        watch: &mut (dyn FnMut(RunId, Timestamp) + Send),
    ) -> Result<Vec<RunId>, LedgerError> {
        let mut contended = 0;
        loop {
            let (mut in_doubt, mut waits, mut is_behind) = (Vec::new(), false, false);
            for entry in self.entries(id).await? {
                match entry.erase(self.sleeper.now()) {
                    Erasing::Done => {}
                    Erasing::InDoubt => in_doubt.push(entry.id().run),
                    Erasing::Later { until } => {
                        watch(entry.id().run, until);
                        waits = true;
                    }
                    Erasing::Change(change) => match self.ledger.apply(&change).await {
                        Ok(()) if change.after().is_open() => in_doubt.push(entry.id().run),
                        Ok(()) => {}
                        Err(LedgerError::Conflict(_)) => is_behind = true,
                        Err(error) => return Err(error),
                    },
                }
            }
            if waits {
                let next = self.sleeper.now().saturating_add(LOOK_EVERY).unwrap_or(Timestamp::MAX);
                self.sleeper.sleep_until(next).await;
            } else if is_behind && contended < TRIES {
                contended += 1;
            } else if is_behind {
                return Err(Self::contended(id));
            } else {
                // Those about a customer's items are of one run.
                in_doubt.dedup();
                return Ok(in_doubt);
            }
        }
    }

    /// Writes down that nothing is left to be done, so that whoever enrols the customer needn't look.
    async fn settle(&self, id: &CustomerId) -> Result<(), LedgerError> {
        let settled = |before: &Customer| {
            let mut after = before.clone();
            after.mark.settled = true;
            (before.is_forgotten() && !before.mark.settled).then_some(after)
        };
        self.change(id, settled).await.map(drop)
    }

    /// Writes the profile that `change` makes of the one that is there, if it makes one.
    async fn change(
        &self,
        id: &CustomerId,
        change: impl Fn(&Customer) -> Option<Customer> + Send + Sync,
    ) -> Result<Option<Customer>, LedgerError> {
        for _ in 0..TRIES {
            let before = self.ledger.customer(id).await?;
            let Some(after) = before.as_ref().and_then(&change) else { return Ok(None) };
            if self.ledger.save_customer(&after).await? {
                return Ok(Some(after));
            }
        }
        Err(Self::contended(id))
    }

    fn contended(id: &CustomerId) -> LedgerError {
        let cause = format!("What there is of {id} is changed by someone else again and again.");
        LedgerError::Unavailable(Cause::new(cause))
    }
}
