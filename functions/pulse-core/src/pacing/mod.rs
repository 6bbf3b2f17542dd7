//! Calls at a pace that a service bears, where nobody knows beforehand what it takes now.

mod letters;
mod limit;
mod pace;
mod schedules;

pub use letters::PacedDeadLetters;
pub(crate) use letters::unless_stopped;
pub use limit::{ConcurrencyLimit, Turn};
pub use pace::{MayPass, Pace, patiently};
pub use schedules::PacedSchedules;
