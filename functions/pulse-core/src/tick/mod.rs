//! What is done every minute: mappings made to match what holds their stages, and entries looked after
//! that fell off or were put off.

mod age;
mod overdue;
mod reconciler;
mod round;
mod sweep;

pub use age::oldest_due;
pub use overdue::SweepPolicy;
pub use reconciler::{MappingReconciler, ReconcileError, Reconciled};
pub use round::{Round, StageRound};
pub use sweep::{StageSweep, Sweep, Swept};
