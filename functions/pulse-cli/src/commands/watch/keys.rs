use pulse_core::{entry::StageName, overview::How};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    event::SideEffect,
    prompt::{Answered, Order, Prompt, Verb},
    reads::read_all,
    state::State,
};

/// The keys, and what they do.
pub(super) const KEYS: [(&str, &str); 5] = [
    ("p", "pause a stage: asks which, why, and whether you are sure"),
    ("R", "resume a stage: asks which, why if complaints hold it, and if sure"),
    ("r", "read all figures now, and count the entries"),
    ("?", "show these keys, or hide them"),
    ("q", "end; so do Esc and Ctrl-C"),
];

/// What comes of a key.
pub(super) fn pressed(state: &mut State, key: KeyEvent) -> Vec<SideEffect> {
    if key.kind == KeyEventKind::Release {
        return vec![];
    }
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER) {
        let is_ctrl_c = key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('c');
        return if is_ctrl_c { leave(state) } else { vec![] };
    }
    match state.prompt.take() {
        Some(prompt) => answered(state, prompt.answer(key.code)),
        None => commanded(state, key.code),
    }
}

fn answered(state: &mut State, answered: Answered) -> Vec<SideEffect> {
    match answered {
        // What recipients' anger holds, only a note ends.
        Answered::Asks(Prompt::Sure(Order::Resume(of, None))) if is_held_for_reputation(state, of) => {
            state.prompt = Some(Prompt::why(Verb::Resume, of));
        }
        Answered::Asks(prompt) => state.prompt = Some(prompt),
        Answered::GivenUp => {}
        Answered::Ordered(order) => {
            state.notice = None;
            state.switching = Some(order.clone());
            return vec![SideEffect::Switch(order)];
        }
    }
    vec![]
}

fn is_held_for_reputation(state: &State, of: StageName) -> bool {
    let stages = state.figures.value().map(|figures| &figures.stages);
    let held = stages.into_iter().flatten().find(|one| one.stage == of).and_then(|one| one.held.as_ref());
    held.is_some_and(|held| matches!(held.how, How::Reputation { .. }))
}

fn commanded(state: &mut State, key: KeyCode) -> Vec<SideEffect> {
    match key {
        KeyCode::Esc if state.help => state.help = false,
        KeyCode::Char('q') | KeyCode::Esc => return leave(state),
        KeyCode::Char('r') => return read_all(state),
        KeyCode::Char('?') => state.help = !state.help,
        KeyCode::Char('p') => ask(state, Verb::Pause),
        KeyCode::Char('R') => ask(state, Verb::Resume),
        _ => {}
    }
    vec![]
}

fn ask(state: &mut State, verb: Verb) {
    state.help = false;
    // One at a time: two at once could overtake each other.
    if state.switching.is_none() && !state.leaving {
        state.prompt = Some(Prompt::Which(verb));
    }
}

/// What was confirmed is waited for. Whoever asks twice gets the end at once.
fn leave(state: &mut State) -> Vec<SideEffect> {
    if state.switching.is_none() || state.leaving {
        return vec![SideEffect::Quit];
    }
    state.prompt = None;
    state.leaving = true;
    vec![]
}
