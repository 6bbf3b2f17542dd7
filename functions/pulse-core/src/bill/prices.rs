use serde::Serialize;

use super::capacity::{CapacityHours, FREE_UNITS, SCALING_ALARMS};
use crate::ports::ReadUnits;

/// Metrics of Pulse's own: three of each stage that moves entries every month, and four of the stack. Each counts while it is
/// measured. That of dead letters is measured only while there are any, and the deliver stage's three only where there are endpoints:
/// they are $0.90 a month then.
pub const METRICS: u32 = 2 * 3 + 4;

/// Alarms of template.yaml.
pub const ALARMS: u32 = 10;

/// AWS's public prices in us-east-1, in dollars (the pricing pages of Amazon `DynamoDB`, Amazon SQS, AWS
/// Lambda, Amazon `EventBridge`, Amazon SNS, Amazon API Gateway, AWS Secrets Manager, Amazon CloudWatch and AWS Step
/// Functions).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// A million write request units, on demand.
    pub writes: f64,
    /// A million read request units, on demand.
    pub reads: f64,
    /// A write capacity unit for an hour, provisioned, after 25 that are free.
    pub write_capacity: f64,
    /// A read capacity unit for an hour, provisioned, after 25 that are free.
    pub read_capacity: f64,
    /// A GB of table for a month, after 25 that are free.
    pub storage: f64,
    /// A GB of continuous backups for a month.
    pub backups: f64,
    /// A million SQS requests, after one that is free.
    pub queue_requests: f64,
    /// A million Lambda requests, after one that is free.
    pub invocations: f64,
    /// A GB-second of Lambda on x86, after 400,000 that are free.
    pub gb_seconds: f64,
    /// A million schedule invocations, after 14 that are free.
    pub schedules: f64,
    /// A million messages published to SNS, after one that is free. Handing them to SQS costs nothing more.
    pub topic_messages: f64,
    /// A million requests to a REST API.
    pub api_requests: f64,
    /// A million state transitions of Step Functions' standard workflows, after 4,000 that are free each month ("AWS Step
    /// Functions Pricing": $0.025 a thousand).
    pub state_transitions: f64,
    /// A secret for a month.
    pub secret: f64,
    /// A GB of logs, after 5 that are free.
    pub logs: f64,
    /// A metric of one's own for a month, after 10 that are free.
    pub metrics: f64,
    /// An alarm for a month, after 10 that are free.
    pub alarms: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            writes: 0.625,
            reads: 0.125,
            write_capacity: 0.000_65,
            read_capacity: 0.000_13,
            storage: 0.25,
            backups: 0.20,
            queue_requests: 0.40,
            invocations: 0.20,
            gb_seconds: 0.000_016_666_7,
            schedules: 1.00,
            topic_messages: 0.50,
            api_requests: 3.50,
            state_transitions: 25.0,
            secret: 0.40,
            logs: 0.50,
            metrics: 0.30,
            alarms: 0.10,
        }
    }
}

impl Prices {
    /// What reading so much of the ledger costs, in dollars.
    #[must_use]
    pub fn of_reads(&self, units: ReadUnits) -> f64 {
        units.units() / 1e6 * self.reads
    }
}

/// What was used of AWS.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ApiUse {
    /// Calls, by service and operation.
    pub calls: Vec<(&'static str, &'static str, u64)>,
    /// Write request units of `DynamoDB`.
    pub write_units: u64,
    /// Read request units of `DynamoDB`.
    pub read_units: f64,
    /// Capacity that was provisioned in so many hours, of a table that isn't charged by its units.
    pub capacity: Option<(CapacityHours, u64)>,
    /// GB of rows in the table at the end.
    pub table_gb: f64,
    /// GB-seconds of Lambda.
    pub gb_seconds: f64,
    /// GB of logs.
    pub log_gb: f64,
}

impl ApiUse {
    /// Calls of a service, of all its operations.
    #[must_use]
    pub fn of(&self, service: &str) -> u64 {
        self.calls.iter().filter(|(of, _, _)| *of == service).map(|(_, _, calls)| calls).sum()
    }
}

/// What it costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bill {
    /// Line by line.
    pub lines: Vec<BillLine>,
    /// All together, in dollars.
    pub total: f64,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BillLine {
    /// What was used.
    pub what: &'static str,
    /// How much of it.
    pub quantity: f64,
    /// In what.
    pub unit: &'static str,
    /// How much of it is free.
    pub free: f64,
    /// What a unit costs, in dollars.
    pub price: f64,
    /// What it costs, in dollars.
    pub cost: f64,
}

impl Bill {
    /// The bill for what was used.
    #[must_use]
    pub fn of(used: &ApiUse, prices: &Prices) -> Self {
        let millions = |count: u64| count as f64 / 1e6;
        let [writes, reads] = match used.capacity {
            None => [
                ("DynamoDB writes", used.write_units as f64 / 1e6, "million units", 0.0, prices.writes),
                ("DynamoDB reads", used.read_units / 1e6, "million units", 0.0, prices.reads),
            ],
            Some((units, hours)) => {
                let free = (FREE_UNITS * hours) as f64;
                [
                    ("DynamoDB write capacity", units.writes as f64, "unit-hours", free, prices.write_capacity),
                    ("DynamoDB read capacity", units.reads as f64, "unit-hours", free, prices.read_capacity),
                ]
            }
        };
        let alarms = ALARMS + if used.capacity.is_some() { SCALING_ALARMS } else { 0 };
        let lines = [
            writes,
            reads,
            ("DynamoDB storage", used.table_gb, "GB", 25.0, prices.storage),
            ("DynamoDB backups (PITR)", used.table_gb, "GB", 0.0, prices.backups),
            ("SQS requests", millions(used.of("SQS")), "million", 1.0, prices.queue_requests),
            ("Lambda requests", millions(used.of("Lambda")), "million", 1.0, prices.invocations),
            ("Lambda duration", used.gb_seconds, "GB-s", 400_000.0, prices.gb_seconds),
            ("Scheduler invocations", millions(used.of("Scheduler")), "million", 14.0, prices.schedules),
            ("SNS messages", millions(used.of("SNS")), "million", 1.0, prices.topic_messages),
            ("API requests", millions(used.of("API Gateway")), "million", 0.0, prices.api_requests),
            // Of the scorer, and the stack's own keys. Marketing Cloud's, and the keys that providers and partners sign with, are one
            // more each.
            ("Secrets", 2.0, "secrets", 0.0, prices.secret),
            ("CloudWatch Logs", used.log_gb, "GB", 5.0, prices.logs),
            ("CloudWatch metrics", f64::from(METRICS), "metrics", 10.0, prices.metrics),
            ("CloudWatch alarms", f64::from(alarms), "alarms", 10.0, prices.alarms),
        ];
        let lines: Vec<_> = lines
            .into_iter()
            // What isn't asked about has no line.
            .filter(|(what, quantity, ..)| *what != "API requests" || *quantity > 0.0)
            .map(|(what, quantity, unit, free, price)| {
                let cost = (quantity - free).max(0.0) * price;
                BillLine { what, quantity, unit, free, price, cost }
            })
            .collect();
        let total = lines.iter().map(|line| line.cost).sum();
        Self { lines, total }
    }

    /// The bill for what is had beside the rest, which may have used up what is free of charge: what is used, how much of it, in
    /// what, at which price.
    pub(super) fn beside(lines: impl IntoIterator<Item = (&'static str, f64, &'static str, f64)>) -> Self {
        let line =
            |(what, quantity, unit, price)| BillLine { what, quantity, unit, free: 0.0, price, cost: quantity * price };
        let lines: Vec<_> = lines.into_iter().map(line).collect();
        let total = lines.iter().map(|line| line.cost).sum();
        Self { lines, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_not_paid_for_and_the_rest_by_the_million() {
        let used = ApiUse {
            calls: vec![("SQS", "SendMessage", 3_000_000), ("SQS", "DeleteMessage", 500_000), ("Lambda", "Invoke", 9)],
            write_units: 8_000_000,
            read_units: 4_000_000.0,
            capacity: None,
            table_gb: 1.0,
            gb_seconds: 500_000.0,
            log_gb: 2.0,
        };
        let bill = Bill::of(&used, &Prices::default());
        let cost = |what| bill.lines.iter().find(|line| line.what == what).unwrap().cost;
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(close(cost("DynamoDB writes"), 5.0) && close(cost("DynamoDB reads"), 0.5));
        assert!(close(cost("SQS requests"), 1.0), "2.5 million at 0.40");
        assert!(close(cost("Lambda requests"), 0.0) && close(cost("Lambda duration"), 1.666_67));
        assert!(close(cost("Secrets"), 0.8) && close(cost("CloudWatch Logs"), 0.0));
        assert!(close(cost("CloudWatch metrics"), 0.0) && close(cost("CloudWatch alarms"), 0.0));
        assert!(close(bill.total, bill.lines.iter().map(|line| line.cost).sum()));
    }

    #[test]
    fn a_table_of_provisioned_capacity_is_charged_for_that_and_not_for_its_units() {
        let capacity = Some((CapacityHours { reads: 18_000, writes: 18_000 + 720 }, 720));
        let used = ApiUse { write_units: 8_000_000, read_units: 4_000_000.0, capacity, ..ApiUse::default() };
        let bill = Bill::of(&used, &Prices::default());
        assert!((bill.lines[0].cost - 720.0 * 0.000_65).abs() < 1e-9 && bill.lines[1].cost < 1e-9);
        assert!(bill.lines.iter().all(|line| line.what != "DynamoDB writes"));
        let alarms = bill.lines.iter().find(|line| line.what == "CloudWatch alarms").unwrap();
        assert!((alarms.cost - 1.6).abs() < 1e-9, "those by which it is scaled");
    }
}
