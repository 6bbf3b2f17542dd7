//! What the deliver function is asked for besides batches: word of nothing, to see whether an endpoint takes it.

use pulse_core::{delivery::EndpointName, failure::Cause};
use serde::{Deserialize, Serialize};

/// Test word is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestWordOrder {
    /// For whom.
    pub test_endpoint: EndpointName,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestWordAnswer {
    /// The endpoint took it.
    Accepted {
        /// In so many milliseconds.
        took_ms: u64,
    },
    /// It didn't, or it isn't known whether it did.
    Failed {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
}
