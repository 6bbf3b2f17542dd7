use futures::{StreamExt as _, TryStreamExt as _, stream};
use pulse_core::{
    advice::Advice,
    customer::{Customer, CustomerId},
    enrollment::{Enrolled, Enrollment, EnrollmentError},
    ports::{LedgerError, RosterCount},
};
use serde::Serialize;

use crate::{App, ReadError};

/// Customers enrolled at once. `CreateSchedule` takes 1,000 a second or more (`EventBridge` Scheduler
/// User Guide, "Quotas"); a customer takes some 30 ms.
const AT_ONCE: usize = 25;

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
#[error("Customer {customer} couldn't be enrolled; enrol the file again")]
pub struct EnrollError {
    /// Who couldn't be.
    pub customer: CustomerId,
    /// Why.
    #[source]
    pub error: EnrollmentError,
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
    /// Puts customers on the roster, many at once, and tells `watch` after each. Customers are taken from the iterator
    /// as it goes on.
    ///
    /// # Errors
    /// With the first who couldn't be enrolled. Who was enrolled before stays so; do it again.
    pub async fn enroll(
        &self,
        customers: impl Iterator<Item = Customer>,
        watch: &mut dyn FnMut(),
    ) -> Result<Counts, EnrollError> {
        let enrollment = self.enrollment();
        let mut enrolled = stream::iter(customers)
            .map(async |customer| {
                let done = enrollment.enroll(&customer).await;
                done.map_err(|error| EnrollError { customer: customer.id, error })
            })
            .buffer_unordered(AT_ONCE);
        let mut counts = Counts::default();
        while let Some(done) = enrolled.try_next().await? {
            counts.add(done);
            watch();
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
        counts.add(self.enrollment().enroll(&customer).await?);
        Ok(counts)
    }

    /// Takes customers off the roster.
    ///
    /// # Errors
    /// When the ledger or the scheduler can't be used. Who was taken off before stays so.
    pub async fn unenroll(&self, ids: Vec<CustomerId>) -> Result<Vec<Unenrolled>, EnrollmentError> {
        let enrollment = self.enrollment();
        let mut all = Vec::new();
        for customer in ids {
            let unenrolled = enrollment.unenroll(&customer).await?;
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

    fn enrollment(&self) -> Enrollment<'_> {
        Enrollment { ledger: &*self.ports.ledger, schedules: &*self.ports.schedules, clock: self.clock() }
    }
}
