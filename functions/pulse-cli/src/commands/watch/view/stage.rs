use jiff::Timestamp;
use pulse_core::{
    control::MinuteOutcomes,
    entry::{Plan, StageName},
    overview::{Condition, StageOverview},
};
use ratatui::{
    Frame,
    layout::Rect,
    style::{Color, Style, Stylize as _},
    text::{Line, Span},
    widgets::Sparkline,
};

use super::{
    super::{figures::MINUTES, state::State},
    rows::Rows,
};
use crate::text::{StageLine, stage_lines};

/// How wide the labels are.
const LABEL: usize = 14;

/// How wide the words to the right of a chart are.
const PEAK: u16 = 11;

/// What is shown of a stage.
pub(super) struct Panel {
    title: Line<'static>,
    lines: Vec<Line<'static>>,
    is_known: bool,
    calls: [u64; MINUTES],
    failures: [u64; MINUTES],
}

impl Panel {
    /// Of each stage that the stack has; of those that every stack has, until that is known.
    pub(super) fn all(state: &State) -> Vec<Self> {
        state.stages().into_iter().enumerate().map(|(index, name)| Self::of(state, name, index)).collect()
    }

    /// Of a stage, by its place among all.
    fn of(state: &State, name: StageName, index: usize) -> Self {
        let Some(figures) = state.figures.value() else {
            let lines = vec![Line::from(vec![label("is"), "..".into()])];
            return Self {
                title: title(name, None),
                lines,
                is_known: false,
                calls: [0; MINUTES],
                failures: [0; MINUTES],
            };
        };
        let overview = &figures.stages[index];
        // `pulse endpoint list` and `pulse run show` tell of the others: what is watched here is the month.
        if !Plan::MONTHLY.has(name) {
            let title = title(name, Some(overview.condition));
            return Self { title, lines: Vec::new(), is_known: false, calls: [0; MINUTES], failures: [0; MINUTES] };
        }
        let mut lines = words(overview, state.now);
        let split = state.lanes.value().map_or("..".to_owned(), |lanes| lanes[index].to_string());
        lines.push(Line::from(vec![label("lanes"), split.into()]));
        let [calls, failures] = by_minute(state, &figures.minutes[index]);
        Self { title: title(name, Some(overview.condition)), lines, is_known: true, calls, failures }
    }

    /// How many rows it takes, without charts.
    pub(super) fn rows(&self) -> u16 {
        u16::try_from(self.lines.len() + 1).unwrap_or(u16::MAX)
    }

    /// Draws it, with a chart of so many rows.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, rows: &mut Rows, chart: u16) {
        for line in std::iter::once(&self.title).chain(&self.lines) {
            frame.render_widget(line, rows.top(1));
        }
        if chart > 0 && self.is_known {
            draw_chart(frame, rows.top(chart), "calls/min", &self.calls, Color::Cyan);
            draw_chart(frame, rows.top(1), "failed/min", &self.failures, Color::Red);
        }
    }
}

/// The beginning of a line.
pub(super) fn label(text: &str) -> Span<'static> {
    format!(" {text:width$}", width = LABEL - 1).dim()
}

fn title(name: StageName, condition: Option<Condition>) -> Line<'static> {
    let name = format!(" {name} ").bold();
    match condition {
        None => Line::from(name),
        Some(condition) => Line::from(vec![name, format!(" {condition} ").fg(Color::Black).bg(colour(condition))]),
    }
}

fn colour(condition: Condition) -> Color {
    match condition {
        Condition::Running => Color::Green,
        Condition::Broken => Color::Red,
        Condition::Pausing | Condition::Paused | Condition::Resuming => Color::Yellow,
    }
}

/// The lines about a stage; those that go on from the one before stand on the same.
fn words(stage: &StageOverview, now: Timestamp) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for StageLine { label: about, text, is_alarming, goes_on } in stage_lines(stage, now) {
        let styled = |text: String| if is_alarming { text.red().bold() } else { Span::raw(text) };
        match lines.last_mut() {
            Some(line) if goes_on => line.extend([Span::raw("; "), styled(format!("{about} {text}"))]),
            _ => lines.push(Line::from(vec![label(about), styled(text)])),
        }
    }
    lines
}

/// Calls and failures of the last hour's minutes, the newest last.
fn by_minute(state: &State, minutes: &[MinuteOutcomes]) -> [[u64; MINUTES]; 2] {
    let mut charts = [[0; MINUTES]; 2];
    let minute = |second: i64| second.div_euclid(60);
    for MinuteOutcomes { starts, outcomes } in minutes {
        let ago = minute(state.now.as_second()) - minute(starts.as_second());
        let place = usize::try_from(ago).ok().and_then(|ago| (MINUTES - 1).checked_sub(ago));
        if let Some(place) = place {
            charts[0][place] = outcomes.calls;
            charts[1][place] = outcomes.failures;
        }
    }
    charts
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, about: &str, values: &[u64; MINUTES], colour: Color) {
    let Rect { x, y, width, height } = area;
    let left = u16::try_from(LABEL).unwrap_or(u16::MAX).min(width);
    frame.render_widget(Line::from(label(about)), Rect { height: height.min(1), ..area });
    let room = usize::from((width - left).saturating_sub(PEAK)).min(MINUTES);
    let shown = &values[MINUTES - room..];
    let chart = u16::try_from(room).unwrap_or(u16::MAX);
    let peak = shown.iter().copied().max().unwrap_or(0);
    let sparkline = Sparkline::default().data(shown).max(peak.max(1)).style(Style::new().fg(colour));
    frame.render_widget(sparkline, Rect { x: x + left, y, width: chart, height });
    let right = Rect { x: x + left + chart, y, width: width - left - chart, height: height.min(1) };
    frame.render_widget(Line::from(format!(" max {peak}").dim()), right);
}
