use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{IntakeQueue, QueueError, Receipt};
use crate::{
    entry::{Plan, StageName},
    failure::Cause,
    message::WorkMessage,
    parse::ParseError,
    stage_spec::StageSet,
};

/// One of the dead-letter queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DlqName {
    /// What a stage gave up.
    Stage(StageName),
    /// What `EventBridge` Scheduler couldn't deliver.
    Schedules,
    /// What came in from outside, and couldn't be read or written down.
    Intake(IntakeQueue),
}

impl DlqName {
    /// All that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::of(StageSet::full())
    }

    /// Those of a stack that has these stages.
    pub fn of(stages: StageSet) -> impl Iterator<Item = Self> {
        let stages = stages.iter().map(Self::Stage);
        stages.chain([Self::Schedules]).chain(IntakeQueue::ALL.iter().map(|queue| Self::Intake(*queue)))
    }

    /// The word for it, as in `redrive schedules`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.as_str(),
            Self::Schedules => "schedules",
            Self::Intake(queue) => queue.as_str(),
        }
    }

    /// The stage that its letters belong to, if they are a stage's.
    #[must_use]
    pub fn stage(self) -> Option<StageName> {
        match self {
            Self::Stage(stage) => Some(stage),
            Self::Schedules => Some(Plan::MONTHLY.first()),
            Self::Intake(_) => None,
        }
    }

    /// Who takes its letters when they are brought back.
    #[must_use]
    pub fn taker(self) -> String {
        self.stage().map_or_else(|| "the feedback function".to_owned(), |stage| format!("the {stage} stage"))
    }

    /// What errors call the queue.
    #[must_use]
    pub fn queue(self) -> String {
        format!("{self} dead-letter")
    }
}

impl fmt::Display for DlqName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DlqName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let named = Self::all().find(|queue| queue.as_str() == text);
        named.ok_or_else(|| ParseError::new("dead-letter queue", "is none that Pulse has"))
    }
}

impl<'de> Deserialize<'de> for DlqName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for DlqName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A message in a dead-letter queue, as received. `Debug` shows nothing of what is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's id of the message, the same each time it is received.
    pub id: String,
    /// What this receipt of it is told by.
    pub receipt: Receipt,
    /// The message.
    pub body: String,
    /// When it was first queued: a letter that SQS itself moved keeps the time of its own queue (Amazon
    /// SQS Developer Guide, "Using dead-letter queues in Amazon SQS": message retention periods).
    pub sent_at: Timestamp,
    /// What the scheduler says of it, if it comes from there.
    pub undelivered: Option<Undelivered>,
    /// Its message attributes, as texts. Those of a letter of the intake say where it came in.
    pub attributes: BTreeMap<String, String>,
}

impl DeadLetter {
    /// The group that it is sent back with, as its message had it: a fair queue tells campaigns and endpoints apart by it. What is
    /// none of a stage has none.
    #[must_use]
    pub fn group(&self) -> Option<String> {
        let message = WorkMessage::parse(&self.body, self.sent_at).ok()?;
        message.group().map(str::to_owned)
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, sent_at, .. } = self;
        f.debug_struct("DeadLetter").field("id", id).field("sent_at", sent_at).finish_non_exhaustive()
    }
}

/// Why the scheduler couldn't deliver a message (`EventBridge` Scheduler User Guide, "Configuring a
/// schedule's dead-letter queue": the message attributes `ERROR_CODE`, `ERROR_MESSAGE` and
/// `SCHEDULED_TIME`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The target's error code.
    pub code: String,
    /// The target's words.
    pub message: Cause,
    /// The moment that the schedule was due.
    pub scheduled_at: Option<Timestamp>,
}

/// The most letters a second that a redrive may move: 1 to 500 (Amazon SQS API Reference,
/// `StartMessageMoveTask`: `MaxNumberOfMessagesPerSecond`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Rate(u32);

impl TryFrom<u32> for Rate {
    type Error = ParseError;

    fn try_from(rate: u32) -> Result<Self, ParseError> {
        Self::parse(&rate.to_string())
    }
}

impl From<Rate> for u32 {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

impl Rate {
    /// Reads a rate such as `20` or `20/s`.
    ///
    /// # Errors
    /// When the text is no whole number from 1 to 500.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let number = text.strip_suffix("/s").unwrap_or(text).trim().parse();
        match number {
            Ok(0) => Err(ParseError::new("rate", "of 0 would move nothing: choose 1 to 500 a second, or none at all")),
            Ok(rate @ 1..=500) => Ok(Self(rate)),
            _ => Err(ParseError::new("rate", "is not a whole number of 1 to 500 letters a second, such as 20/s")),
        }
    }

    /// Letters a second.
    #[must_use]
    pub fn per_second(self) -> u32 {
        self.0
    }
}

/// Whether a queue's letters are being moved by the queue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveStart {
    /// They are.
    Started(MoveTicket),
    /// Someone else's task is moving them already, as fast as they chose.
    AlreadyMoving(MoveTicket),
    /// They can't be: the endpoint has no such tasks, or nobody knows where the letters belong.
    Unsupported,
}

/// What a task is told by, in the words of the adapter that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTicket(pub String);

/// How a task is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveProgress {
    /// Where it is.
    pub status: MoveStatus,
    /// About how many letters were moved.
    pub moved: u64,
    /// About how many there were when it began, once that is known.
    pub of: Option<u64>,
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveStatus {
    /// It moves letters.
    Running,
    /// It has moved all that it could.
    Completed,
    /// Someone cancelled it. What was moved stays moved.
    Cancelled,
    /// It gave up. What was moved stays moved.
    Failed(Cause),
}

/// A dead-letter queue, as operators use it. It has no redrive policy of its own, so that looking at a
/// letter costs it nothing but a higher receive count.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// The queue that it is.
    fn name(&self) -> DlqName;

    /// About how many letters may be taken.
    async fn count(&self) -> Result<u64, QueueError>;

    /// About how many letters someone has in hand, or keeps out of sight: they are there, and can't be taken now.
    async fn hidden(&self) -> Result<u64, QueueError>;

    /// About how many there are, whoever has them.
    async fn total(&self) -> Result<u64, QueueError> {
        Ok(self.count().await? + self.hidden().await?)
    }

    /// Takes at most `most` letters, and at most ten, out of everyone's sight for so long. None only
    /// when none are to be seen.
    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError>;

    /// Keeps letters that were taken out of everyone's sight for so long from now, at most twelve hours from when they were
    /// taken. A receipt that is no longer good is passed over.
    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError>;

    /// Lets letters be seen again at once. A receipt that is no longer good is passed over.
    async fn put_back(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.hide(receipts, Duration::ZERO).await
    }

    /// Deletes letters. A receipt that is no longer good is passed over.
    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError>;

    /// Sends a letter to the queue that it is of, as it is, in its group. It stays here too.
    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError>;

    /// Has the queue itself move all its letters to their stage's queue, at most so many a second. It
    /// goes on whether or not anyone follows it.
    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError>;

    /// How such a task is doing.
    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError>;
}
