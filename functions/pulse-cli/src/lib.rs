//! `pulse`: enrol customers, see where they stand, and try the whole of Pulse on this machine.

pub mod bill;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod interruption;
pub mod letter_files;
pub mod local_record;
pub mod names;
pub mod output;
pub mod report;
pub mod target;
pub mod text;

pub use cli::{Cli, explained, run};
