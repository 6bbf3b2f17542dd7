//! A stage, as it is typed.

use clap::ValueEnum;
use pulse_core::entry::StageName;

/// A stage, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StageOption {
    /// Scoring.
    Score,
    /// Mailing.
    Email,
}

impl From<StageOption> for StageName {
    fn from(option: StageOption) -> Self {
        match option {
            StageOption::Score => Self::Score,
            StageOption::Email => Self::Email,
        }
    }
}
