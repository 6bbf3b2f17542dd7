use jiff::Timestamp;

use super::{
    event::{Effect, Event},
    keys,
    state::{State, Topic},
};

/// What an event changes, and what is to be done about it.
pub(super) fn update(state: &mut State, now: Timestamp, event: Event) -> Vec<Effect> {
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

/// Everything is to be read now that isn't being read.
pub(super) fn read_all(state: &mut State) -> Vec<Effect> {
    [Topic::Figures, Topic::Lanes, Topic::Entries].into_iter().filter_map(|topic| read(state, topic)).collect()
}

fn switched(state: &mut State, result: Result<String, String>) -> Vec<Effect> {
    state.switching = None;
    let is_bad = result.is_err();
    state.say(result.unwrap_or_else(|error| error), is_bad);
    if state.leaving {
        return vec![Effect::Quit];
    }
    read(state, Topic::Figures).into_iter().collect()
}

fn due(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let due = [
        (state.figures.is_due(now), Topic::Figures),
        (state.lanes.is_due(now), Topic::Lanes),
        (state.entries.is_due(now), Topic::Entries),
    ];
    due.into_iter().filter(|(is_due, _)| *is_due).filter_map(|(_, topic)| read(state, topic)).collect()
}

fn read(state: &mut State, topic: Topic) -> Option<Effect> {
    let now = state.now;
    let is_awaited = match topic {
        Topic::Figures => state.figures.begin(now),
        Topic::Lanes => state.lanes.begin(now),
        Topic::Entries => state.entries.begin(now),
    };
    (!is_awaited).then_some(Effect::Read(topic))
}
