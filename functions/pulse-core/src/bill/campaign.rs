//! What a campaign costs beside the months' runs, and what it would cost as a distributed map of Step Functions.

use std::time::Duration;

use super::{ApiUse, Bill, LOG_BYTES_PER_INVOCATION, Prices, STAGE_MEMORY_GB};
use crate::{campaign::CampaignReport, entry::Plan, plan::StageSettings};

/// The least memory that a function of Lambda can have (AWS Lambda Developer Guide, "Lambda quotas").
const LEAST_MEMORY_GB: f64 = 128.0 / 1024.0;

/// Write units of an item: its entry is planned (2, with its place in the index of what is open), released (3, as it moves
/// there), claimed (1), and closed (3, as it moves to the index of what is closed).
const WRITES: u64 = 9;

/// Write units of an item that no stage called for: its entry is planned, and closed.
const WRITES_LEFT: u64 = 5;

/// Read units of an item: its entry before it is dispatched; then the customer, the entry, and whether the address is
/// suppressed, under two digests.
const READS: f64 = 5.0;

/// Write units of an item at each stage after its first: it moves there in the index of what is open (3), and is claimed (1).
const WRITES_A_STAGE: u64 = 4;

/// Read units of the same: the customer and the entry, and at the mail whether the address is suppressed, under two digests.
const READS_A_STAGE: f64 = 4.0;

/// Keys of an index that a read unit finds, of some 130 bytes, eventually consistently.
const KEYS_A_READ: f64 = 62.0;

/// How often an item is found by an index: held, and closed.
const FINDS: f64 = 2.0;

/// Read units of a minute in which nothing is found: of the first stage what is put off, held or lost, and whether anything is
/// open, by half a unit for each of an index's four parts; and the campaign's rows.
const READS_A_MINUTE: f64 = 12.0;

/// How often what is open is counted for its deadline.
const COUNTED_EVERY: Duration = Duration::from_mins(5);

/// Read units of a count that finds nothing: twelve ranges of each of an index's four parts, by half a unit.
const READS_A_COUNT: f64 = 24.0;

/// Messages that one call to SQS takes or gives at most.
const MESSAGES_A_CALL: u64 = 10;

/// State transitions of an item in a distributed map: "you're charged for one state transition for each child workflow
/// execution that the Distributed Map state starts" (AWS Step Functions Developer Guide, "Transitions"), and one for the
/// child's only state, which invokes a function.
const TRANSITIONS: f64 = 2.0;

/// The calls of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignWork {
    /// So many.
    pub items: u32,
    /// How long one takes, on average.
    pub each: Duration,
    /// How long all of them take.
    pub takes: Duration,
    /// How the stage that makes them is set.
    pub settings: StageSettings,
}

impl CampaignWork {
    /// Invocations that it takes, if their batches are full.
    fn batches(self) -> u32 {
        self.items.div_ceil(self.settings.batch)
    }

    /// How often what is open of it is counted.
    fn counts(self) -> u64 {
        self.takes.as_secs().div_ceil(COUNTED_EVERY.as_secs())
    }

    /// Read units that it takes. On average, half of its items are open when they are counted.
    fn reads(self) -> f64 {
        let (items, minutes) = (f64::from(self.items), self.takes.as_secs_f64() / 60.0);
        let a_count = READS_A_COUNT + items / 2.0 / KEYS_A_READ;
        (READS + FINDS / KEYS_A_READ) * items + READS_A_MINUTE * minutes + a_count * self.counts() as f64
    }

    /// For how many seconds they run, all together.
    fn seconds(self) -> f64 {
        let takes = |messages| self.settings.batch_takes(self.each, messages).as_secs_f64();
        let (full, rest) = (self.items / self.settings.batch, self.items % self.settings.batch);
        f64::from(full) * takes(self.settings.batch) + takes(rest)
    }
}

impl ApiUse {
    /// What a campaign uses without faults, by arithmetic.
    #[must_use]
    pub fn of_campaign(work: CampaignWork) -> Self {
        let (items, batches) = (u64::from(work.items), u64::from(work.batches()));
        let in_tens = items.div_ceil(MESSAGES_A_CALL);
        Self {
            calls: vec![
                ("SQS", "SendMessage", items),
                ("SQS", "ReceiveMessage", in_tens),
                ("SQS", "ChangeMessageVisibilityBatch", in_tens),
                ("SQS", "DeleteMessageBatch", in_tens),
                ("Lambda", "the stage", batches),
            ],
            // A count is written down.
            write_units: WRITES * items + work.counts(),
            read_units: work.reads(),
            gb_seconds: work.seconds() * STAGE_MEMORY_GB,
            log_gb: batches as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
            ..Self::default()
        }
    }

    /// What a campaign's stage uses that isn't its first, without faults, by arithmetic.
    fn of_later_stage(work: CampaignWork) -> Self {
        let first = Self::of_campaign(work);
        let items = u64::from(work.items);
        Self { write_units: WRITES_A_STAGE * items, read_units: READS_A_STAGE * items as f64, ..first }
    }

    fn and(mut self, other: Self) -> Self {
        self.calls.extend(other.calls);
        Self {
            calls: self.calls,
            write_units: self.write_units + other.write_units,
            read_units: self.read_units + other.read_units,
            capacity: self.capacity,
            table_gb: self.table_gb + other.table_gb,
            gb_seconds: self.gb_seconds + other.gb_seconds,
            log_gb: self.log_gb + other.log_gb,
        }
    }
}

impl Bill {
    /// The bill for a campaign alone, beside the rest: what is free of charge each month, that may have used up.
    #[must_use]
    pub fn of_campaign(work: CampaignWork, prices: &Prices) -> Self {
        Self::of_use(&ApiUse::of_campaign(work), prices)
    }

    /// What a campaign of this plan has cost by its report, reckoned without faults, with stages as they are shipped.
    #[must_use]
    pub fn of_report(report: &CampaignReport, plan: Plan, prices: &Prices) -> Self {
        let used = report.stages.iter().map(|used| CampaignWork {
            items: u32::try_from(report.came_to(used.stage, plan)).unwrap_or(u32::MAX),
            each: used.mean_latency().unwrap_or_default(),
            takes: report.ran_for,
            settings: StageSettings::SHIPPED,
        });
        let used = used.enumerate().map(|(stage, work)| match stage {
            0 => ApiUse::of_campaign(work),
            _ => ApiUse::of_later_stage(work),
        });
        let first = report.stages.first().map_or(0, |used| report.came_to(used.stage, plan));
        let left = ApiUse { write_units: WRITES_LEFT * (report.entries() - first), ..ApiUse::default() };
        Self::of_use(&used.fold(left, ApiUse::and), prices)
    }

    fn of_use(used: &ApiUse, prices: &Prices) -> Self {
        Self::beside([
            ("DynamoDB writes", used.write_units as f64 / 1e6, "million units", prices.writes),
            ("DynamoDB reads", used.read_units / 1e6, "million units", prices.reads),
            ("SQS requests", used.of("SQS") as f64 / 1e6, "million", prices.queue_requests),
            ("Lambda requests", used.of("Lambda") as f64 / 1e6, "million", prices.invocations),
            ("Lambda duration", used.gb_seconds, "GB-s", prices.gb_seconds),
            ("CloudWatch Logs", used.log_gb, "GB", prices.logs),
        ])
    }

    /// The bill for a distributed map of standard workflows with a function of the least memory for each item, whatever is
    /// free of charge.
    #[must_use]
    pub fn of_distributed_map(work: CampaignWork, prices: &Prices) -> Self {
        let items = f64::from(work.items);
        Self::beside([
            ("State transitions", items * TRANSITIONS / 1e6, "million", prices.state_transitions),
            ("Lambda requests", items / 1e6, "million", prices.invocations),
            ("Lambda duration", items * work.each.as_secs_f64() * LEAST_MEMORY_GB, "GB-s", prices.gb_seconds),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        campaign::{CampaignOutcome, StageUse},
        entry::{StageName, TallyKey},
    };

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    fn work(in_flight: u32) -> CampaignWork {
        let settings = StageSettings { in_flight, ..StageSettings::SHIPPED };
        CampaignWork { items: 10_000, each: Duration::from_mins(1), takes: Duration::from_mins(90), settings }
    }

    #[test]
    fn a_distributed_map_of_10_000_minutes_costs_a_dollar_and_three_quarters() {
        let bill = Bill::of_distributed_map(work(7), &Prices::default());
        // 20,000 transitions, 10,000 requests, 75,000 GB-s.
        assert!(close(bill.total, 0.5 + 0.002 + 75_000.0 * 0.000_016_666_7), "{}", bill.total);
        assert!((1.75..2.0).contains(&bill.total));
    }

    #[test]
    fn calls_side_by_side_share_the_time_that_is_paid_for() {
        let cost = |in_flight, what| {
            let bill = Bill::of_campaign(work(in_flight), &Prices::default());
            bill.lines.iter().find(|line| line.what == what).map_or(bill.total, |line| line.cost)
        };
        // 41 batches of 12 rounds of a minute and one of eight, or of three and of two.
        assert!(close(cost(20, "Lambda duration"), (41.0 * 720.0 + 480.0) * 0.25 * 0.000_016_666_7));
        assert!(close(cost(80, "Lambda duration"), (41.0 * 180.0 + 120.0) * 0.25 * 0.000_016_666_7));
        // 18 counts in 90 minutes.
        assert!(close(cost(7, "DynamoDB writes"), 90_018.0 * 0.625e-6));
        let reads = 50_000.0 + 20_000.0 / 62.0 + 90.0 * 12.0 + 18.0 * (24.0 + 5_000.0 / 62.0);
        assert!(close(cost(7, "DynamoDB reads"), reads * 0.125e-6));
        assert!(close(cost(7, "SQS requests"), 0.0052) && close(cost(7, "Lambda requests"), 0.000_008_4));
        assert!((0.09..0.1).contains(&cost(80, "all")), "{}", cost(80, "all"));
    }

    #[test]
    fn a_campaign_has_cost_what_its_stages_did() {
        let plan = Plan::of_campaign(&[StageName::Call, StageName::Email]).unwrap();
        let used = |stage, seconds| StageUse {
            stage,
            calls: 9_000,
            failures: 0,
            took: Duration::from_mins(150) * seconds,
            over: Duration::from_hours(1),
        };
        let report = CampaignReport {
            outcome: CampaignOutcome::FinishedWithFailures,
            counts: [(TallyKey::Failed(StageName::Call), 2_000), (TallyKey::Sent, 8_000), (TallyKey::Cancelled, 1_000)]
                .into(),
            causes: vec![],
            planned_within: Duration::ZERO,
            ran_for: Duration::from_hours(1),
            stages: vec![used(StageName::Call, 2), used(StageName::Email, 4)],
        };
        let bill = Bill::of_report(&report, plan, &Prices::default());
        let quantity = |what| bill.lines.iter().find(|line| line.what == what).unwrap().quantity;
        // 10,000 are called for, 8,000 of them mailed, and 1,000 left; and 12 counts.
        assert!(close(quantity("DynamoDB writes"), (90_000.0 + 32_000.0 + 5_000.0 + 12.0) / 1e6));
        assert!(close(quantity("Lambda duration"), (125.0 * 20.0 * 2.0 + 100.0 * 20.0 * 4.0) * 0.25));
        assert!(close(quantity("Lambda requests"), 76.0 / 1e6) && close(report.stages[0].lanes(), 5.0));
    }

    #[test]
    fn what_is_left_over_is_no_full_batch() {
        let work = CampaignWork { items: 245, ..work(4) };
        // 60 rounds of a minute, and two for the last five.
        assert!((work.batches(), work.seconds()) == (2, 62.0 * 60.0), "{}", work.seconds());
    }
}
