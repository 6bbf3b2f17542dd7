//! One suite per port, which every adapter of it has to pass.
//!
//! A case is a function of the port, which is empty when it begins. `tests/conformance.rs` runs
//! every case on every adapter.

pub mod audit_log;
pub mod campaigns;
pub mod control;
pub mod dead_letters;
pub mod deliveries;
pub mod emulator;
pub mod endpoint_keys;
pub mod feedback;
pub mod gauges;
pub mod ledger;
pub mod lossy_proxy;
pub mod memory;
pub mod orders;
pub mod queue;
pub mod samples;
pub mod schedules;
pub mod simulated;
pub mod snapshots;
