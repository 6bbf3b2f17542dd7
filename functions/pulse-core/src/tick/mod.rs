//! What is done every minute: mappings made to match what holds their stages, and entries looked after
//! that fell off or were put off.

mod doubts;
mod feedback;
mod overdue;
mod reconciler;
mod sweep;

pub use doubts::{DOUBT_ENDS_AFTER, DOUBTS_LOOK_BACK, DoubtError, DoubtSweep};
pub use feedback::{DOUBTS_EVERY, FeedbackRound, FeedbackRounds, REPUTATION_EVERY};
pub(crate) use overdue::later;
pub use overdue::{SweepPolicy, oldest_due};
pub use reconciler::{MappingReconciler, ReconcileError, Reconciled};
pub(crate) use sweep::is_held_up;
pub use sweep::{Round, StageRound, StageSweep, Sweep, Swept};
