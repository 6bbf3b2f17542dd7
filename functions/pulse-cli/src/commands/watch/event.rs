use pulse_core::{control::Note, entry::StageName, ports::StageLanes};
use ratatui::crossterm::event::KeyEvent;

use super::{
    figures::{Entries, Figures},
    state::Topic,
};

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// A second went by.
    Tick,
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The window has another size.
    Resized,
    /// The figures were read, or why not.
    Figures(Result<Box<Figures>, String>),
    /// The lanes were read, or why not.
    Lanes(Result<Vec<StageLanes>, String>),
    /// The entries were counted, or why not.
    Entries(Result<Entries, String>),
    /// What came of a pause or a resume, in words.
    Switched(Result<String, String>),
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Read this.
    Read(Topic),
    /// Pause or resume a stage.
    Switch(Order),
    /// End.
    Quit,
}

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
