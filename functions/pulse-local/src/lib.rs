//! Pulse on this machine: emulator, deployment, and stand-ins for the providers.

pub mod artifacts;
pub mod children;
pub mod container_bridge;
pub mod deploy;
pub mod deployment;
pub mod dropped;
pub mod emulator;
pub mod emulator_kind;
pub mod environment;
mod glibc;
mod http;
pub mod install;
pub mod lambdas;
pub mod python;
pub mod scheduler;
pub mod secrets;
pub mod standins;
pub mod step;
pub mod template;
pub mod workspace;
