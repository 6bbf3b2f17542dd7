//! The simulator's own adapters.

use std::sync::Arc;

use pulse_sim::{
    clock::VirtualClock,
    random::Randomness,
    scheduler::{MemoryScheduler, SchedulerSettings},
};

use super::samples;

/// An empty scheduler, that has not begun to fire.
#[must_use]
#[expect(clippy::unused_async, reason = "the emulator's is async")]
pub async fn schedules() -> MemoryScheduler {
    let clock = Arc::new(VirtualClock::starting_at(samples::due()));
    MemoryScheduler::new(clock, Randomness::of_seed(1).stream("scheduler"), SchedulerSettings::default())
}
