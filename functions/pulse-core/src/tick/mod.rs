//! What is done every minute: looking after what fell off, and waking what was put off.

mod sweep;

pub use sweep::{StageSweep, Sweep, SweepPolicy, Swept};
