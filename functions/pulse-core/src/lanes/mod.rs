//! Lanes: the calls that a stage's provider can see at once.
//!
//! lanes = `MaximumConcurrency` of the stage's event source mapping x calls in flight per invocation.

/// What Lambda keeps unreserved for all other functions (AWS Lambda Developer Guide, "Configuring reserved concurrency for
/// a function").
pub const KEPT_UNRESERVED: u32 = 100;

mod change;
mod split;
mod steps;

pub use change::{Changed, LaneChange, LaneChangeError};
pub use split::{IN_FLIGHT, Lanes, LanesError, MAXIMUM_CONCURRENCY};
pub use steps::steps;

pub use crate::ports::{LaneSettings, Step};
