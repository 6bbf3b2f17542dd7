//! The roster against the schedules against the ledger: who would be passed over, and why.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use futures::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    advice::Advice,
    customer::{Customer, CustomerId, Standing},
    enrollment::{Enrollment, EnrollmentError},
    ports::{Clock, Ledger, LedgerError, LedgerListing, Schedules, SchedulesError},
    stable_hash::stable_hash,
};

/// Customers that are looked at side by side. `EventBridge` Scheduler takes 250 `GetSchedule` a second in most Regions
/// (`EventBridge` Scheduler User Guide, "Quotas"), so its calls are [paced](crate::pacing).
const AT_ONCE: usize = 16;

/// Findings that are told one by one; all are counted.
const EXAMPLES: usize = 100;

/// Ids of everyone on the roster, perhaps: they are hashed a lot.
type Ids = std::collections::HashSet<CustomerId, FixedState>;

/// Whose schedule is read in whole. Whether there is a live one at all is asked for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditDepth {
    /// Nobody's beyond those about whom something is wrong.
    Presence,
    /// One part of the roster in so many: over that many audits, everyone's.
    Slice {
        /// Which, from 0.
        number: u64,
        /// Of how many.
        of: u64,
    },
    /// Everyone's.
    Everyone,
}

/// What is wrong with a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// A customer without a live schedule.
    NoSchedule,
    /// A customer whose schedule is due at another moment than the profile's slot.
    WrongSlot,
    /// A customer without an open entry.
    NoOpenEntry,
    /// A schedule of someone who has left.
    StraySchedule,
    /// An open entry of someone who has left.
    StrayEntry,
    /// A schedule of someone whom the ledger doesn't know. It is left alone: the profile may be lost.
    UnknownCustomer,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// With whom.
    pub customer: CustomerId,
    /// The kind of problem.
    pub problem: Problem,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Customers who have not left.
    pub customers: u64,
    /// Those of them whose schedule was read in whole.
    pub read_in_whole: u64,
    /// What is wrong, counted.
    pub found: BTreeMap<Problem, u64>,
    /// How much of it was repaired.
    pub repaired: u64,
    /// Customers who couldn't be looked at or repaired. Audit again.
    pub failed: u64,
    /// The first hundred findings.
    pub examples: Vec<Finding>,
}

impl AuditReport {
    /// Whether nothing is wrong, or nothing any more.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.repaired == self.found.values().sum::<u64>()
    }

    /// What to do next, if anything is left to be repaired.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        (!self.is_clean()).then_some(Advice::RepairByAudit)
    }

    fn add(&mut self, finding: Finding) {
        *self.found.entry(finding.problem).or_default() += 1;
        self.repaired += u64::from(finding.repaired);
        if self.examples.len() < EXAMPLES {
            self.examples.push(finding);
        }
    }
}

/// Why an audit ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The ledger couldn't be listed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The schedules couldn't be listed.
    #[error(transparent)]
    Schedules(#[from] SchedulesError),
}

/// The use case.
#[derive(Clone, Copy)]
pub struct Audit<'a> {
    /// Profiles and entries.
    pub ledger: &'a dyn Ledger,
    /// The ledger as lists.
    pub listing: &'a dyn LedgerListing,
    /// The scheduler.
    pub schedules: &'a dyn Schedules,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// Whose schedule is read in whole.
    pub depth: AuditDepth,
    /// Whether what is found is repaired.
    pub repair: bool,
}

impl Audit<'_> {
    /// Looks at everyone. Lists may be some seconds old, so whoever seems to lack something is looked at
    /// again, and only what holds then is a finding. `on_customers` hears how many are done, and of how
    /// many so far.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed. What was repaired stays.
    pub async fn run(&self, on_customers: &mut (dyn FnMut(u64) + Send)) -> Result<AuditReport, AuditError> {
        let mut scheduled = self.scheduled().await?;
        let mut report = AuditReport::default();
        for part in 0..self.listing.parts() {
            let active = self.listing.active_customers(part).await?;
            let open = self.listing.open_entries(part).await?.into_iter().filter(|entry| !entry.run.is_repeat());
            let mut open: Ids = open.map(|entry| entry.customer).collect();
            report.customers += active.len() as u64;
            let mut suspects = Vec::new();
            for customer in active {
                let is_scheduled = scheduled.remove(&customer);
                let in_whole = self.is_read_in_whole(&customer);
                report.read_in_whole += u64::from(in_whole);
                if !open.remove(&customer) || !is_scheduled || in_whole {
                    suspects.push(customer);
                }
            }
            let mut left: Vec<_> = open.into_iter().filter(|customer| !scheduled.contains(customer)).collect();
            left.sort();
            suspects.extend(left);
            self.look_at(suspects, &mut report).await;
            on_customers(report.customers);
        }
        let mut strays: Vec<_> = scheduled.into_iter().collect();
        strays.sort();
        self.look_at(strays, &mut report).await;
        Ok(report)
    }

    async fn scheduled(&self) -> Result<Ids, SchedulesError> {
        let mut scheduled = Ids::default();
        let mut page = None;
        loop {
            let listed = self.schedules.list(page).await?;
            scheduled.extend(listed.customers);
            page = listed.next;
            if page.is_none() {
                return Ok(scheduled);
            }
        }
    }

    fn is_read_in_whole(&self, customer: &CustomerId) -> bool {
        match self.depth {
            AuditDepth::Presence => false,
            AuditDepth::Slice { number, of } => stable_hash("audit", customer.as_str()) % of.max(1) == number,
            AuditDepth::Everyone => true,
        }
    }

    async fn look_at(&self, customers: Vec<CustomerId>, report: &mut AuditReport) {
        let mut looks =
            stream::iter(customers).map(async |customer| (self.one(&customer).await, customer)).buffered(AT_ONCE);
        while let Some((found, customer)) = looks.next().await {
            match found {
                Ok(findings) => findings.into_iter().for_each(|finding| report.add(finding)),
                Err(error) => {
                    tracing::warn!(%customer, %error, "couldn't be audited");
                    report.failed += 1;
                }
            }
        }
    }

    async fn one(&self, id: &CustomerId) -> Result<Vec<Finding>, EnrollmentError> {
        let problems = match self.ledger.customer(id).await? {
            Some(customer) if customer.standing == Standing::Active => {
                let problems = self.problems_of(&customer).await?;
                if self.repair && !problems.is_empty() {
                    self.enrollment().repair(id).await?;
                }
                problems
            }
            Some(_) => self.strays_of(id).await?,
            None if self.schedules.get(id).await?.is_some() => vec![Problem::UnknownCustomer],
            None => Vec::new(),
        };
        let finding = |problem| Finding {
            customer: id.clone(),
            problem,
            repaired: self.repair && problem != Problem::UnknownCustomer,
        };
        Ok(problems.into_iter().map(finding).collect())
    }

    async fn problems_of(&self, customer: &Customer) -> Result<Vec<Problem>, EnrollmentError> {
        let mut problems = Vec::new();
        match self.schedules.get(&customer.id).await? {
            None => problems.push(Problem::NoSchedule),
            Some(schedule) if schedule.slot != customer.slot => problems.push(Problem::WrongSlot),
            Some(_) => {}
        }
        let entries = self.ledger.entries(&customer.id).await?;
        if !entries.iter().any(|entry| entry.is_open() && !entry.id().run.is_repeat()) {
            problems.push(Problem::NoOpenEntry);
        }
        Ok(problems)
    }

    /// A mail that is in doubt isn't called back: its stage closes the entry.
    async fn strays_of(&self, id: &CustomerId) -> Result<Vec<Problem>, EnrollmentError> {
        let mut problems = Vec::new();
        if self.schedules.get(id).await?.is_some() {
            problems.push(Problem::StraySchedule);
        }
        let entries = self.ledger.entries(id).await?;
        if entries.iter().any(|entry| entry.is_open() && entry.in_doubt_since().is_none()) {
            problems.push(Problem::StrayEntry);
        }
        if self.repair && !problems.is_empty() {
            self.enrollment().repair(id).await?;
        }
        Ok(problems)
    }

    fn enrollment(&self) -> Enrollment<'_> {
        Enrollment { ledger: self.ledger, schedules: self.schedules, clock: self.clock }
    }
}
