//! The words of the command line: what to do next is a command.

mod advice;

pub use advice::advised;
pub use pulse_app::words::*;
