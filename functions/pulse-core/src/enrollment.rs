//! Putting customers on the roster, and taking them off.

mod change;
mod partner;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::{
    change::{Outcome, RosterChange},
    partner::{PartnerChange, PartnerOutcome},
};
pub use crate::customer::PartnerName;
use crate::{
    customer::{Consent, ConsentEffect, Customer, CustomerId, ProfileMark, Standing},
    entry::{Entry, EntryId, SkipReason},
    failure::Cause,
    pacing::MayPass,
    ports::{Clock, Ledger, LedgerError, MonthlySchedule, PutOutcome, ScheduleError, Schedules},
    run::RunId,
};

/// How often a step is tried again when someone else changed the entry or the profile in the same moment.
const TRIES: usize = 5;

/// The use case. Whoever may refuse a customer for good, the scheduler, is asked first, so that a refusal leaves nothing
/// behind; then come the profile, the open entry, and the mark on the profile that all is there. A crash between two of
/// them leaves a schedule without a customer, whose message the score stage dead-letters and whom the audit names, or a
/// customer without the mark, whom the audit mends; the same file enrolled again goes on with either.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// What became of the customer.
    pub outcome: Outcome,
    /// What became of their consent, where that is worth telling.
    pub consent: Option<ConsentEffect>,
    /// Whether they get no mail as they are opted out.
    pub opted_out: bool,
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
    /// Puts a customer on the roster, or brings the roster in line, by what a roster that tells of the moment `as_of` says.
    /// A customer of whom all is so already costs one read, and of whom nothing but facts is another one write.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn enroll(&self, told: &Customer, as_of: Timestamp) -> Result<Enrolled, EnrollmentError> {
        let mut believes = true;
        for _ in 0..TRIES {
            let before = self.ledger.customer(&told.id).await?;
            let RosterChange { after, mut outcome, consent } = RosterChange::of(before.as_ref(), told, as_of);
            let opted_out = after.consent.opted_out() && outcome != Outcome::Forgotten;
            match self.bring_to(before.as_ref(), after, believes).await? {
                None => believes = false,
                Some(put) => {
                    if put && outcome == Outcome::Unchanged {
                        outcome = Outcome::Changed;
                    }
                    return Ok(Enrolled { outcome, consent, opted_out });
                }
            }
        }
        Err(contended(&told.id).into())
    }

    /// Brings a customer in line with what a partner tells, by the way that a roster's row goes.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn change(&self, by: &PartnerName, told: &PartnerChange) -> Result<PartnerOutcome, EnrollmentError> {
        let mut believes = true;
        for _ in 0..TRIES {
            let before = self.ledger.customer(&told.customer).await?.filter(|before| !before.is_forgotten());
            let Some(before) = before else { return Ok(PartnerOutcome::Unknown) };
            let after = told.applied_to(&before, by);
            let is_like = after.is_like(&before);
            match self.bring_to(Some(&before), after, believes).await? {
                None => believes = false,
                Some(put) if put || !is_like => return Ok(PartnerOutcome::Changed),
                Some(_) => return Ok(PartnerOutcome::Unchanged),
            }
        }
        Err(contended(&told.customer).into())
    }

    /// Takes a customer off the roster. Says whether there was one by that id.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn unenroll(&self, id: &CustomerId) -> Result<bool, EnrollmentError> {
        for _ in 0..TRIES {
            let Some(before) = self.ledger.customer(id).await? else { return Ok(false) };
            let settled = before.mark.settled && before.standing == Standing::Closed;
            let mark = ProfileMark { as_of: Some(self.clock.now()), settled, ..before.mark.clone() };
            let after = Customer { standing: Standing::Closed, mark, ..before.clone() };
            if self.bring_to(Some(&before), after, false).await?.is_some() {
                return Ok(true);
            }
        }
        Err(contended(id).into())
    }

    /// Keeps what someone who isn't a roster said of a customer's consent. Says whether there is such a customer.
    ///
    /// # Errors
    /// When the ledger can't be used. Do it again.
    pub async fn hear(&self, id: &CustomerId, word: &Consent) -> Result<bool, LedgerError> {
        record_consent(self.ledger, id, word).await
    }

    /// Brings a customer's open entry and schedule in line with the profile, whatever its mark says of them. Says whether
    /// the schedule was another.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. What was done stays; do it again.
    pub async fn repair(&self, id: &CustomerId) -> Result<bool, EnrollmentError> {
        for _ in 0..TRIES {
            let Some(before) = self.ledger.customer(id).await? else { return Ok(false) };
            if let Some(put) = self.bring_to(Some(&before), before.clone(), false).await? {
                return Ok(put);
            }
        }
        Err(contended(id).into())
    }

    /// Makes a profile of another, with all that hangs on it, and says whether the schedule was changed. None if someone
    /// else wrote the profile meanwhile: what was done by it may have been undone, or undo theirs, so that it is to be
    /// done again by theirs without believing its mark.
    async fn bring_to(
        &self,
        before: Option<&Customer>,
        mut after: Customer,
        believes: bool,
    ) -> Result<Option<bool>, EnrollmentError> {
        if let Some(before) = before.filter(|before| before.is_forgotten()) {
            // Whatever anybody tells of them.
            after = before.clone();
        }
        if believes && after.mark.settled {
            let is_there = before == Some(&after) || self.save(before, &mut after).await?;
            return Ok(is_there.then_some(false));
        }
        // Nobody is mailed against their will because the scheduler can't be asked, or refuses their zone.
        if let Some(before) = before
            && after.consent.opted_out()
            && !before.consent.opted_out()
        {
            let silenced = Customer { consent: after.consent.clone(), ..before.clone() };
            if !self.ledger.save_customer(&silenced).await? {
                return Ok(None);
            }
            after.mark.version += 1;
        }
        // A repair writes no profile.
        let marks = believes || before != Some(&after);
        let is_active = after.standing == Standing::Active;
        let mut put = is_active && self.put_schedule(&after).await?;
        if before != Some(&after) && !self.save(before, &mut after).await? {
            return Ok(None);
        }
        if is_active {
            self.ensure_open_entry(&after).await?;
        } else {
            self.close(&after).await?;
        }
        // A repair that went by the profile before may have put its schedule back, or deleted it, in between.
        if is_active && before.is_some_and(|before| (before.standing, &before.slot) != (after.standing, &after.slot)) {
            put |= self.put_schedule(&after).await?;
        }
        let is_still_so = if after.mark.settled || !marks {
            self.ledger.customer(&after.id).await?.as_ref() == Some(&after)
        } else {
            after.mark.settled = true;
            self.ledger.save_customer(&after).await?
        };
        Ok(is_still_so.then_some(put))
    }

    /// Writes a profile, and since when mail goes where it says. False, and nothing is written, if another is there.
    async fn save(&self, before: Option<&Customer>, after: &mut Customer) -> Result<bool, LedgerError> {
        let unmoved = before.filter(|before| before.contact == after.contact);
        let since = unmoved.and_then(|before| before.mark.contact_since);
        after.mark.contact_since = Some(since.unwrap_or_else(|| self.clock.now()));
        let is_written = self.ledger.save_customer(after).await?;
        after.mark.version += u64::from(is_written);
        Ok(is_written)
    }

    /// Says whether there was none, or another.
    async fn put_schedule(&self, customer: &Customer) -> Result<bool, ScheduleError> {
        let schedule = MonthlySchedule { customer: customer.id.clone(), slot: customer.slot.clone() };
        Ok(self.schedules.put(&schedule).await? != PutOutcome::Unchanged)
    }

    async fn ensure_open_entry(&self, customer: &Customer) -> Result<(), LedgerError> {
        for _ in 0..TRIES {
            let entries = self.ledger.entries(&customer.id).await?;
            // A repeat is beside the monthly cycle.
            let open = entries.iter().find(|entry| entry.is_open() && entry.id().run.is_monthly());
            let done = match open {
                Some(open) => self.follow_slot(customer, open).await,
                None => self.open_next(customer, &entries).await,
            };
            match done {
                Err(LedgerError::Conflict(_)) => {}
                done => return done,
            }
        }
        Err(contended(&customer.id))
    }

    async fn open_next(&self, customer: &Customer, entries: &[Entry]) -> Result<(), LedgerError> {
        let latest = entries.iter().find_map(|entry| entry.score());
        let mut moment = self.clock.now();
        loop {
            moment = customer.slot.next_after(moment);
            let id = EntryId::of(customer.id.clone(), RunId::of(moment, customer.zone.rules()));
            // Who left and is back before their slot has had no run.
            let last = entries.iter().max_by_key(|entry| entry.id().run).filter(|entry| *entry.id() == id);
            if let Some(Ok(change)) = last.map(|entry| entry.reopen(moment)) {
                return self.ledger.apply(&change).await;
            }
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
        Err(contended(&customer.id).into())
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

/// Keeps what someone who isn't a roster said of a customer's consent. Says whether there is such a customer.
///
/// # Errors
/// When the ledger can't be used. Do it again.
pub async fn record_consent(ledger: &dyn Ledger, id: &CustomerId, word: &Consent) -> Result<bool, LedgerError> {
    for _ in 0..TRIES {
        let Some(before) = ledger.customer(id).await? else { return Ok(false) };
        // Of who was forgotten, that they want no mail is kept all the same.
        if before.is_forgotten() && !word.opted_out() {
            return Ok(false);
        }
        let after = Customer { consent: before.consent.after_word(word), ..before.clone() };
        if after == before || ledger.save_customer(&after).await? {
            return Ok(true);
        }
    }
    Err(contended(id))
}

fn contended(id: &CustomerId) -> LedgerError {
    let cause = format!("What there is of {id} is changed by someone else again and again.");
    LedgerError::Unavailable(Cause::new(cause))
}
