use futures::{StreamExt as _, stream};
use pulse_core::{
    advice::Advice,
    customer::{Customer, CustomerId},
    enrollment::{Enrolled, Enrollment, EnrollmentError},
    failure::Cause,
    pacing::{PacedSchedules, patiently},
    ports::{LedgerError, RosterCount, ScheduleError},
};
use serde::Serialize;

use crate::{App, ReadError};

/// Customers enrolled at once: as many as the [paced](pulse_core::pacing) scheduler ever takes. A customer takes some
/// 60 ms and four write units, so that is a new table's 4,000 a second (`DynamoDB` Developer Guide, "On-demand capacity
/// mode").
const AT_ONCE: usize = 64;

/// A roster of which nobody was enrolled, and so many are refused, is refused for what isn't theirs.
const REFUSED_OF_NONE: u64 = 100;

/// How many customers were enrolled, by what that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Who weren't on the roster.
    pub new: u64,
    /// Whose profile or schedule was another.
    pub changed: u64,
    /// Whose all was so already.
    pub unchanged: u64,
    /// Who have left.
    pub closed: u64,
}

impl Counts {
    fn add(&mut self, enrolled: Enrolled) {
        *match enrolled {
            Enrolled::New => &mut self.new,
            Enrolled::Changed => &mut self.changed,
            Enrolled::Unchanged => &mut self.unchanged,
            Enrolled::Closed => &mut self.closed,
        } += 1;
    }
}

/// Why a roster was enrolled in part only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrollError {
    /// Nobody can be enrolled now.
    #[error("Customer {customer} couldn't be enrolled; when that is mended, enrol the file again")]
    Stopped {
        /// Who couldn't be.
        customer: CustomerId,
        /// Why.
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
    /// Who.
    pub customer: CustomerId,
    /// Whether they were on it.
    pub unenrolled: bool,
}

impl App {
    /// Puts customers on the roster, many at once, and tells `watch` after each where the customer came from, and why
    /// the scheduler refuses this one for good, if it does: the others go on. Customers are taken from the iterator as it
    /// goes on.
    ///
    /// # Errors
    /// As [`EnrollError`] says. Who was enrolled before stays so; do it again.
    pub async fn enroll<Origin>(
        &self,
        customers: impl Iterator<Item = (Origin, Customer)>,
        watch: &mut dyn FnMut(Origin, Option<&Cause>),
    ) -> Result<Counts, EnrollError> {
        let schedules = self.schedules();
        let enrollment = self.enrollment(&schedules);
        let mut enrolled = stream::iter(customers)
            .map(async |(origin, customer)| {
                let id = customer.id.as_str();
                let done = patiently(&*self.ports.sleeper, id, || enrollment.enroll(&customer)).await;
                (origin, done, customer.id)
            })
            .buffer_unordered(AT_ONCE);
        let (mut counts, mut refused) = (Counts::default(), 0);
        while let Some((origin, done, customer)) = enrolled.next().await {
            match done {
                Ok(done) => {
                    counts.add(done);
                    watch(origin, None);
                }
                Err(EnrollmentError::Schedule(ScheduleError::Refused { cause, .. })) => {
                    refused += 1;
                    watch(origin, Some(&cause));
                    if refused == REFUSED_OF_NONE && counts == Counts::default() {
                        return Err(EnrollError::Everyone(cause));
                    }
                }
                Err(error) => return Err(EnrollError::Stopped { customer, error }),
            }
        }
        Ok(counts)
    }

    /// Brings the schedule and the open entry of a customer who is on the roster in line with the profile.
    ///
    /// # Errors
    /// As [`EnrollAgainError`] says.
    pub async fn enroll_again(&self, id: &CustomerId) -> Result<Counts, EnrollAgainError> {
        let customer = self.profile(id).await?;
        let mut counts = Counts::default();
        counts.add(self.enrollment(&self.schedules()).enroll(&customer).await?);
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
}
