//! What is in the dead-letter queues, and bringing it back.

mod cause;
mod cursor;
mod diagnosis;
mod given_up;
mod handling;
mod meant;
mod mentions;
mod outcome;
mod redrive;
mod survey;

pub use cause::CauseFilter;
pub(crate) use diagnosis::Remedy;
pub use given_up::GivenUpWord;
pub(crate) use handling::{Handling, Verdict};
pub(crate) use meant::Meant;
pub use mentions::Mentions;
pub(crate) use outcome::Handled;
pub use outcome::{RedriveProgress, Redriven, Stuck, Way};
pub use redrive::{Redrive, RedriveOrder};
pub use survey::{CauseGroup, DeadLetterReport, Example, Survey};

use crate::{
    ports::{LedgerError, QueueError},
    stage_spec::NoSuchStage,
};

/// Why dead letters couldn't be looked at or moved. Doing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadLetterError {
    /// A queue couldn't be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The ledger couldn't be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stack hasn't the stage whose dead letters they were.
    #[error(transparent)]
    NoSuchStage(#[from] NoSuchStage),
}
