//! How the state looks.

mod footer;
mod head;
mod letters;
mod popup;
mod rows;
mod run;
mod stage;

use pulse_core::entry::Plan;
use ratatui::Frame;

use self::rows::Rows;
use super::state::State;

/// Most rows of a chart.
const TALLEST_CHART: u16 = 4;

/// Draws the state, as much of it as there is room for: first the space between goes, then the charts, and then what
/// is lowest.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let mut rows = Rows::of(area);
    frame.render_widget(head::line(state, area.width), rows.top(1));
    let footer = footer::footer(state, area.width);
    footer.draw(frame, rows.bottom(footer.rows));
    let stages = stage::Panel::all(state);
    let run = run::lines(state, area.width);
    let text: u16 = stages.iter().map(stage::Panel::rows).sum::<u16>() + 1 + run.least;
    let Room { chart, between } = Room::of(rows.left().saturating_sub(text), stages.len(), run.more());
    for panel in &stages {
        panel.draw(frame, &mut rows, chart);
        rows.top(between);
    }
    frame.render_widget(letters::line(state), rows.top(1));
    rows.top(between);
    for line in run.lines {
        frame.render_widget(line, rows.top(1));
    }
    popup::draw(frame, state);
}

/// What the rows are used for that are left when each line has one.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    /// For the chart of each stage's calls. One more is for their failures.
    chart: u16,
    /// Between the parts.
    between: u16,
}

impl Room {
    /// Of so many rows, when there are so many stages, and `more` to say of the runs.
    fn of(spare: u16, stages: usize, more: u16) -> Self {
        let count = |stages: usize| u16::try_from(stages).unwrap_or(u16::MAX);
        let (charts, gaps) = (count(Plan::MONTHLY.steps().count()), count(stages) + 1);
        let short_charts = 2 * charts;
        if spare < short_charts {
            return Self { chart: 0, between: 0 };
        }
        let spare = spare.saturating_sub(short_charts + more);
        let between = u16::from(spare >= gaps);
        Self { chart: (1 + (spare - gaps * between) / charts).min(TALLEST_CHART), between }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_to_short_charts_first_then_to_space_then_to_taller_charts() {
        let room = |spare| {
            let Room { chart, between } = Room::of(spare, 3, 1);
            (chart, between)
        };
        assert_eq!(
            [3, 4, 7, 8, 9, 10, 11, 15, 99].map(room),
            [(0, 0), (1, 0), (2, 0), (2, 0), (1, 1), (1, 1), (2, 1), (4, 1), (4, 1)]
        );
    }
}
