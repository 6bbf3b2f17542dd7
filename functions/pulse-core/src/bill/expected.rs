use super::ApiUse;
use crate::{
    plan::{Calls, WINDOW},
    snapshot::SNAPSHOT_EVERY,
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

/// Queues that a snapshot asks how full they are, or how long they keep messages.
const SNAPSHOT_QUEUES: u64 = 17;

/// Write units of a snapshot and its point.
const SNAPSHOT_WRITES: u64 = 4;

/// Minutes between two looks of the tick at a queue of dead letters that is empty.
const LETTERS_EVERY: u64 = 5;

/// Mails of which more is told than that they were delivered, or twice, as a share.
const TOLD_TWICE: f64 = 0.0104;

/// Calls of a month to the ledger, and what they take, as the simulator counts them (`pulse simulate --customers 600000`, and a thirtieth,
/// a tenth and a third of these): of each customer, and of each minute.
const GETS: (f64, f64) = (8.135, 7.43);
const QUERIES: (f64, f64) = (1.2, 49.6);
const READS: (f64, f64) = (11.03, 68.7);

/// Write units of a customer: scored (3, as it moves in the index of what is open), claimed (1), next month's entry opened (2), and
/// sent (3); and now and then an address that is suppressed.
const WRITES: f64 = 9.0165;

/// Write units of a day, for the audit's place and the stages' rows.
const WRITES_A_DAY: f64 = 173.0;

/// A run of few customers is counted sooner than all of its minutes are read: that much less is read in a month of one customer,
/// for two as much, and so on.
const READ_LESS: f64 = 5e9;
const READ_LESS_AT_MOST: f64 = 5e5;

/// Long polls that a mapping's pollers have open, and for how many seconds each.
const POLLERS: f64 = 5.0;
const LONG_POLL: f64 = 20.0;

/// Messages that one call to SQS takes or gives at most.
const MESSAGES_A_CALL: u32 = 10;

const MINUTES_A_DAY: usize = 24 * 60;

/// What comes to a queue in each minute of a day.
struct Arrivals(Vec<Arrival>);

/// What comes in a minute: so often in a second, and so many messages each time.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    rate: f64,
    messages: f64,
}

impl Arrivals {
    /// As customers sign up: from six in the morning to midnight, most in the afternoon.
    fn of_customers(a_day: f64) -> Self {
        let arrival = |minute: usize| {
            let share = ((minute as f64 + 0.5) / 60.0 - 6.0) / 18.0;
            let density = if share < 0.5 { 4.0 * share } else { 4.0 * (1.0 - share) };
            Arrival { rate: a_day * density.max(0.0) / (18.0 * 3600.0), messages: 1.0 }
        };
        Self((0..MINUTES_A_DAY).map(arrival).collect())
    }
}

/// How a mapping gathers.
struct Gathering<F> {
    /// So many batches at once.
    at_once: f64,
    /// For so many seconds.
    window: f64,
    /// How many seconds a batch of so many messages keeps another from being begun.
    holds: F,
}

/// What a mapping's pollers make of a day's messages.
#[derive(Default)]
struct Gathered {
    batches: f64,
    /// Batches, in tens of messages: calls that take or give these.
    tens: f64,
    /// Long polls that end empty.
    polls: f64,
    /// By the minute: batches a second, and tens.
    rates: Vec<(f64, f64)>,
}

impl<F: Fn(f64) -> f64> Gathering<F> {
    /// Each poller gathers by itself: what comes goes to any of them, begins a batch, or comes into one whose window isn't over.
    fn of(&self, arrivals: &Arrivals) -> Gathered {
        let mut gathered = Gathered::default();
        for Arrival { rate, messages } in &arrivals.0 {
            let of_poller = rate / POLLERS;
            // The next comes after so long, exponentially distributed, and a poll ends empty each twenty seconds until then.
            let missed = (-LONG_POLL * of_poller).exp();
            let polls = if of_poller > 0.0 { of_poller * missed / (1.0 - missed) } else { 1.0 / LONG_POLL };
            gathered.polls += 60.0 * POLLERS * polls;
            if *rate <= 0.0 {
                gathered.rates.push((0.0, 0.0));
                continue;
            }
            let held = (self.holds)((1.0 + rate * self.window / self.at_once) * messages);
            let batches = self.at_once / (self.window + held + self.at_once / rate);
            let tens = batches * tens_of((rate / batches).mul_add(*messages, -1.0));
            gathered.batches += 60.0 * batches;
            gathered.tens += 60.0 * tens;
            gathered.rates.push((batches, tens));
        }
        gathered
    }
}

/// How many calls a batch takes on average that has one message, and so many more by Poisson's law.
fn tens_of(more: f64) -> f64 {
    let (mut share, mut tens) = ((-more).exp(), 0.0);
    for messages in 0..400_u32 {
        tens += share * f64::from((messages + 1).div_ceil(MESSAGES_A_CALL));
        share *= more / f64::from(messages + 1);
    }
    tens
}

/// How a day's messages go through the stages, and what is told of their mails.
struct Day {
    score: Gathered,
    email: Gathered,
    feedback: Gathered,
}

impl Day {
    fn of(customers: f64, score: Calls, email: Calls) -> Self {
        let due = Arrivals::of_customers(customers);
        let seconds = |calls: Calls, messages: f64| {
            let side_by_side = f64::from(calls.in_flight());
            // A batch's last call has the invocation to itself.
            calls.latency().as_secs_f64() * (messages / side_by_side + 1.0 - 1.0 / side_by_side)
        };
        let window = WINDOW.as_secs_f64();
        // By what the simulator's pollers do: an invocation of the email stage hardly keeps another batch from being begun.
        let holds = |messages| 1.5 * seconds(score, messages);
        let scored = Gathering { at_once: POLLERS, window, holds }.of(&due);
        let per = |of: f64, by: f64| if by > 0.0 { of / by } else { 1.0 };
        let sent = |(due, (_, tens)): (&Arrival, &(f64, f64))| Arrival { rate: *tens, messages: per(due.rate, *tens) };
        let sent = Arrivals(due.0.iter().zip(&scored.rates).map(sent).collect());
        let holds = |messages| 0.25 * seconds(email, messages);
        let mailed = Gathering { at_once: 1.12 * POLLERS, window, holds }.of(&sent);
        let told = |(due, (batches, _)): (&Arrival, &(f64, f64))| {
            // Mails of a batch are told of together, some of them.
            let messages = 1.0 + 0.25 * (per(due.rate, *batches) - 1.0);
            Arrival { rate: due.rate * (1.0 + TOLD_TWICE) / messages, messages }
        };
        let told = Arrivals(due.0.iter().zip(&mailed.rates).map(told).collect());
        let feedback = Gathering { at_once: POLLERS / 2.0, window: 20.0, holds: |_| 0.05 }.of(&told);
        Self { score: scored, email: mailed, feedback }
    }
}

impl ApiUse {
    /// What an undisturbed month uses, by arithmetic: what each customer takes, as the stages' code has it, what the clock takes,
    /// whoever is due, and what a mapping's pollers make of a day in which customers are due as they signed up.
    #[must_use]
    pub fn expected(customers: u32, days: u32, score: Calls, email: Calls) -> Self {
        let (mails, minutes) = (f64::from(customers), f64::from(days) * MINUTES_A_DAY as f64);
        let snapshots = minutes / SNAPSHOT_EVERY as f64;
        let day = Day::of(mails / f64::from(days.max(1)), score, email);
        let month = |of: fn(&Gathered) -> f64, all: &[&Gathered]| -> f64 {
            all.iter().map(|one| of(one)).sum::<f64>() * f64::from(days)
        };
        let [of_score, of_email, of_feedback] =
            [&day.score, &day.email, &day.feedback].map(|one| month(|of| of.batches, &[one]));
        let batches = of_score + of_email + of_feedback;
        let sent = month(|of| of.tens, &[&day.score]);
        let in_tens = month(|of| of.tens, &[&day.score, &day.email]);
        let told = mails * (1.0 + TOLD_TWICE);
        let polls = |all: &[&Gathered]| month(|of| of.polls, all);
        let idle = POLLERS * 60.0 / LONG_POLL * minutes;
        let others = StageSet::of_every_stack().iter().count() as f64 - 2.0;
        let by = |(of_each, of_minute): (f64, f64)| of_each * mails + of_minute * minutes;
        let mut gb_seconds = minutes * TICK_MEMORY_GB;
        for (stage, batches) in [(score, of_score), (email, of_email)] {
            let calls = f64::from(stage.in_flight());
            // A batch's calls side by side; but its last has the invocation to itself.
            let latencies = mails / calls + batches * (1.0 - 1.0 / calls);
            gb_seconds += latencies * stage.latency().as_secs_f64() * STAGE_MEMORY_GB;
        }
        let calls = [
            ("DynamoDB", "GetItem", by(GETS)),
            ("DynamoDB", "PutItem", 4.0 * mails + batches + told + 2.0 * snapshots),
            ("DynamoDB", "Query", by(QUERIES)),
            // By the schedules one by one, to the email stage in tens or what a batch has, and by SNS.
            ("SQS", "SendMessage", mails + sent + told),
            ("SQS", "ReceiveMessage", mails + sent + told),
            ("SQS", "ReceiveMessage, long polls of idle queues", polls(&[&day.score, &day.email]) + others * idle),
            ("SQS", "ReceiveMessage, long polls of the intake's queue", polls(&[&day.feedback])),
            ("SQS", "DeleteMessageBatch", in_tens + month(|of| of.tens, &[&day.feedback])),
            ("SQS", "ChangeMessageVisibilityBatch", in_tens),
            // Of three queues, and now and then of six of dead letters.
            ("SQS", "GetQueueAttributes, by the tick", (3.0 + 6.0 / LETTERS_EVERY as f64) * minutes),
            ("SQS", "GetQueueAttributes, by the tick's snapshots", SNAPSHOT_QUEUES as f64 * snapshots),
            ("Lambda", "score", of_score),
            ("Lambda", "email", of_email),
            ("Lambda", "tick", minutes),
            ("Lambda", "feedback", of_feedback),
            ("Scheduler", "invocations", mails),
            ("SNS", "Publish", told),
        ];
        let read_less = (READ_LESS / mails.max(1.0)).min(READ_LESS_AT_MOST);
        let writes =
            WRITES * mails + told + batches + SNAPSHOT_WRITES as f64 * snapshots + WRITES_A_DAY * f64::from(days);
        Self {
            calls: calls.map(|(service, operation, calls)| (service, operation, whole(calls))).to_vec(),
            write_units: whole(writes),
            read_units: (by(READS) - read_less).max(0.0),
            capacity: None,
            table_gb: mails * BYTES_PER_CUSTOMER / 1e9,
            gb_seconds,
            log_gb: (batches + minutes) * LOG_BYTES_PER_INVOCATION / 1e9,
        }
    }
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls")]
fn whole(calls: f64) -> u64 {
    calls.max(0.0).round() as u64
}
