use jiff::Timestamp;
use pulse_core::ports::StageLanes;
use ratatui::crossterm::event::KeyEvent;

use super::{
    figures::{Entries, Figures, due, read},
    keys,
    prompt::Order,
    state::State,
};

/// What an event changes, and what is to be done about it.
pub(super) fn update(state: &mut State, now: Timestamp, event: Event) -> Vec<SideEffect> {
    state.now = now;
    state.notice.take_if(|notice| notice.until <= now);
    let mut effects = match event {
        Event::Key(key) => keys::pressed(state, key),
        Event::Paste(text) => {
            if let Some(prompt) = &mut state.prompt {
                prompt.paste(&text);
            }
            vec![]
        }
        Event::Tick | Event::Resized => vec![],
        Event::Figures(result) => {
            state.figures.end(now, result);
            vec![]
        }
        Event::Lanes(result) => {
            state.lanes.end(now, result);
            vec![]
        }
        Event::Entries(result) => {
            state.entries.end(now, result);
            vec![]
        }
        Event::Switched(result) => switched(state, result),
    };
    effects.extend(due(state));
    effects
}

fn switched(state: &mut State, result: Result<String, String>) -> Vec<SideEffect> {
    state.switching = None;
    let is_bad = result.is_err();
    state.say(result.unwrap_or_else(|error| error), is_bad);
    if state.leaving {
        return vec![SideEffect::Quit];
    }
    read(state, Topic::Figures).into_iter().collect()
}

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
