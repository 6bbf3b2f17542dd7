//! The schedules in memory.
