use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::LedgerError;
use crate::{
    control::{Control, MinuteOutcomes, Outcomes},
    entry::StageName,
    failure::Cause,
    stage_spec::StageSet,
};

/// A stage couldn't be looked at or switched. Always worth another try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {stage} stage can't be used right now: {}", .cause.clause())]
pub struct StageError {
    /// The stage concerned.
    pub stage: StageName,
    /// The cause, in words for an operator.
    pub cause: Cause,
}

/// Whether a queue's messages are handed to its function (AWS Lambda API Reference,
/// `GetEventSourceMapping`: State).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// They are.
    On,
    /// They won't be soon.
    TurningOff,
    /// They aren't.
    Off,
    /// They will be soon.
    TurningOn,
}

impl Switch {
    /// Whether they are, or will be soon.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Self::On | Self::TurningOn)
    }
}

/// How a stage is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageStatus {
    /// Whether its queue is handed to its function.
    pub mapping: Switch,
    /// Its function's reserved concurrency, if it has one. With 0 it can't run at all.
    pub reserved: Option<u32>,
    /// About how many messages wait to be handed over.
    pub waiting: u64,
    /// About how many messages were handed over, and are neither done nor back.
    pub in_flight: u64,
}

impl StageStatus {
    /// Whether its messages are worked on.
    #[must_use]
    pub fn is_flowing(&self) -> bool {
        self.mapping.is_on() && self.reserved != Some(0)
    }
}

/// What came of an attempt to switch a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetEnabled {
    /// It is as it was to be, or about to be.
    Done,
    /// It is being changed, and takes no other change yet: try again in a while.
    Busy,
}

/// The stages from outside.
#[async_trait]
pub trait Stages: Send + Sync {
    /// Which stages the stack has.
    fn deployed(&self) -> StageSet {
        StageSet::of_every_stack()
    }

    /// Looks at a stage.
    async fn status(&self, stage: StageName) -> Result<StageStatus, StageError>;

    /// Has a stage's messages handed to its function, or not. What is in flight ends as it would.
    async fn set_enabled(&self, stage: StageName, on: bool) -> Result<SetEnabled, StageError>;

    /// Hands a few messages of a stage that is turned off to its function, waits for what comes of
    /// them, and says how many there were and how many of them must come back. None, if none waits.
    async fn probe(&self, stage: StageName, at_most: usize) -> Result<Probed, StageError>;

    /// Whether a deployment is under way, or was a few minutes ago: it turns on what is turned off, and
    /// gives functions the concurrency that the template says.
    async fn is_being_deployed(&self) -> Result<bool, StageError>;
}

/// What came of a few messages that were handed over to see whether the provider is well again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Probed {
    /// How many there were.
    pub messages: usize,
    /// How many of them must come back.
    pub failed: usize,
}

/// What is remembered of a stage from one tick to the next.
#[async_trait]
pub trait StageMemory: Send + Sync {
    /// When the stage was last seen held up: paused, or behind a backlog.
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError>;

    /// Remembers that it was seen held up.
    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError>;
}

/// The stages' control rows. Reads are strongly consistent.
#[async_trait]
pub trait Controls: Send + Sync {
    /// A stage's row; an empty one, of version 0, if there is none.
    async fn control(&self, stage: StageName) -> Result<Control, LedgerError>;

    /// Writes a row if the one that is there is of the version before. Says whether it was.
    async fn save(&self, stage: StageName, control: &Control) -> Result<bool, LedgerError>;
}

/// For how long minutes are kept, at least.
pub const MINUTES_KEPT: Duration = Duration::from_hours(6);

/// What came of the calls to the stages' providers, minute by minute, for [some hours](MINUTES_KEPT).
#[async_trait]
pub trait OutcomeLog: Send + Sync {
    /// Adds to the minute that `at` is in, in one write. Of the causes the most frequent are kept, as far as there is room
    /// ([`CauseCounts::admit`](crate::control::CauseCounts::admit)).
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError>;

    /// The minutes from the one that `from` is in, the oldest first. Those without calls are left out.
    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError>;
}
