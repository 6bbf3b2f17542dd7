//! `pulse status`.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use console::style;
use jiff::Timestamp;
use pulse_app::{ReputationReport, Status, StatusRun};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    entry::StageName,
    overview::{Condition, Held, StageOverview},
    ports::{Clock as _, Depth, RosterCount, StageLanes, TallyKey},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
    text,
    text::{RecipientsLine, Tone, place, recipients_lines, stage_lines},
};

/// What `pulse status` takes.
#[derive(Debug, Args)]
pub struct Options {}

/// The status as JSON: with the words that people call places by, and that say what holds a stage.
#[derive(Serialize)]
struct Shown<'a> {
    roster: RosterCount,
    runs: BTreeMap<String, BTreeMap<String, u64>>,
    reputation: ReputationReport,
    stages: Vec<StageShown>,
    queues: &'a [Depth],
    lanes: &'a [StageLanes],
}

#[derive(Serialize)]
struct StageShown {
    stage: StageName,
    condition: Condition,
    held: Option<HeldShown>,
    held_too: Vec<HeldShown>,
    waiting: u64,
    in_flight: u64,
    oldest_due: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    expires_soon: bool,
    answered_per_minute: f64,
    failing_percent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
}

#[derive(Serialize)]
struct HeldShown {
    how: String,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    fn of(status: &'a Status) -> Self {
        let run = |run: &StatusRun| (run.run.to_string(), places(run));
        Self {
            roster: status.roster,
            runs: status.runs.iter().map(run).collect(),
            reputation: status.reputation,
            stages: status.stages.iter().map(StageShown::of).collect(),
            queues: &status.queues,
            lanes: &status.lanes,
        }
    }
}

impl StageShown {
    fn of(stage: &StageOverview) -> Self {
        Self {
            stage: stage.stage,
            condition: stage.condition,
            held: stage.held.as_ref().map(HeldShown::of),
            held_too: stage.held_too.iter().map(HeldShown::of).collect(),
            waiting: stage.waiting,
            in_flight: stage.in_flight,
            oldest_due: stage.oldest_due,
            expires_at: stage.expires_at,
            expires_soon: stage.expires_soon,
            answered_per_minute: stage.answered_per_minute,
            failing_percent: stage.failing_percent,
            latency_ms: stage.latency_ms,
        }
    }
}

impl HeldShown {
    fn of(held: &Held) -> Self {
        Self { how: text::held(held), since: held.since, until: held.until }
    }
}

fn places(run: &StatusRun) -> BTreeMap<String, u64> {
    run.places.iter().map(|(key, count)| (place(*key), *count)).collect()
}

/// Carries `pulse status` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read.
pub async fn run(_: Options, target: &Target, output: Output) -> Result<Exit> {
    let status = target.app().await?.status().await?;
    output.show(&Shown::of(&status), || text(&status, SystemClock.now()))?;
    Ok(Exit::Done)
}

fn text(status: &Status, now: Timestamp) -> String {
    let mut text = heading("Roster");
    text += &Table::default().row("active", status.roster.active).row("closed", status.roster.closed).render();
    for run in &status.runs {
        text += &run_text(run);
    }
    text += &heading("\nRecipients, over seven days");
    text += &reputation_table(&status.reputation).render();
    for stage in &status.stages {
        text += &heading(&format!("\nStage {}", stage.stage));
        text += &stage_table(stage, now).render();
    }
    text += &heading("\nQueues");
    let mut table = Table::default();
    for depth in &status.queues {
        table.push(&depth.queue, queue_line(depth));
    }
    text += &table.render();
    text += &heading("\nLanes");
    let mut table = Table::default();
    for lanes in &status.lanes {
        table.push(lanes.stage, format!("{lanes}, mapping {}", lanes.mapping.0.to_lowercase()));
    }
    text + &table.render()
}

fn run_text(run: &StatusRun) -> String {
    let places = places(run);
    let mut table = Table::default();
    for (place, count) in &places {
        table.push(place, count);
    }
    table.push("all entries", places.values().sum::<u64>());
    let mut text = heading(&format!("\nRun {}", run.run)) + &table.render();
    if run.places.contains_key(&TallyKey::Indeterminate) {
        text += "  Mails in doubt are settled by their provider's word, or count as unconfirmed after a day: `pulse settle` lists them.\n";
    }
    text
}

fn reputation_table(report: &ReputationReport) -> Table {
    let mut table = Table::default();
    for RecipientsLine { label, text, tone } in recipients_lines(report) {
        let text = style(text);
        table.push(
            label,
            match tone {
                Tone::Plain => text,
                Tone::Quiet => text.dim(),
                Tone::Good => text.green(),
                Tone::Doubtful => text.yellow(),
                Tone::Bad => text.red(),
            },
        );
    }
    table
}

fn stage_table(stage: &StageOverview, now: Timestamp) -> Table {
    let mut table = Table::default().row("is", condition(stage.condition));
    for line in stage_lines(stage, now) {
        let text = if line.is_alarming { style(line.text).red() } else { style(line.text) };
        table.push(line.label, text);
    }
    table
}

fn condition(condition: Condition) -> String {
    let word = style(condition.to_string());
    match condition {
        Condition::Running => word.green(),
        Condition::Broken => word.red(),
        Condition::Pausing | Condition::Paused | Condition::Resuming => word.yellow(),
    }
    .to_string()
}

fn queue_line(depth: &Depth) -> String {
    let line = depth.to_string();
    if depth.dead_letters && depth.waiting > 0 {
        return style(line).red().to_string();
    }
    line
}

#[cfg(test)]
mod tests;
