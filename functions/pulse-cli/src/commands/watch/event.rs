use pulse_core::ports::StageLanes;
use ratatui::crossterm::event::KeyEvent;

use super::{
    figures::{Entries, Figures},
    prompt::Order,
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

/// What there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Stages and queues.
    Figures,
    /// Lanes.
    Lanes,
    /// The entries' count.
    Entries,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SideEffect {
    /// Read this.
    Read(Topic),
    /// Pause or resume a stage.
    Switch(Order),
    /// End.
    Quit,
}
