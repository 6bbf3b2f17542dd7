use serde::{Deserialize, Serialize};

use crate::failure::Cause;

/// How far a redrive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedriveProgress {
    /// Letters that were dealt with.
    pub done: u64,
    /// About how many there are, if that is known.
    pub of: Option<u64>,
}

/// How letters were moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By a task of the queue's own.
    MoveTask,
    /// By a task of the queue's own that someone else had started, at the rate that they chose.
    SomeonesMoveTask,
    /// One by one: received, sent, deleted.
    #[default]
    OneByOne,
    /// One by one, as this endpoint has no tasks that move messages.
    #[serde(rename = "one-by-one-for-want-of-tasks")]
    Fallback,
}

/// What became of dead letters. In a dry run: what would become of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// How they were moved.
    pub way: Way,
    /// Queued to their stage again.
    pub redriven: u64,
    /// Deleted with their entries closed, as the customers have left. A move task leaves that to the
    /// stages, so it counts none.
    pub closed: u64,
    /// Deleted, as nothing was left to do for their entries.
    pub done: u64,
    /// Left alone, as their cause isn't the one that was asked for.
    pub others: u64,
    /// Left alone, as they were first queued after the redrive began: letters of its own that died again.
    pub newer: u64,
    /// Left alone, as they would only die again.
    pub stuck: Vec<Stuck>,
    /// Left alone, as something was in the way.
    pub failed: u64,
    /// What was in the way, or ended the redrive.
    pub trouble: Option<Cause>,
    /// Whether it was ended early, because someone asked for that.
    pub interrupted: bool,
}

/// Letters that no redrive helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The cause, in words for an operator.
    pub cause: Cause,
    /// Their number.
    pub count: u64,
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handled {
    Redriven,
    Closed,
    Done,
    Other,
    Stuck(Cause),
    Failed(Cause),
}

impl Handled {
    /// Whether the letter may go.
    pub(super) fn may_go(&self) -> bool {
        matches!(self, Self::Redriven | Self::Closed | Self::Done)
    }
}

impl Redriven {
    /// Whether all that was asked for was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stuck.is_empty() && self.failed == 0 && self.trouble.is_none() && !self.interrupted
    }

    /// Letters that were dealt with, one way or another.
    #[must_use]
    pub fn letters(&self) -> u64 {
        let stuck: u64 = self.stuck.iter().map(|stuck| stuck.count).sum();
        self.redriven + self.closed + self.done + self.others + stuck + self.failed
    }

    pub(super) fn count(&mut self, handled: Handled) {
        match handled {
            Handled::Redriven => self.redriven += 1,
            Handled::Closed => self.closed += 1,
            Handled::Done => self.done += 1,
            Handled::Other => self.others += 1,
            Handled::Stuck(cause) => match self.stuck.iter_mut().find(|stuck| stuck.cause == cause) {
                Some(stuck) => stuck.count += 1,
                None => self.stuck.push(Stuck { cause, count: 1 }),
            },
            Handled::Failed(cause) => {
                self.failed += 1;
                self.trouble = Some(cause);
            }
        }
    }
}
