//! Pulse on this machine: emulator, deployment, stand-ins, progress and summary.

pub mod emulator;
pub mod install;
pub mod python;
pub mod workspace;
