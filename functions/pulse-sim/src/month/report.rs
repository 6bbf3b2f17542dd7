use std::time::Duration;

use jiff::Timestamp;
use pulse_core::bill::{ApiUse, Bill};
use serde::Serialize;

use super::{proof::Proof, scenario::Scenario};

/// How far a simulation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Time that was simulated.
    pub simulated: Duration,
    /// Mails so far.
    pub mailed: u64,
}

/// How things stood at a moment, and what happened in the ten minutes before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// The moment at which it was written down.
    pub at: Timestamp,
    /// Customers whose schedules fired.
    pub arrived: u64,
    /// Customers who were scored.
    pub scored: u64,
    /// Mails that were accepted.
    pub mailed: u64,
    /// Messages that wait in the score queue.
    pub score_waiting: u64,
    /// Messages that wait in the email queue.
    pub email_waiting: u64,
    /// For how long the oldest of them has.
    pub score_oldest: Duration,
    /// The same for the email queue.
    pub email_oldest: Duration,
    /// Scoring lanes that were busy, on average.
    pub score_lanes: f64,
    /// Email lanes that were busy, on average.
    pub email_lanes: f64,
}

/// How long lies between two samples.
pub(super) const PERIOD: Duration = Duration::from_mins(10);

/// What came of a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonthReport {
    /// What was simulated.
    pub scenario: Scenario,
    /// How it went, every ten minutes.
    pub samples: Vec<Sample>,
    /// What the ledger and the provider say at the end.
    pub proof: Proof,
    /// When the last mail was accepted.
    pub last_mail: Option<Timestamp>,
    /// Dead letters that the operator redrove.
    pub redriven: u64,
    /// Messages that the sweep sent in the place of lost ones.
    pub repeated: u64,
    /// Calls that the table's provisioned capacity didn't let through, each attempt of its own.
    pub throttled: Option<u64>,
    /// What was used of AWS.
    pub api: ApiUse,
    /// What it costs.
    pub bill: Bill,
}
