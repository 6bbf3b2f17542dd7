use ratatui::{
    Frame,
    layout::Rect,
    style::Stylize as _,
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::super::state::State;

/// Most rows that a message may take.
const MOST_ROWS: usize = 3;

/// The lowest rows.
pub(super) struct Footer {
    /// How many there are.
    pub rows: u16,
    text: Paragraph<'static>,
}

impl Footer {
    /// Draws them.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect) {
        let indent = area.width.min(1);
        let area = Rect { x: area.x + indent, width: area.width - indent, ..area };
        frame.render_widget(&self.text, area);
    }
}

/// What is going on, or went wrong; or else the keys.
pub(super) fn footer(state: &State, width: u16) -> Footer {
    let line = message(state).unwrap_or_else(keys);
    // As words are wrapped, a row may hold fewer letters than are wide: one more row is enough for that.
    let full = line.width().div_ceil(usize::from(width.saturating_sub(1)).max(1));
    let rows = if full > 1 { (full + 1).min(MOST_ROWS) } else { 1 };
    let text = Paragraph::new(line).wrap(Wrap { trim: true });
    Footer { rows: u16::try_from(rows).unwrap_or(1), text }
}

fn message(state: &State) -> Option<Line<'static>> {
    if let Some(order) = &state.switching {
        let leaving = if state.leaving { " Then this ends; q ends it at once." } else { "" };
        return Some(Line::from(format!("{}{leaving}", order.doing()).yellow()));
    }
    if let Some(notice) = &state.notice {
        let text = notice.text.clone();
        return Some(Line::from(if notice.is_bad { text.red() } else { text.green() }));
    }
    state.trouble().map(|trouble| Line::from(trouble.red()))
}

fn keys() -> Line<'static> {
    let keys = [("p", "pause"), ("R", "resume"), ("r", "read now"), ("?", "keys"), ("q", "quit")];
    keys.into_iter().flat_map(|(key, what)| [key.bold(), format!(" {what}  ").dim()]).collect()
}
