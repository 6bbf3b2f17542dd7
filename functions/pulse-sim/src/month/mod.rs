//! A month of many customers, to see what it takes: how long, how many lanes, how deep the queues get,
//! how much it costs.

mod proof;
mod report;
mod run;
mod scenario;
#[cfg(test)]
mod tests;

pub use proof::Proof;
pub use report::{MonthReport, Progress, Sample};
pub use run::{digest, run};
pub(crate) use run::{enroll, proof, settings};
pub use scenario::{Scenario, Spread, StageScenario, Window, WindowError};
