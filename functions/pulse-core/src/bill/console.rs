//! What the console behind a function URL costs, which is there only if an issuer is named.

use super::{ApiUse, Bill, LOG_BYTES_PER_INVOCATION, Prices};

/// The console function's memory, as in template.yaml.
pub const CONSOLE_MEMORY_GB: f64 = 256.0 / 1024.0;

/// Its secrets: the keys of its cookies, and the client's own.
const SECRETS: f64 = 2.0;

/// An overview that is open looks again every five seconds.
const LOOKS_AN_HOUR: u64 = 720;

/// Seconds that a page takes, most of which wait for `DynamoDB`. It wasn't measured on AWS.
const PAGE_SECONDS: f64 = 0.03;

/// Instances that Lambda keeps for it at the most, as it reserves so many. Each reads for itself.
const INSTANCES: u32 = 2;

/// Read units of an hour of an instance that is looked at: the snapshot's row every 20 seconds, and of each new snapshot, every
/// five minutes, the points of a day.
const READS_AN_HOUR: f64 = 180.0 * 0.5 + 12.0 * 10.0;

/// Who looks at it in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewers {
    /// How many people have it open.
    pub people: u32,
    /// For how many hours, each of them.
    pub hours: u32,
}

impl Viewers {
    /// Two people, eight hours of each working day.
    pub const TWO_ALL_DAY: Self = Self { people: 2, hours: 8 * 22 };
}

impl ApiUse {
    /// What a month of the console uses.
    #[must_use]
    pub fn of_console(viewers: Viewers) -> Self {
        let Viewers { people, hours } = viewers;
        let looks = u64::from(people) * u64::from(hours) * LOOKS_AN_HOUR;
        Self {
            calls: vec![("Lambda", "console", looks)],
            read_units: f64::from(people.min(INSTANCES)) * f64::from(hours) * READS_AN_HOUR,
            gb_seconds: looks as f64 * PAGE_SECONDS * CONSOLE_MEMORY_GB,
            log_gb: looks as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
            ..Self::default()
        }
    }
}

impl Bill {
    /// The bill for the console alone, beside the rest: what is free of charge each month, that may have used up.
    #[must_use]
    pub fn of_console(viewers: Viewers, prices: &Prices) -> Self {
        let used = ApiUse::of_console(viewers);
        let lines = [
            ("DynamoDB reads", used.read_units / 1e6, "million units", prices.reads),
            ("Lambda requests", used.of("Lambda") as f64 / 1e6, "million", prices.invocations),
            ("Lambda duration", used.gb_seconds, "GB-s", prices.gb_seconds),
            ("Secrets", SECRETS, "secrets", prices.secret),
            ("CloudWatch Logs", used.log_gb, "GB", prices.logs),
        ];
        Self::beside(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_who_look_all_day_cost_a_dollar_a_month_most_of_it_for_secrets() {
        let used = ApiUse::of_console(Viewers::TWO_ALL_DAY);
        // 2 x 8 h x 22 days x 720.
        assert_eq!(used.of("Lambda"), 253_440);
        let close = |one: f64, other: f64| (one - other).abs() < 1e-6;
        assert!(close(used.read_units, 2.0 * 176.0 * 210.0) && close(used.gb_seconds, 253_440.0 * 0.0075));
        let bill = Bill::of_console(Viewers::TWO_ALL_DAY, &Prices::default());
        let cost = |what| bill.lines.iter().find(|line| line.what == what).unwrap().cost;
        assert!(close(cost("Secrets"), 0.8) && close(cost("Lambda requests"), 0.050_688));
        assert!(close(cost("Lambda duration"), 1_900.8 * 0.000_016_666_7));
        assert!(close(cost("DynamoDB reads"), 73_920.0 / 1e6 * 0.125));
        assert!(close(cost("CloudWatch Logs"), 0.088_704));
        assert!(close(bill.total, 0.980_312), "{}", bill.total);
    }

    #[test]
    fn whoever_looks_beside_others_reads_what_was_read_for_them() {
        let of = |people| ApiUse::of_console(Viewers { people, hours: 100 });
        assert!((of(20).read_units - of(2).read_units).abs() < f64::EPSILON);
        assert!(
            of(20).of("Lambda") == 10 * of(2).of("Lambda")
                && of(0) == ApiUse { calls: of(0).calls, ..ApiUse::default() }
        );
    }
}
