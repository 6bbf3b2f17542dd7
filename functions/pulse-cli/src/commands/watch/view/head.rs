use ratatui::{
    style::Stylize as _,
    text::{Line, Span},
};

use super::super::state::State;
use crate::text::{age, lasting};

/// Figures that are older than so many times their interval are marked.
const STALE_AFTER: u32 = 3;

/// What is watched, and how old the figures are.
pub(super) fn line(state: &State, width: u16) -> Line<'static> {
    let left = format!(" pulse watch: {}", state.stack);
    let right = freshness(state);
    let gap = usize::from(width).saturating_sub(Span::raw(left.as_str()).width() + right.width());
    Line::from(vec![left.bold(), " ".repeat(gap.max(2)).into(), right]).reversed()
}

fn freshness(state: &State) -> Span<'static> {
    let every = state.figures.every;
    let Some(last) = &state.figures.last else {
        return "the figures are being read .. ".into();
    };
    let text = format!("figures {} ago, every {} ", age(state.now, last.at), lasting(every));
    let is_stale = state.now.duration_since(last.at).unsigned_abs() > every * STALE_AFTER;
    if is_stale { text.light_red().bold() } else { text.into() }
}
