//! The words of the command line.

use std::fmt::Display;

pub use pulse_app::words::*;
use pulse_core::advice::Advice;

/// An error with the command that is to be typed next.
pub fn advised(error: impl Display, advice: Option<&Advice>) -> anyhow::Error {
    anyhow::Error::msg(pulse_app::words::advised(error, advice))
}
