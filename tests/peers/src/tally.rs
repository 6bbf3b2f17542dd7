//! What a function called, and what was wrong with it.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, ensure};

/// How many faults are told.
const TOLD: usize = 5;

/// Calls by their kinds, and how far each customer has got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    calls: BTreeMap<String, u64>,
    faults: Vec<String>,
    asked: HashSet<String>,
    written: HashSet<String>,
    queued: HashSet<String>,
}

/// What a customer's message goes through, in this order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The score was asked for.
    Asked,
    /// It was written.
    Written,
    /// The email stage was told.
    Queued,
}

impl Tally {
    /// Counts a call.
    pub(crate) fn count(&mut self, call: &str) {
        *self.calls.entry(call.to_owned()).or_default() += 1;
    }

    /// Notes that something is not as it has to be.
    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    /// Takes a customer a step further: each once, and none before the one before.
    pub(crate) fn step(&mut self, customer: &str, step: Step) {
        let (before, here) = match step {
            Step::Asked => (None, &mut self.asked),
            Step::Written => (Some(&self.asked), &mut self.written),
            Step::Queued => (Some(&self.written), &mut self.queued),
        };
        let is_in_order = before.is_none_or(|before| before.contains(customer));
        if !here.insert(customer.to_owned()) {
            self.faults.push(format!("{customer} twice: {step:?}"));
        } else if !is_in_order {
            self.faults.push(format!("{customer} out of order: {step:?}"));
        }
    }

    /// The calls by their kinds.
    pub(crate) fn calls(&self) -> &BTreeMap<String, u64> {
        &self.calls
    }

    /// Ends in an error unless each of so many customers has gone all the way, without any fault.
    ///
    /// # Errors
    /// With the first faults.
    pub(crate) fn check(&self, customers: usize) -> Result<()> {
        ensure!(self.faults.is_empty(), "{} faults: {}", self.faults.len(), self.first_faults());
        let got = [&self.asked, &self.written, &self.queued].map(HashSet::len);
        ensure!(got == [customers; 3], "of {customers} customers {got:?} were scored, written, and queued");
        Ok(())
    }

    fn first_faults(&self) -> String {
        self.faults.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}
