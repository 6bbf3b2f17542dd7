use std::time::Duration;

use crate::{
    entry::{IllegalTransition, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{LedgerError, QueueError},
};

/// What a stage says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is left to do: the message may go.
    Done,
    /// The message may go once another is queued: the row is that stage's now.
    HandOn {
        /// Which stage's.
        stage: StageName,
        /// What is queued.
        message: WorkMessage,
    },
    /// Try again. On the last receive, give up.
    Retry {
        /// How long it stays away.
        wait: Wait,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// Someone else holds the entry, or it isn't its time: come back later, and never give up an
    /// entry for it.
    NotNow {
        /// When to come back.
        wait: Duration,
        /// The cause, in words for an operator.
        cause: Cause,
    },
    /// Trying again won't help: give up.
    Fail {
        /// The cause, in words for an operator.
        cause: Cause,
    },
}

/// How long to wait before the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// As long as the [backoff](crate::backoff) says, and no shorter than this, if given.
    Backoff(Option<Duration>),
    /// No longer than it takes.
    None,
}

impl Verdict {
    /// It comes back at once, to a worker that has the time for it.
    pub(super) fn no_time() -> Self {
        Self::Retry { wait: Wait::None, cause: Cause::new("The worker had no time left to start on it.") }
    }

    pub(super) fn retry(cause: Cause) -> Self {
        Self::Retry { wait: Wait::Backoff(None), cause }
    }
}

impl From<LedgerError> for Verdict {
    fn from(error: LedgerError) -> Self {
        let cause = Cause::new(error.to_string());
        match error {
            LedgerError::Conflict(_) => Self::NotNow { wait: Duration::from_secs(5), cause },
            LedgerError::Unavailable(_) => Self::retry(cause),
            LedgerError::Broken(_) | LedgerError::Unreadable(_) => Self::Fail { cause },
        }
    }
}

impl From<QueueError> for Verdict {
    fn from(error: QueueError) -> Self {
        Self::retry(Cause::new(error.to_string()))
    }
}

impl From<IllegalTransition> for Verdict {
    fn from(error: IllegalTransition) -> Self {
        Self::retry(Cause::new(error.to_string()))
    }
}
