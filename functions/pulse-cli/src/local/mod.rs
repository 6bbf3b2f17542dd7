//! Pulse on this machine: emulator, deployment, stand-ins, progress and summary.

pub mod artifacts;
pub mod children;
pub mod deploy;
pub mod deployment;
pub mod dropped;
pub mod emulator;
pub mod install;
pub mod lambdas;
pub mod outputs;
pub mod python;
mod refusal;
pub mod secrets;
pub mod step;
pub mod template;
pub mod workspace;
