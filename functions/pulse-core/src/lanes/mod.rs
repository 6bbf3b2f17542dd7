//! Lanes: the calls that a stage's provider can see at once.
//!
//! lanes = `MaximumConcurrency` of the stage's event source mapping x calls in flight per invocation.

mod change;
mod split;
mod steps;

pub use change::{Changed, LaneChange, LaneChangeError};
pub use split::{IN_FLIGHT, Lanes, LanesError, MAXIMUM_CONCURRENCY};
pub use steps::steps;

pub use crate::ports::{LaneSettings, Step};
