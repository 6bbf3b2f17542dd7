use std::sync::Arc;

use super::{
    plan::FaultPlan,
    run::{SeedReport, run},
};
use crate::world::{Promise, SystemUnderTest};

/// The most runs that are spent on shrinking.
const TRIES: usize = 200;

/// The shortest plan that was found to break a promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// The plan.
    pub plan: FaultPlan,
    /// What comes of it, with the whole trace.
    pub report: SeedReport,
}

impl Shrunk {
    /// The command that replays it.
    #[must_use]
    pub fn command(&self) -> String {
        let faults: Vec<_> = self.plan.faults.iter().map(|(number, _)| number.to_string()).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(",") };
        format!("{} --faults {faults}", self.plan.command())
    }

    /// The trace's lines that speak of the customer to whom it happened, and of no customer at all.
    #[must_use]
    pub fn story(&self) -> Vec<&str> {
        let who = self.report.violations.first().and_then(|violation| violation.customer.as_ref());
        let about = |line: &&str| match who {
            None => true,
            Some(who) => mentions(line, who.as_str()) || !line.split(' ').any(is_customer),
        };
        self.report.trace.iter().map(String::as_str).filter(about).collect()
    }
}

fn mentions(line: &str, who: &str) -> bool {
    line.split([' ', '/']).any(|word| word == who)
}

fn is_customer(word: &str) -> bool {
    let id = word.split('/').next().unwrap_or(word);
    id.strip_prefix('c').is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Leaves out of a plan that breaks `promise` whatever isn't needed for that: customers first, since
/// fewer make every further run shorter, then faults, by halves, then one by one.
#[must_use]
pub fn shrink(plan: &FaultPlan, promise: Promise, product: &Arc<dyn SystemUnderTest>) -> Shrunk {
    let mut tries = TRIES;
    let mut breaks = |plan: &FaultPlan| {
        tries > 0 && {
            tries -= 1;
            run(plan, Arc::clone(product), false).violations.iter().any(|violation| violation.promise == promise)
        }
    };
    let mut best = plan.clone();
    for customers in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144] {
        let fewer = FaultPlan { customers, ..best.clone() };
        if customers < best.customers && breaks(&fewer) {
            best = fewer;
            break;
        }
    }
    let mut chunk = best.faults.len().div_ceil(2);
    while chunk > 0 {
        let mut from = 0;
        while from < best.faults.len() {
            let mut fewer = best.clone();
            fewer.faults.drain(from..(from + chunk).min(best.faults.len()));
            if breaks(&fewer) {
                best = fewer;
            } else {
                from += chunk;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    let report = run(&best, Arc::clone(product), true);
    Shrunk { plan: best, report }
}
