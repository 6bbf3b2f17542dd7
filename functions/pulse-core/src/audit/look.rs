//! A closer look at customers about whom something seems to be wrong.

use futures::{StreamExt as _, stream};

use super::{AuditDepth, AuditError, AuditReport, Finding, Problem, Walk};
use crate::{
    customer::{Customer, CustomerId, Standing},
    enrollment::{Enrollment, EnrollmentError},
    pacing::patiently,
    ports::{ScheduleError, Schedules as _},
    stable_hash::stable_hash,
};

/// Customers that are looked at side by side.
const AT_ONCE: usize = 16;

/// Which side of the audit looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Entries,
    Schedules,
}

impl About {
    fn is_about(self, problem: Problem) -> bool {
        match problem {
            Problem::NoOpenEntry | Problem::StrayEntry => self == Self::Entries,
            Problem::NoSchedule | Problem::WrongSlot | Problem::StraySchedule | Problem::UnknownCustomer => {
                self == Self::Schedules
            }
        }
    }
}

impl Walk<'_> {
    pub(super) fn is_read_in_whole(&self, customer: &CustomerId) -> bool {
        match self.depth {
            AuditDepth::Presence => false,
            AuditDepth::Slice { number, of } => stable_hash("audit", customer.as_str()) % of.max(1) == number,
            AuditDepth::Everyone => true,
        }
    }

    pub(super) async fn look_at(&self, customers: Vec<CustomerId>, about: About) -> Result<AuditReport, AuditError> {
        let mut report = AuditReport::default();
        let mut looks = stream::iter(customers)
            .map(async |customer| (self.patiently(&customer, about).await, customer))
            .buffered(AT_ONCE);
        while let Some((found, customer)) = looks.next().await {
            match found {
                Ok(findings) => findings.into_iter().for_each(|finding| report.add(finding)),
                // That is nobody's fault, and the next one's answer is the same.
                Err(EnrollmentError::Schedule(error @ ScheduleError::Denied { .. })) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%customer, %error, "couldn't be audited");
                    report.failed += 1;
                }
            }
        }
        Ok(report)
    }

    /// The scheduler is patient by itself.
    async fn patiently(&self, id: &CustomerId, about: About) -> Result<Vec<Finding>, EnrollmentError> {
        patiently(self.audit.sleeper, id.as_str(), || self.one(id, about)).await
    }

    async fn one(&self, id: &CustomerId, about: About) -> Result<Vec<Finding>, EnrollmentError> {
        let audit = &self.audit;
        let mut problems = match audit.ledger.customer(id).await? {
            Some(customer) if customer.standing == Standing::Active => self.problems_of(&customer).await?,
            Some(_) => self.strays_of(id).await?,
            None if self.has_schedule(id).await? => vec![Problem::UnknownCustomer],
            None => Vec::new(),
        };
        let is_repaired = |problem: Problem| audit.repair && problem != Problem::UnknownCustomer;
        // A repair mends both, so that the other side will find nothing any more.
        problems.retain(|problem| is_repaired(*problem) || about.is_about(*problem));
        if problems.iter().any(|problem| is_repaired(*problem)) {
            self.enrollment().repair(id).await?;
        }
        let finding = |problem| Finding { customer: id.clone(), problem, repaired: is_repaired(problem) };
        Ok(problems.into_iter().map(finding).collect())
    }

    async fn problems_of(&self, customer: &Customer) -> Result<Vec<Problem>, EnrollmentError> {
        let mut problems = Vec::new();
        match self.schedules.get(&customer.id).await? {
            None => problems.push(Problem::NoSchedule),
            Some(schedule) if schedule.slot != customer.slot => problems.push(Problem::WrongSlot),
            Some(_) => {}
        }
        let entries = self.audit.ledger.entries(&customer.id).await?;
        if !entries.iter().any(|entry| entry.is_open() && entry.id().run.is_monthly()) {
            problems.push(Problem::NoOpenEntry);
        }
        Ok(problems)
    }

    /// A mail that is in doubt isn't called back: its stage closes the entry.
    async fn strays_of(&self, id: &CustomerId) -> Result<Vec<Problem>, EnrollmentError> {
        let mut problems = Vec::new();
        if self.has_schedule(id).await? {
            problems.push(Problem::StraySchedule);
        }
        let entries = self.audit.ledger.entries(id).await?;
        if entries.iter().any(|entry| entry.is_open() && entry.in_doubt_since().is_none()) {
            problems.push(Problem::StrayEntry);
        }
        Ok(problems)
    }

    async fn has_schedule(&self, id: &CustomerId) -> Result<bool, EnrollmentError> {
        Ok(self.schedules.get(id).await?.is_some())
    }

    fn enrollment(&self) -> Enrollment<'_> {
        Enrollment { ledger: self.audit.ledger, schedules: &self.schedules, clock: self.audit.sleeper }
    }
}
