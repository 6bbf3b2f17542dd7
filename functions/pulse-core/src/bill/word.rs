//! What telling other systems costs, which is paid only where there are endpoints.

use super::{ApiUse, Bill, LOG_BYTES_PER_INVOCATION, Prices, STAGE_MEMORY_GB};
use crate::stage_spec::StageName;

/// Tenths of a write unit that a fact takes that an endpoint is told: its row and that row's place in the index, both in a
/// transaction, which doubles what the fact's own row takes; a claim; a close
/// (`cargo run --release -p pulse-sim --example ten_days`).
const TENTHS_OF_WRITES: u64 = 68;

/// Read units of the same: of the line before it is told and after, and of the endpoint, which a batch shares.
const READS: f64 = 3.8;

/// Tenths of a request that the same takes. Messages are 1.4, as the next of a line is queued again: each is sent by itself,
/// received and deleted in tens.
const TENTHS_OF_REQUESTS: u64 = 17;

/// Read units of a minute and endpoint: the control row, its minutes, and what is overdue on all partitions of an index.
const READS_A_MINUTE: f64 = 6.3;

/// How long a call takes. It wasn't measured on AWS.
const CALL_SECONDS: f64 = 0.2;

/// Calls of a batch that an invocation makes side by side to one endpoint, as the template has it.
const SIDE_BY_SIDE: f64 = 2.0;

/// Metrics that are measured only where there are endpoints.
const METRICS: f64 = 3.0;

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
        let minutes = u64::from(days) * 24 * 60;
        let batches = facts.div_ceil(u64::from(StageName::Deliver.spec().batch)).max(facts.min(minutes));
        let told = facts as f64;
        Self {
            calls: vec![("SQS", "word", facts * TENTHS_OF_REQUESTS / 10), ("Lambda", "deliver", batches)],
            write_units: facts * TENTHS_OF_WRITES / 10,
            read_units: told * READS + minutes as f64 * READS_A_MINUTE,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_costs_by_its_facts_and_a_little_by_the_minute() {
        let of = |facts| Bill::of_word(Told { facts, days: 30 }, &Prices::default());
        let (none, many) = (of(0), of(1_200_000));
        let cost = |bill: &Bill, what| bill.lines.iter().find(|line| line.what == what).unwrap().cost;
        let close = |one: f64, other: f64| (one - other).abs() < 1e-3;
        // 43,200 minutes of 6.3 read units, a secret and three metrics.
        assert!(close(none.total, 43_200.0 * 6.3 / 1e6 * 0.125 + 0.4 + 0.9), "{}", none.total);
        assert!(close(cost(&many, "DynamoDB writes"), 5.1) && close(cost(&many, "SQS requests"), 0.816));
        assert!(close(cost(&many, "DynamoDB reads"), 0.57 + 43_200.0 * 6.3 / 1e6 * 0.125));
        assert!(close(cost(&many, "Lambda duration"), 30_000.0 * 0.000_016_666_7));
        assert!(close(many.total, 8.344), "{}", many.total);
    }
}
