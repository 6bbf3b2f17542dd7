//! Schedules on `EventBridge` Scheduler.
