//! Entries: one row of the ledger, customer x run, and x item in campaigns where customers have several.

mod addressee;
mod called;
mod erasure;
mod facts;
mod feedback;
mod id;
mod item;
#[cfg(test)]
mod legality;
mod packed;
mod plan;
mod position;
mod progress;
mod record;
mod row;
mod transition;

pub use addressee::Addressee;
pub use called::{Called, Reference};
pub use erasure::Erasing;
pub use feedback::Hearing;
pub use id::{EntryId, RunAndItem};
pub use item::ItemId;
pub use packed::PackedEntry;
pub use plan::{InvalidCampaignPlan, InvalidPlan, Plan};
pub use position::{Awaited, Position, TallyKey};
pub use progress::{Progress, SkipReason};
pub use record::{Entry, FailureStreak, Queueing};
pub use transition::{Change, IllegalTransition};

pub use crate::stage_spec::StageName;
