//! What having a stage costs that only a parameter gives a stack.

use super::{Bill, Prices};

/// Metrics of Pulse's own that such a stage has. It has no alarms: those of the stack hear of it.
pub const GIVEN_METRICS: u32 = 3;

/// Requests of an hour to its queues: long polls of a mapping's pollers, five, of 20 s; the tick's looks at the queue and the
/// dead letters, three a minute, and its snapshots', four each.
const REQUESTS_AN_HOUR: f64 = 5.0 * 180.0 + 3.0 * 60.0 + 4.0 * 12.0;

/// Hours of a month.
const HOURS: f64 = 730.0;

impl Bill {
    /// The bill for having such a stage for a month, beside the rest and whatever it does.
    #[must_use]
    pub fn of_given_stage(prices: &Prices) -> Self {
        Self::beside([
            ("SQS requests", REQUESTS_AN_HOUR * HOURS / 1e6, "million", prices.queue_requests),
            ("CloudWatch metrics", f64::from(GIVEN_METRICS), "metrics", prices.metrics),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_waits_costs_its_polls_and_its_metrics() {
        let bill = Bill::of_given_stage(&Prices::default());
        let polls = 1_128.0 * 730.0 / 1e6 * 0.4;
        assert!((bill.total - (polls + 0.9)).abs() < 1e-6, "{}", bill.total);
        assert!((1.2..1.3).contains(&bill.total));
    }
}
