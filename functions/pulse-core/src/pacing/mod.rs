//! Calls at a pace that a service bears, where nobody knows its quota beforehand.

mod limit;
mod schedules;

pub use limit::{ConcurrencyLimit, Turn};
pub use schedules::PacedSchedules;
