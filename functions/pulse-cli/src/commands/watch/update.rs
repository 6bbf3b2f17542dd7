use jiff::Timestamp;

use super::{
    event::{Event, SideEffect, Topic},
    keys,
    reads::{due, read},
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
