//! What is done every minute: mappings made to match what holds their stages, and entries looked after
//! that fell off or were put off.

mod age;
mod keep;
mod overdue;
mod round;
mod sweep;

pub use age::oldest_due;
pub use keep::{Keep, KeepError, Kept};
pub use overdue::SweepPolicy;
pub use round::{Round, StageRound};
pub use sweep::{StageSweep, Sweep, Swept};
