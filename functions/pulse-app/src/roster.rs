mod counts;
mod foresight;

use std::{cell::Cell, iter};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    control::Note,
    customer::{Consent, ConsentRecord, ConsentSource, Customer, CustomerId, Standing},
    enrollment::{Enrolled, Enrollment, EnrollmentError, Outcome},
    failure::Cause,
    pacing::{PacedSchedules, patiently},
    ports::{Ledger, LedgerError, Ports, RosterCount, ScheduleError, Schedules, Sleeper},
};
use serde::Serialize;

pub use self::{
    counts::{ConsentCounts, Counts},
    foresight::{Foreseen, foresee},
};
use crate::{App, ReadError};

/// Customers enrolled at once: as many as the [paced](pulse_core::pacing) scheduler ever takes. A customer takes some
/// 60 ms and four write units, so that is a new table's 4,000 a second (`DynamoDB` Developer Guide, "On-demand capacity
/// mode").
const AT_ONCE: usize = 64;

/// A roster of which nobody was enrolled, and so many are refused, is refused for what isn't theirs.
const REFUSED_OF_NONE: u64 = 100;

/// Why a roster was enrolled in part only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrollError {
    /// Nobody can be enrolled now.
    #[error("Customer {customer} couldn't be enrolled; when that is mended, enrol the file again")]
    Stopped {
        /// Who couldn't be.
        customer: CustomerId,
        /// What the profile, the entry or the schedule met.
        #[source]
        error: EnrollmentError,
    },
    /// Customer after customer is refused, so it isn't theirs.
    #[error("The first {REFUSED_OF_NONE} customers were all refused, so it isn't for what their rows say: {0}")]
    Everyone(Cause),
}

/// Why a customer couldn't be enrolled again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrollAgainError {
    /// They can't be read, or aren't on the roster.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They couldn't be enrolled.
    #[error(transparent)]
    Enrollment(#[from] EnrollmentError),
}

impl EnrollAgainError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Read(error) => error.advice(),
            Self::Enrollment(_) => None,
        }
    }
}

/// Whether someone was taken off the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unenrolled {
    /// By the id that the roster has.
    pub customer: CustomerId,
    /// Whether they were on it.
    pub unenrolled: bool,
}

/// Of whom it was kept that they are opted out, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptedOut {
    /// By the id that the roster has.
    pub customer: CustomerId,
    /// Whether they are on the roster, or were: of strangers nothing is kept.
    pub is_known: bool,
}

/// Enrolment of many customers at once, over the ports that it takes.
#[derive(Clone, Copy)]
pub struct BulkEnrollment<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The scheduler, which is asked [at a pace that it bears](pulse_core::pacing).
    pub schedules: &'a dyn Schedules,
    /// Tells the moment of what is decided and written, and waits for a ledger that can't be used right now.
    pub sleeper: &'a dyn Sleeper,
}

impl BulkEnrollment<'_> {
    /// Puts customers on the roster, many at once, by what a roster of the moment `as_of` says of them, and tells `watch`
    /// after each where the customer came from, and why the scheduler refuses this one for good, if it does: the others go
    /// on. Customers are taken from the iterator as it goes on, and no more are once `stop` says so; those who are under
    /// way then are enrolled to the end.
    ///
    /// # Errors
    /// As [`EnrollError`] says. Who was enrolled before stays so; do it again.
    pub async fn run<Origin>(
        self,
        customers: impl Iterator<Item = (Origin, Customer)>,
        as_of: Timestamp,
        watch: &mut dyn FnMut(Origin, Option<&Cause>),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Counts, EnrollError> {
        let schedules = PacedSchedules::new(self.schedules, self.sleeper);
        let enrollment = Enrollment { ledger: self.ledger, schedules: &schedules, clock: self.sleeper };
        let ends = Cell::new(false);
        let mut customers = customers;
        let until_the_end = iter::from_fn(|| if ends.get() || stop() { None } else { customers.next() });
        let mut enrolled = stream::iter(until_the_end)
            .map(async |(origin, customer)| {
                let id = customer.id.as_str();
                let done = patiently(self.sleeper, id, || enrollment.enroll(&customer, as_of)).await;
                (origin, done, customer)
            })
            .buffer_unordered(AT_ONCE);
        let (mut counts, mut refused, mut failed) = (Counts::default(), 0, None);
        while let Some((origin, done, customer)) = enrolled.next().await {
            match done {
                Ok(done) => {
                    counts.add(done, &customer);
                    watch(origin, None);
                }
                // A profile that can't be read stops nobody else.
                Err(
                    EnrollmentError::Schedule(ScheduleError::Refused { cause, .. })
                    | EnrollmentError::Ledger(LedgerError::Unreadable(cause)),
                ) => {
                    refused += 1;
                    watch(origin, Some(&cause));
                    if refused == REFUSED_OF_NONE && counts == Counts::default() {
                        failed.get_or_insert(EnrollError::Everyone(cause));
                    }
                }
                Err(error) => drop(failed.get_or_insert(EnrollError::Stopped { customer: customer.id, error })),
            }
            ends.set(failed.is_some());
        }
        failed.map_or(Ok(counts), Err)
    }
}

impl App {
    /// Puts customers on the roster, many at once: see [`BulkEnrollment::run`].
    ///
    /// # Errors
    /// As [`EnrollError`] says. Who was enrolled before stays so; do it again.
    pub async fn enroll<Origin>(
        &self,
        customers: impl Iterator<Item = (Origin, Customer)>,
        as_of: Timestamp,
        watch: &mut dyn FnMut(Origin, Option<&Cause>),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Counts, EnrollError> {
        self.bulk().run(customers, as_of, watch, stop).await
    }

    /// Brings the schedule and the open entry of a customer who is on the roster in line with the profile.
    ///
    /// # Errors
    /// As [`EnrollAgainError`] says.
    pub async fn enroll_again(&self, id: &CustomerId) -> Result<Counts, EnrollAgainError> {
        let customer = self.profile(id).await?;
        let changed = self.enrollment(&self.schedules()).repair(id).await?;
        let outcome = match customer.standing {
            Standing::Closed if customer.is_forgotten() => Outcome::Forgotten,
            Standing::Closed => Outcome::Closed,
            Standing::Active if changed => Outcome::Changed,
            Standing::Active => Outcome::Unchanged,
        };
        let mut counts = Counts::default();
        let opted_out = customer.consent.opted_out() && outcome != Outcome::Forgotten;
        counts.add(Enrolled { outcome, consent: None, opted_out }, &customer);
        Ok(counts)
    }

    /// Takes customers off the roster.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. Who was taken off before stays so.
    pub async fn unenroll(&self, ids: Vec<CustomerId>) -> Result<Vec<Unenrolled>, EnrollmentError> {
        let schedules = self.schedules();
        let enrollment = self.enrollment(&schedules);
        let mut all = Vec::new();
        for customer in ids {
            let id = customer.as_str();
            let unenrolled = patiently(&*self.ports.sleeper, id, || enrollment.unenroll(&customer)).await?;
            all.push(Unenrolled { customer, unenrolled });
        }
        Ok(all)
    }

    /// Opts customers out of all mail, or takes that back, as they asked for. `note` says how it is known. No roster
    /// overrules it.
    ///
    /// # Errors
    /// When the ledger can't be used. What was kept before stays so.
    pub async fn opt_out(
        &self,
        ids: Vec<CustomerId>,
        opted_out: bool,
        note: &Note,
    ) -> Result<Vec<OptedOut>, LedgerError> {
        let schedules = self.schedules();
        let enrollment = self.enrollment(&schedules);
        let record = ConsentRecord {
            by: ConsentSource::Operator,
            as_of: Some(self.clock().now()),
            proof: Some(Cause::new(note.as_str())),
        };
        let word = Consent::said(opted_out, record);
        let mut all = Vec::new();
        for customer in ids {
            let id = customer.as_str();
            let is_known = patiently(&*self.ports.sleeper, id, || enrollment.hear(&customer, &word)).await?;
            all.push(OptedOut { customer, is_known });
        }
        Ok(all)
    }

    /// How many customers are on the roster.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn roster(&self) -> Result<RosterCount, LedgerError> {
        self.ports.reports.roster().await
    }

    fn enrollment<'a>(&'a self, schedules: &'a PacedSchedules<'a>) -> Enrollment<'a> {
        Enrollment { ledger: &*self.ports.ledger, schedules, clock: self.clock() }
    }

    /// The enrolment of many customers, over this application's ports.
    #[must_use]
    pub fn bulk(&self) -> BulkEnrollment<'_> {
        let Ports { ledger, schedules, sleeper, .. } = &self.ports;
        BulkEnrollment { ledger: &**ledger, schedules: &**schedules, sleeper: &**sleeper }
    }
}
