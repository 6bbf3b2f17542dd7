use super::ApiUse;
use crate::{
    plan::{BATCH, Calls},
    snapshot::{READ_UNITS_AN_HOUR, SNAPSHOT_EVERY},
    stage_spec::StageSet,
};

/// The memory of a stage's function, as in template.yaml.
pub const STAGE_MEMORY_GB: f64 = 256.0 / 1024.0;

/// The tick's memory, as in template.yaml.
pub const TICK_MEMORY_GB: f64 = 512.0 / 1024.0;

/// The feedback function's memory, as in template.yaml.
pub const FEEDBACK_MEMORY_GB: f64 = 256.0 / 1024.0;

/// A profile and two entries of a customer, with their index rows, on the table.
pub const BYTES_PER_CUSTOMER: f64 = 2_200.0;

/// What Lambda itself logs of an invocation, in JSON.
pub const LOG_BYTES_PER_INVOCATION: f64 = 700.0;

/// What one stage's pollers gather in an hour, when there is never a full batch: each waits for the mapping's window.
const PART_BATCHES_AN_HOUR: u64 = 150;

/// Queries of an hour for mails in doubt: every quarter of an hour of two to three months and their repeats, on all
/// partitions of an index.
const DOUBT_QUERIES: u64 = 4 * 22 * 8;

/// Read units of an hour for the email stage's reputation: every five minutes the hours of a week, of two months.
const REPUTATION_READS: f64 = 12.0 * 13.0;

/// Queues that a snapshot asks how full they are, or how long they keep messages.
const SNAPSHOT_QUEUES: u64 = 17;

/// Queries of a snapshot: of what is due longest on all partitions of an index, and of minutes.
const SNAPSHOT_QUERIES: u64 = 2 * 3 * 8 + 6;

/// Read units of a snapshot: those queries, the hours of a week for how recipients take mails, and the rows of the stages.
const SNAPSHOT_READS: f64 = 24.0 + 13.0 + 12.0;

/// Write units of a snapshot and its point.
const SNAPSHOT_WRITES: u64 = 4;

/// Rows of a keys-only index on half a read unit.
const KEYS_PER_HALF_UNIT: f64 = 31.0;

/// Read units of an hour for counting the month's run: the roster, its closed entries, and the open ones, as often as the budget
/// has it. On average half of a run's entries are closed.
fn counting(customers: f64) -> f64 {
    let count = 8.0 * 1.5 + 2.5 * customers / KEYS_PER_HALF_UNIT / 2.0;
    (12.0 * count).min(READ_UNITS_AN_HOUR)
}

/// Long polls that a mapping's pollers make in an hour: five, of 20 s.
const POLLS_AN_HOUR: u64 = 5 * 180;

impl ApiUse {
    /// What an undisturbed month uses, by arithmetic: what each customer takes, as the stages' code has it, and what
    /// the clock takes, whoever is due. Queues are reckoned to be polled as often as if they were always idle.
    #[must_use]
    pub fn expected(customers: u32, days: u32, score: Calls, email: Calls) -> Self {
        let (mails, hours) = (u64::from(customers), u64::from(days) * 24);
        let minutes = hours * 60;
        let snapshots = minutes / SNAPSHOT_EVERY.unsigned_abs();
        // Most mails are told of once, by an event that has an invocation of its own as long as few are told.
        let told = mails;
        let batches = mails.min(PART_BATCHES_AN_HOUR * hours).max(mails.div_ceil(u64::from(BATCH)));
        let mut gb_seconds = minutes as f64 * TICK_MEMORY_GB;
        for stage in [score, email] {
            let calls = f64::from(stage.in_flight());
            // A batch's calls side by side; but its last has the invocation to itself.
            let latencies = mails as f64 / calls + batches as f64 * (1.0 - 1.0 / calls);
            gb_seconds += latencies * stage.latency().as_secs_f64() * STAGE_MEMORY_GB;
        }
        Self {
            calls: vec![
                ("DynamoDB", "GetItem", 6 * mails + 6 * minutes + 5 * snapshots),
                // A batch reports what came of its calls.
                ("DynamoDB", "PutItem", 4 * mails + 2 * batches + 2 * snapshots),
                ("DynamoDB", "Query", mails + 51 * minutes + SNAPSHOT_QUERIES * snapshots),
                // By the schedules one by one, and to the email stage in tens, or what a batch has.
                ("SQS", "SendMessage", mails + batches.max(mails / 10)),
                ("SQS", "ReceiveMessage", 2 * mails),
                (
                    "SQS",
                    "ReceiveMessage, long polls of idle queues",
                    StageSet::of_every_stack().iter().count() as u64 * POLLS_AN_HOUR * hours,
                ),
                ("SQS", "ReceiveMessage, long polls of the intake's queue", POLLS_AN_HOUR * hours),
                ("SQS", "DeleteMessageBatch", 2 * batches),
                ("SQS", "ChangeMessageVisibilityBatch", 2 * batches),
                // Of three queues, and of six of dead letters.
                ("SQS", "GetQueueAttributes, by the tick", 9 * minutes),
                ("SQS", "GetQueueAttributes, by the tick's snapshots", SNAPSHOT_QUEUES * snapshots),
                ("Lambda", "score", batches),
                ("Lambda", "email", batches),
                ("Lambda", "tick", minutes),
                ("Scheduler", "invocations", mails),
                ("SNS", "Publish", told),
                ("SQS", "SendMessage, of what is told", told),
                ("SQS", "ReceiveMessage, of what is told", told),
                ("SQS", "DeleteMessageBatch, of what is told", told),
                ("DynamoDB", "GetItem, of what is told", told),
                // The entry, and a batch's counts.
                ("DynamoDB", "PutItem, of what is told", 2 * told),
                ("DynamoDB", "Query, of mails in doubt", DOUBT_QUERIES * hours),
                ("Lambda", "feedback", told),
            ],
            // Scored (3, as it moves in the index of what is open); claimed (1), next month's opened (2), and sent (3).
            write_units: 9 * mails + 2 * batches + 2 * told + SNAPSHOT_WRITES * snapshots,
            read_units: 8.0 * mails as f64
                + 32.0 * minutes as f64
                + SNAPSHOT_READS * snapshots as f64
                + counting(mails as f64) * hours as f64
                + told as f64
                + (DOUBT_QUERIES * hours) as f64 / 2.0
                + REPUTATION_READS * hours as f64,
            capacity: None,
            table_gb: mails as f64 * BYTES_PER_CUSTOMER / 1e9,
            gb_seconds,
            log_gb: (2 * batches + minutes) as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
        }
    }
}
