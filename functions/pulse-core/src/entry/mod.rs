//! Entries: one row of the ledger, customer x run.

mod change;
mod id;
#[cfg(test)]
mod legality;
mod plan;
mod position;
mod progress;
mod record;
mod row;
mod transition;

pub use change::Change;
pub use id::EntryId;
pub use plan::{InvalidPlan, Plan};
pub use position::{Awaited, Position, TallyKey};
pub use progress::{Progress, SkipReason};
pub use record::{Entry, FailureStreak, Queueing};
pub use transition::IllegalTransition;

pub use crate::stage_spec::StageName;
