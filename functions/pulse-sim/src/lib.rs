//! The ports of `pulse-core` in memory, under a clock that the caller moves.

pub mod audits;
pub mod backlog;
pub mod clock;
pub mod courier;
pub mod dead_letters;
pub mod digests;
pub mod endpoint_keys;
pub mod game;
pub mod gauges;
pub mod lambda;
pub mod ledger;
pub mod mailer;
pub mod month;
pub mod partner;
pub mod provider;
pub mod provider_suppressions;
pub mod queue;
pub mod random;
pub mod scheduler;
pub mod schedules;
pub mod scorer;
pub mod seeds;
pub mod stages;
pub mod ticks;
pub mod time;
pub mod world;
