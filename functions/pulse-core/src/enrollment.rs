//! Putting customers on the roster, and taking them off.

use crate::{
    customer::{Customer, CustomerId, Standing},
    entry::{Entry, EntryId, SkipReason},
    pacing::MayPass,
    ports::{Clock, Ledger, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, Schedules},
    run::RunId,
};

/// How often a step is tried again when a stage changed the entry in the same moment.
const TRIES: usize = 5;

/// The use case. Every step is idempotent, and the order is such that a crash between two of them
/// leaves a customer whom the ledger knows: profile, open entry, schedule.
#[derive(Clone, Copy)]
pub struct Enrollment<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The scheduler.
    pub schedules: &'a dyn Schedules,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
}

/// What enrolling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enrolled {
    /// A customer who was not on the roster.
    New,
    /// A customer whose profile or schedule was another.
    Changed,
    /// Nothing: all was so already.
    Unchanged,
    /// Someone who has left: no schedule, no open entry.
    Closed,
}

/// Why a customer couldn't be enrolled or taken off. Doing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrollmentError {
    /// The ledger couldn't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The schedule couldn't be read or changed.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

/// The [paced](crate::pacing) scheduler was patient already.
impl MayPass for EnrollmentError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.may_pass())
    }
}

impl Enrollment<'_> {
    /// Puts a customer on the roster as `customer` says, or brings the roster in line with it.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn enroll(&self, customer: &Customer) -> Result<Enrolled, EnrollmentError> {
        let before = self.ledger.customer(&customer.id).await?;
        if before.as_ref() != Some(customer) {
            self.ledger.save_customer(customer).await?;
        }
        if customer.standing == Standing::Closed {
            self.close(customer).await?;
            return Ok(Enrolled::Closed);
        }
        self.ensure_open_entry(customer).await?;
        let schedule = MonthlySchedule { customer: customer.id.clone(), slot: customer.slot.clone() };
        let put = self.schedules.put(&schedule).await?;
        Ok(match before {
            None => Enrolled::New,
            Some(before) if before == *customer && put == PutOutcome::Unchanged => Enrolled::Unchanged,
            Some(_) => Enrolled::Changed,
        })
    }

    /// Takes a customer off the roster. Says whether there was one by that id.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn unenroll(&self, id: &CustomerId) -> Result<bool, EnrollmentError> {
        let Some(mut customer) = self.ledger.customer(id).await? else {
            return Ok(false);
        };
        customer.standing = Standing::Closed;
        self.enroll(&customer).await?;
        Ok(true)
    }

    /// Brings a customer's open entry and schedule in line with the profile, which is left as it is.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn repair(&self, id: &CustomerId) -> Result<(), EnrollmentError> {
        let mut customer = self.ledger.customer(id).await?;
        for _ in 0..TRIES {
            let Some(before) = customer else { return Ok(()) };
            if before.standing == Standing::Closed {
                return self.close(&before).await;
            }
            self.ensure_open_entry(&before).await?;
            self.schedules.put(&MonthlySchedule { customer: id.clone(), slot: before.slot.clone() }).await?;
            customer = self.ledger.customer(id).await?;
            if customer.as_ref() == Some(&before) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn ensure_open_entry(&self, customer: &Customer) -> Result<(), LedgerError> {
        for _ in 0..TRIES {
            let entries = self.ledger.entries(&customer.id).await?;
            // A repeat is beside the monthly cycle.
            let Some(open) = entries.iter().find(|entry| entry.is_open() && !entry.id().run.is_repeat()) else {
                return self.open_next(customer, &entries).await;
            };
            match self.follow_slot(customer, open).await {
                Err(LedgerError::Conflict(_)) => {}
                done => return done,
            }
        }
        Ok(())
    }

    async fn open_next(&self, customer: &Customer, entries: &[Entry]) -> Result<(), LedgerError> {
        let latest = entries.iter().find_map(|entry| entry.score());
        let mut moment = self.clock.now();
        loop {
            moment = customer.slot.next_after(moment);
            let id = EntryId { customer: customer.id.clone(), run: RunId::of(moment, customer.zone.rules()) };
            // A run that the customer has had already is over for them.
            if entries.iter().any(|entry| entry.id().run >= id.run) {
                continue;
            }
            self.ledger.open(&Entry::scheduled(id, moment, latest.cloned())).await?;
            return Ok(());
        }
    }

    /// Moves an entry that still waits to the customer's slot, if that comes up in the same run.
    /// Otherwise it stays due when it was: this month's mail is not passed over for a new slot.
    async fn follow_slot(&self, customer: &Customer, open: &Entry) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let moment = customer.slot.next_after(now);
        let same_run = RunId::of(moment, customer.zone.rules()) == open.id().run;
        if !same_run || moment == open.scheduled_at() || open.due() <= now {
            return Ok(());
        }
        match open.reschedule(moment) {
            Ok(change) => self.ledger.apply(&change).await,
            Err(_) => Ok(()),
        }
    }

    async fn close(&self, customer: &Customer) -> Result<(), EnrollmentError> {
        self.schedules.delete(&customer.id).await?;
        let entries = self.ledger.entries(&customer.id).await?;
        if entries.is_empty() {
            // So that the run accounts for everyone on the roster file.
            self.open_next(customer, &entries).await?;
        }
        for _ in 0..TRIES {
            match self.skip_open_entries(customer).await {
                Err(LedgerError::Conflict(_)) => {}
                done => return Ok(done?),
            }
        }
        Ok(())
    }

    async fn skip_open_entries(&self, customer: &Customer) -> Result<(), LedgerError> {
        for entry in self.ledger.entries(&customer.id).await? {
            // A mail that is under way can't be called back; its stage closes the entry.
            if entry.in_doubt_since().is_some() || !entry.is_open() {
                continue;
            }
            if let Ok(change) = entry.skip(SkipReason::Closed, self.clock.now(), None) {
                self.ledger.apply(&change).await?;
            }
        }
        Ok(())
    }
}
