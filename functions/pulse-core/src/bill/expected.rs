use super::ApiUse;
use crate::{
    plan::{BATCH, Calls},
    ports::IntakeQueue,
};

/// The memory of a stage's function, as in template.yaml.
pub const STAGE_MEMORY_GB: f64 = 256.0 / 1024.0;

/// The tick's memory, as in template.yaml.
pub const TICK_MEMORY_GB: f64 = 128.0 / 1024.0;

/// The feedback function's memory, as in template.yaml.
pub const FEEDBACK_MEMORY_GB: f64 = 256.0 / 1024.0;

/// A profile and two entries of a customer, with their index rows, on the table.
pub const BYTES_PER_CUSTOMER: f64 = 2_200.0;

/// What Lambda itself logs of an invocation, in JSON.
pub const LOG_BYTES_PER_INVOCATION: f64 = 700.0;

/// What one stage's pollers gather in an hour, when there is never a full batch: each waits for the mapping's window.
const PART_BATCHES_AN_HOUR: u64 = 150;

/// Long polls that a mapping's pollers make in an hour: five, of 20 s.
const POLLS_AN_HOUR: u64 = 5 * 180;

impl ApiUse {
    /// What asking the intake's two queues takes, be there anything or not.
    #[must_use]
    pub fn polls_of_the_intake(days: u32) -> u64 {
        IntakeQueue::ALL.len() as u64 * POLLS_AN_HOUR * u64::from(days) * 24
    }

    /// What an undisturbed month uses, by arithmetic: what each customer takes, as the stages' code has it, and what
    /// the clock takes, whoever is due. Queues are reckoned to be polled as often as if they were always idle.
    #[must_use]
    pub fn expected(customers: u32, days: u32, score: Calls, email: Calls) -> Self {
        let (mails, hours) = (u64::from(customers), u64::from(days) * 24);
        let minutes = hours * 60;
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
                ("DynamoDB", "GetItem", 6 * mails + 4 * minutes),
                // A batch reports what came of its calls.
                ("DynamoDB", "PutItem", 3 * mails + 2 * batches),
                ("DynamoDB", "TransactWriteItems", mails),
                ("DynamoDB", "Query", mails + 50 * minutes),
                ("SQS", "SendMessage", 2 * mails),
                ("SQS", "ReceiveMessage", 2 * mails),
                ("SQS", "ReceiveMessage, long polls of idle queues", 2 * POLLS_AN_HOUR * hours),
                ("SQS", "ReceiveMessage, long polls of the intake's queues", Self::polls_of_the_intake(days)),
                ("SQS", "DeleteMessageBatch", 2 * batches),
                ("SQS", "ChangeMessageVisibilityBatch", 2 * batches),
                // Of two queues, and of five of dead letters.
                ("SQS", "GetQueueAttributes, by the tick", 7 * minutes),
                ("Lambda", "score", batches),
                ("Lambda", "email", batches),
                ("Lambda", "tick", minutes),
                ("Scheduler", "invocations", mails),
            ],
            write_units: 12 * mails + 2 * batches,
            read_units: 8.0 * mails as f64 + 30.0 * minutes as f64,
            table_gb: mails as f64 * BYTES_PER_CUSTOMER / 1e9,
            gb_seconds,
            log_gb: (2 * batches + minutes) as f64 * LOG_BYTES_PER_INVOCATION / 1e9,
        }
    }
}
