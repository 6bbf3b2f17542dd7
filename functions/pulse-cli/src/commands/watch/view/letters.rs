use ratatui::{
    style::Stylize as _,
    text::{Line, Span},
};

use super::{super::state::State, stage::label};

/// How full the dead-letter queues are.
pub(super) fn line(state: &State) -> Line<'static> {
    let mut spans = vec![label("dead letters")];
    let Some(figures) = state.figures.value() else {
        spans.push("..".into());
        return Line::from(spans);
    };
    let mut any = false;
    for (n, depth) in figures.queues.iter().filter(|depth| depth.dead_letters).enumerate() {
        let letters = depth.waiting + depth.in_flight;
        any |= letters > 0;
        let text = format!("{} {letters}", depth.queue);
        spans.push(Span::raw(if n == 0 { "" } else { ", " }));
        spans.push(if letters > 0 { text.red().bold() } else { text.into() });
    }
    if any {
        spans.push(": see `pulse dlq`".into());
    }
    Line::from(spans)
}
