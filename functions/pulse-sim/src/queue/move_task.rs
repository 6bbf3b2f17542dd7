//! Message move tasks: dead letters on their way back.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The most messages that a task may be told to move in a second (Amazon SQS API Reference,
/// `StartMessageMoveTask`).
pub(super) const FASTEST: u32 = 500;

/// Why a message move task doesn't start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveTaskRefused {
    /// No queue's redrive policy names this queue.
    NotADeadLetterQueue,
    /// Another task moves this queue's messages.
    AlreadyMoving,
    /// The rate isn't 1 to 500 a second.
    RateOutOfRange(u32),
}

/// SQS answers `InvalidParameterValue` for each of these. What it says of the first two was recorded (LocalStack's tests of
/// move tasks, which ran on AWS).
impl fmt::Display for MoveTaskRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADeadLetterQueue => f.write_str("Source queue must be configured as a Dead Letter Queue."),
            Self::AlreadyMoving => f.write_str(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ),
            Self::RateOutOfRange(rate) => {
                write!(f, "The messages can't be moved at {rate} a second. Choose a rate of 1 to {FASTEST} a second.")
            }
        }
    }
}

impl std::error::Error for MoveTaskRefused {}

/// How a message move task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveStatus {
    /// It is moving messages.
    Running,
    /// It has moved all that it could.
    Completed,
    /// It was cancelled. What it had moved stays moved.
    Cancelled,
    /// It ran for 36 hours, which is the longest that one may.
    Failed,
}

/// A message move task. It runs whether or not this is kept.
#[derive(Debug, Clone)]
pub struct MoveTask(Arc<Mutex<MoveProgress>>);

#[derive(Debug)]
struct MoveProgress {
    moved: u64,
    of: u64,
    status: MoveStatus,
}

impl MoveTask {
    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> MoveStatus {
        self.progress().status
    }

    /// How many messages it has moved.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.progress().moved
    }

    /// How many messages there were to move when it began.
    #[must_use]
    pub fn of(&self) -> u64 {
        self.progress().of
    }

    /// Ends it within a second. False if it has ended already.
    #[must_use]
    pub fn cancel(&self) -> bool {
        let mut progress = self.progress();
        let is_running = progress.status == MoveStatus::Running;
        if is_running {
            progress.status = MoveStatus::Cancelled;
        }
        is_running
    }

    fn progress(&self) -> MutexGuard<'_, MoveProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A task that has so many messages to move.
    pub(super) fn of_messages(of: u64) -> Self {
        Self(Arc::new(Mutex::new(MoveProgress { moved: 0, of, status: MoveStatus::Running })))
    }

    /// It has moved so many more.
    pub(super) fn add(&self, moved: u64) {
        self.progress().moved += moved;
    }

    /// It has ended, unless it had before.
    pub(super) fn end(&self, status: MoveStatus) {
        let mut progress = self.progress();
        if progress.status == MoveStatus::Running {
            progress.status = status;
        }
    }
}
