use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{advice::Advice, customer::CustomerId};

/// Findings that are told one by one; all are counted.
const EXAMPLES: usize = 100;

/// What is wrong with a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// With whom.
    pub customer: CustomerId,
    /// The kind of problem.
    pub problem: Problem,
    /// Whether it was repaired.
    pub repaired: bool,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    pub(super) fn add(&mut self, finding: Finding) {
        *self.found.entry(finding.problem).or_default() += 1;
        self.repaired += u64::from(finding.repaired);
        if self.examples.len() < EXAMPLES {
            self.examples.push(finding);
        }
    }

    /// Takes in what was found in another piece.
    pub(super) fn merge(&mut self, piece: Self) {
        self.customers += piece.customers;
        self.read_in_whole += piece.read_in_whole;
        self.repaired += piece.repaired;
        self.failed += piece.failed;
        for (problem, count) in piece.found {
            *self.found.entry(problem).or_default() += count;
        }
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(piece.examples.into_iter().take(room));
    }
}
