use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pulse_core::{
    entry::StageName,
    ports::{Tally, TallyKey},
    run::RunId,
};
use ratatui::{
    style::{Color, Stylize as _},
    text::{Line, Span},
};

use super::{
    super::{
        figures::Entries,
        state::{Read, State},
    },
    stage::label,
};
use crate::text::{age, grouped};

/// Where entries stand: the word, the letter that the bar has for it, and its colour.
const PLACES: [(&str, &str, Color); 7] = [
    ("sent", "█", Color::Green),
    ("to email", "▓", Color::Cyan),
    ("to score", "▒", Color::Blue),
    ("failed", "x", Color::Red),
    ("unknown", "?", Color::Magenta),
    ("skipped", "-", Color::DarkGray),
    ("scheduled", "·", Color::DarkGray),
];

type Counts = [u64; PLACES.len()];

/// What is shown of the runs.
pub(super) struct Run {
    /// The most important first.
    pub lines: Vec<Line<'static>>,
    /// How many of them there must be room for.
    pub least: u16,
}

impl Run {
    /// How many lines there may be room for beyond that.
    pub(super) fn more(&self) -> u16 {
        u16::try_from(self.lines.len()).unwrap_or(u16::MAX).saturating_sub(self.least)
    }
}

/// The current run as a bar, and the others in words.
pub(super) fn lines(state: &State, width: u16) -> Run {
    let Some(Read { value, at }) = &state.entries.last else {
        let text = if state.entries.is_awaited { "being counted .." } else { ".." };
        return Run { lines: vec![Line::from(vec![label("entries"), text.into()])], least: 1 };
    };
    let Entries { tally, roster } = value;
    let mut runs = by_run(tally);
    let again = if state.entries.is_awaited { ", again just now" } else { "" };
    let counted = format!(
        "counted {} ago{again}; roster {}, closed {}",
        age(state.now, *at),
        grouped(roster.active),
        grouped(roster.closed)
    );
    let Some((run, counts)) = current(&runs, RunId::of(state.now, &TimeZone::UTC)) else {
        return Run { lines: vec![Line::from(vec![label("entries"), format!("none, {counted}").into()])], least: 1 };
    };
    let mut lines = vec![
        Line::from(vec![
            format!(" run {run} ").bold(),
            format!(" {} entries, {counted}", grouped(counts.iter().sum())).into(),
        ]),
        bar(&counts, width),
    ];
    lines.extend(legend(&counts, width));
    runs.remove(&run);
    lines.extend(runs.iter().rev().map(|(run, counts)| other(*run, counts)));
    Run { lines, least: 3 }
}

fn by_run(tally: &Tally) -> BTreeMap<RunId, Counts> {
    let mut runs: BTreeMap<RunId, Counts> = BTreeMap::new();
    for ((run, key), count) in &tally.0 {
        runs.entry(*run).or_default()[place(*key)] += count;
    }
    runs
}

fn place(key: TallyKey) -> usize {
    match key {
        TallyKey::Sent => 0,
        TallyKey::Due(StageName::Email) => 1,
        TallyKey::Due(StageName::Score | StageName::Call | StageName::Deliver) => 2,
        TallyKey::Failed(_) | TallyKey::Dropped | TallyKey::Abandoned => 3,
        TallyKey::Indeterminate | TallyKey::Unconfirmed => 4,
        TallyKey::Skipped(_) | TallyKey::Cancelled => 5,
        TallyKey::NotDue => 6,
    }
}

/// This month's run, or else the last one that has begun, or else the first.
fn current(runs: &BTreeMap<RunId, Counts>, this_month: RunId) -> Option<(RunId, Counts)> {
    let has_begun = |counts: &Counts| counts[..place(TallyKey::NotDue)].iter().any(|count| *count > 0);
    let begun = || runs.iter().rev().find(|(_, counts)| has_begun(counts));
    let (run, counts) = runs.get_key_value(&this_month).or_else(begun).or_else(|| runs.first_key_value())?;
    Some((*run, *counts))
}

fn bar(counts: &Counts, width: u16) -> Line<'static> {
    let cells = cells(counts, usize::from(width).saturating_sub(2));
    let parts = PLACES.iter().zip(cells).map(|((_, letter, colour), cells)| letter.repeat(cells).fg(*colour));
    std::iter::once(Span::raw(" ")).chain(parts).collect()
}

/// A bar's cells, by place. What there is any of has one at least, as long as there is room: of 600,000, one that
/// failed is what people look for.
fn cells(counts: &Counts, width: usize) -> [usize; PLACES.len()] {
    let all: u64 = counts.iter().sum();
    let present = counts.iter().filter(|count| **count > 0).count();
    let free = width.saturating_sub(present);
    let mut left = width;
    let mut cells = counts.map(|count| {
        let share = (u128::from(count) * free as u128).checked_div(u128::from(all)).unwrap_or(0);
        let share = usize::try_from(share).unwrap_or(free) + usize::from(count > 0);
        let share = share.min(left);
        left -= share;
        share
    });
    // What rounding left over goes to the largest.
    if let Some(largest) = (0..counts.len()).max_by_key(|place| counts[*place]).filter(|_| all > 0) {
        cells[largest] += left;
    }
    cells
}

fn legend(counts: &Counts, width: u16) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(" ")];
    for ((word, letter, colour), count) in PLACES.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let parts = [letter.fg(*colour), format!(" {word} {}  ", grouped(*count)).into()];
        let wide: usize = parts.iter().map(Span::width).sum();
        if lines.last().is_some_and(|line| line.width() > 1 && line.width() + wide > usize::from(width)) {
            lines.push(Line::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            line.extend(parts);
        }
    }
    lines
}

fn other(run: RunId, counts: &Counts) -> Line<'static> {
    let present = PLACES.iter().zip(counts).filter(|(_, count)| **count > 0);
    let words: Vec<_> = present.map(|((word, ..), count)| format!("{word} {}", grouped(*count))).collect();
    Line::from(vec![label(&format!("run {run}")), words.join(", ").into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_its_room_and_shows_the_one_that_failed() {
        let shown = cells(&[599_000, 0, 0, 1, 0, 999, 0], 78);
        assert_eq!((shown[3], shown.iter().sum::<usize>()), (1, 78));
        assert_eq!(cells(&[1, 1, 1, 1, 1, 1, 1], 3).iter().sum::<usize>(), 3);
        assert_eq!(cells(&[0; 7], 10), [0; 7]);
        assert_eq!(cells(&[u64::MAX / 7; 7], 70), [10; 7]);
    }

    #[test]
    fn the_current_run_is_this_months_or_the_last_that_has_begun() {
        let run = |text| RunId::parse(text).unwrap();
        let (begun, ahead) = ([5, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 5]);
        let runs = BTreeMap::from([(run("2026-09"), begun), (run("2026-10"), begun), (run("2026-12"), ahead)]);
        assert_eq!(current(&runs, run("2026-12")), Some((run("2026-12"), ahead)));
        assert_eq!(current(&runs, run("2026-11")), Some((run("2026-10"), begun)));
        let ahead_only = BTreeMap::from([(run("2026-12"), ahead)]);
        assert_eq!(current(&ahead_only, run("2026-11")), Some((run("2026-12"), ahead)));
        assert_eq!(current(&BTreeMap::new(), run("2026-11")), None);
    }
}
