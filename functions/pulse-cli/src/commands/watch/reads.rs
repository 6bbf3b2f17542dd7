use super::{
    event::{SideEffect, Topic},
    state::State,
};

/// Everything is to be read now that isn't being read.
pub(super) fn read_all(state: &mut State) -> Vec<SideEffect> {
    [Topic::Figures, Topic::Lanes, Topic::Entries].into_iter().filter_map(|topic| read(state, topic)).collect()
}

/// What has been waited for long enough.
pub(super) fn due(state: &mut State) -> Vec<SideEffect> {
    let now = state.now;
    let due = [
        (state.figures.is_due(now), Topic::Figures),
        (state.lanes.is_due(now), Topic::Lanes),
        (state.entries.is_due(now), Topic::Entries),
    ];
    due.into_iter().filter(|(is_due, _)| *is_due).filter_map(|(_, topic)| read(state, topic)).collect()
}

/// This is to be read now, unless it is being read.
pub(super) fn read(state: &mut State, topic: Topic) -> Option<SideEffect> {
    let now = state.now;
    let is_awaited = match topic {
        Topic::Figures => state.figures.begin(now),
        Topic::Lanes => state.lanes.begin(now),
        Topic::Entries => state.entries.begin(now),
    };
    (!is_awaited).then_some(SideEffect::Read(topic))
}
