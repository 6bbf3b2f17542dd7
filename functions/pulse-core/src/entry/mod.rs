//! Entries: one row of the ledger, customer x run.

mod change;
mod id;
#[cfg(test)]
mod legality;
mod record;
mod state;
mod transition;

pub use change::Change;
pub use id::EntryId;
pub use record::{Entry, Queueing, Trouble};
pub use state::{SkipReason, StageName, State};
pub use transition::IllegalTransition;
