//! What telling other systems costs, which is paid only where there are endpoints.

use super::{ApiUse, Bill, LOG_BYTES_PER_INVOCATION, Prices, STAGE_MEMORY_GB};
use crate::plan::BATCH;

/// Write units of a fact that an endpoint is told: its row and that row's place in the index, both in a transaction, which
/// doubles what the fact's own row takes; a claim; a close (`cargo run --release -p pulse-sim --example ten_days`).
const WRITES: f64 = 6.5;

/// Read units of the same: of the endpoint, of the line before it is told and after.
const READS: f64 = 4.0;

/// A receipt and a deletion come in tens, a message is sent by itself.
const QUEUE_REQUESTS: f64 = 1.2;

/// Read units of a minute and endpoint: the control row, its minutes, and what is overdue on all partitions of an index.
const READS_A_MINUTE: f64 = 14.0;

/// How long a call takes. It wasn't measured on AWS.
const CALL_SECONDS: f64 = 0.2;

/// Calls of a batch that an invocation makes side by side to one endpoint, as the template has it.
const SIDE_BY_SIDE: f64 = 2.0;

/// Metrics that are measured only where there are endpoints.
const METRICS: f64 = 6.0;

/// What one endpoint is told in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// So many facts.
    pub facts: u64,
    /// In so many days.
    pub days: u32,
}

impl ApiUse {
    /// What telling one endpoint uses, beside the stage, which costs as much where it tells nobody.
    #[must_use]
    pub fn of_word(Told { facts, days }: Told) -> Self {
        let minutes = f64::from(days) * 24.0 * 60.0;
        let batches = facts.div_ceil(u64::from(BATCH)).max(facts.min(minutes as u64));
        let told = facts as f64;
        Self {
            calls: vec![("SQS", "word", (told * QUEUE_REQUESTS) as u64), ("Lambda", "deliver", batches)],
            write_units: (told * WRITES) as u64,
            read_units: told * READS + minutes * READS_A_MINUTE,
            gb_seconds: told * CALL_SECONDS / SIDE_BY_SIDE * STAGE_MEMORY_GB,
            log_gb: batches as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
            ..Self::default()
        }
    }
}

impl Bill {
    /// The bill for one endpoint alone, a signed webhook, beside the rest: what is free of charge each month, that may have used up.
    #[must_use]
    pub fn of_word(told: Told, prices: &Prices) -> Self {
        let used = ApiUse::of_word(told);
        let lines = [
            ("DynamoDB writes", used.write_units as f64 / 1e6, "million units", prices.writes),
            ("DynamoDB reads", used.read_units / 1e6, "million units", prices.reads),
            ("SQS requests", used.of("SQS") as f64 / 1e6, "million", prices.queue_requests),
            ("Lambda requests", used.of("Lambda") as f64 / 1e6, "million", prices.invocations),
            ("Lambda duration", used.gb_seconds, "GB-s", prices.gb_seconds),
            ("Secrets", 1.0, "secrets", prices.secret),
            ("CloudWatch metrics", METRICS, "metrics", prices.metrics),
            ("CloudWatch Logs", used.log_gb, "GB", prices.logs),
        ];
        Self::beside(lines)
    }
}
