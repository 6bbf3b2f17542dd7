//! `pulse status`.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use console::style;
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    stack::{depths, overview},
};
use pulse_core::{
    entry::StageName,
    overview::{Condition, StageOverview},
    ports::{Clock as _, Depth, LedgerReports as _, RosterCount, StageLanes, Tally, TallyKey},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    places::place,
    stage_lines::stage_lines,
    target::Target,
};

/// What `pulse status` takes.
#[derive(Debug, Args)]
pub struct Options {}

#[derive(Serialize)]
struct Status {
    roster: RosterCount,
    runs: BTreeMap<String, BTreeMap<String, u64>>,
    stages: Vec<StageOverview>,
    queues: Vec<Depth>,
    lanes: Vec<StageLanes>,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or read.
pub async fn run(_: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    let ledger = stack.ledger()?;
    let (tally, roster) = tokio::try_join!(ledger.tally(SystemClock.now()), ledger.roster())?;
    let lanes = try_join_all(StageName::ALL.iter().map(|stage| stack.lanes(*stage)));
    let (stages, queues, lanes) = tokio::try_join!(overview(&stack), depths(&stack), lanes)?;
    let status = Status { roster, runs: by_run(&tally), stages, queues, lanes };
    output.show(&status, || text(&status))?;
    Ok(Exit::Done)
}

fn by_run(tally: &Tally) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut runs: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for ((run, key), count) in &tally.0 {
        runs.entry(run.to_string()).or_default().insert(place(*key), *count);
    }
    runs
}

fn text(status: &Status) -> String {
    let mut text = heading("Roster");
    text += &Table::default().row("active", status.roster.active).row("closed", status.roster.closed).render();
    for (run, places) in &status.runs {
        text += &heading(&format!("\nRun {run}"));
        let mut table = Table::default();
        for (place, count) in places {
            table.push(place, count);
        }
        table.push("all entries", places.values().sum::<u64>());
        text += &table.render();
        if places.contains_key(&place(TallyKey::Indeterminate)) {
            text += "  `pulse settle` lists the mails of unknown fate, and what to do about them.\n";
        }
    }
    for stage in &status.stages {
        text += &heading(&format!("\nStage {}", stage.stage));
        text += &stage_table(stage, SystemClock.now()).render();
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
