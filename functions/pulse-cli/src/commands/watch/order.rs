use pulse_core::{control::Note, entry::StageName};

/// What someone asked for, and confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Pause a stage.
    Pause(StageName, Note),
    /// Resume a stage.
    Resume(StageName),
}

impl Order {
    /// What is being done, in words.
    pub(super) fn doing(&self) -> String {
        match self {
            Self::Pause(stage, _) => format!("Pausing the {stage} stage .."),
            Self::Resume(stage) => format!("Resuming the {stage} stage .."),
        }
    }
}
