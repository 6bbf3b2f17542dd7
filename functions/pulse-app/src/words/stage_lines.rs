//! How a stage is doing, line by line.

use jiff::Timestamp;
use pulse_core::{
    overview::{How, StageOverview},
    stage_spec::Moves,
};

use super::age;

/// A line about a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageLine {
    /// What it is about.
    pub label: &'static str,
    /// What is to be said of it.
    pub text: String,
    /// Whether something must be done.
    pub is_alarming: bool,
    /// Whether it goes on from the line before, and may stand on the same.
    pub goes_on: bool,
}

/// What there is to say about a stage, but for its condition.
#[must_use]
pub fn stage_lines(stage: &StageOverview, now: Timestamp) -> Vec<StageLine> {
    let line = |label, text| StageLine { label, text, is_alarming: false, goes_on: false };
    let mut lines = Vec::new();
    for (number, held) in stage.held.iter().chain(&stage.held_too).enumerate() {
        lines.push(line(if number == 0 { "why" } else { "why, too" }, super::held(held)));
        lines.push(line("since", format!("{:.0}, {} ago", held.since, age(now, held.since))));
        if let Some(until) = held.until {
            let label = if matches!(held.how, How::Breaker { .. }) { "tried next" } else { "until" };
            let text = format!("in {}, at {until:.0}", age(until, now));
            lines.push(StageLine { goes_on: true, ..line(label, text) });
        }
    }
    lines.push(line("messages", format!("{} waiting, {} in flight", stage.waiting, stage.in_flight)));
    let (rate, failing) = (stage.answered_per_minute, stage.failing_percent);
    let each = stage.latency_ms.map(|ms| format!(", {:.1} s each", ms as f64 / 1_000.0)).unwrap_or_default();
    // What comes of calls to endpoints is kept by endpoint.
    if stage.stage.spec().moves == Moves::Entries {
        lines.push(line("answers", format!("{rate:.1} a minute, {failing} % of calls fail{each}")));
    }
    if let Some(due) = stage.oldest_due {
        lines.push(line("oldest due", format!("{due:.0}, {} ago", age(now, due))));
    }
    if let Some(expires) = stage.expires_at {
        let what_to_do = if stage.expires_soon { ": resume the stage" } else { "" };
        let text = format!("in {}{what_to_do}", age(expires, now));
        let is_alarming = stage.expires_soon;
        lines.push(StageLine { label: "its message expires", text, is_alarming, goes_on: true });
    }
    lines
}
