//! Entries: one row of the ledger, customer x run.

mod called;
mod erasure;
mod facts;
mod feedback;
#[cfg(test)]
mod legality;
mod plan;
mod position;
mod progress;
mod record;
mod row;
mod transition;

pub use called::{Called, Reference};
pub use erasure::Erasing;
pub use feedback::Hearing;
pub use plan::{InvalidCampaignPlan, InvalidPlan, Plan};
pub use position::{Awaited, Position, TallyKey};
pub use progress::{Progress, SkipReason};
pub use record::{Entry, EntryId, FailureStreak, Queueing};
pub use transition::{Change, IllegalTransition};

pub use crate::stage_spec::StageName;
