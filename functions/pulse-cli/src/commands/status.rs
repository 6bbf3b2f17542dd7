//! `pulse status`.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use console::style;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    entry::StageName,
    ports::{Clock as _, LedgerReports as _, RosterCount, Tally, TallyKey},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    stack::{Depth, Lanes, Stack, Target, depths},
};

/// What `pulse status` takes.
#[derive(Debug, Args)]
pub struct Options {}

#[derive(Serialize)]
struct Status {
    roster: RosterCount,
    runs: BTreeMap<String, BTreeMap<String, u64>>,
    queues: Vec<Depth>,
    lanes: Vec<Lanes>,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or read.
pub async fn run(_: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = Stack::find(target).await?;
    let ledger = stack.ledger()?;
    let (tally, roster) = tokio::try_join!(ledger.tally(SystemClock.now()), ledger.roster())?;
    let (queues, score, email) =
        tokio::try_join!(depths(&stack), Lanes::of(&stack, StageName::Score), Lanes::of(&stack, StageName::Email))?;
    let status = Status { roster, runs: by_run(&tally), queues, lanes: vec![score, email] };
    output.show(&status, || text(&status))?;
    Ok(Exit::Done)
}

/// What people call a place of the tally.
#[must_use]
pub fn place(key: TallyKey) -> String {
    match key {
        TallyKey::NotDue => "scheduled".into(),
        TallyKey::ToScore => "due, to be scored".into(),
        TallyKey::ToEmail => "scored, to be mailed".into(),
        TallyKey::Sent => "sent".into(),
        TallyKey::Skipped(reason) => format!("skipped: {reason}"),
        TallyKey::Failed(stage) => format!("failed: {stage}"),
        TallyKey::Unknown => "of unknown fate".into(),
    }
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
        if places.contains_key(&place(TallyKey::Unknown)) {
            text += "  `pulse settle` lists the mails of unknown fate, and what to do about them.\n";
        }
    }
    text += &heading("\nQueues");
    let mut table = Table::default();
    for depth in &status.queues {
        table.push(depth.queue, queue_line(depth));
    }
    text += &table.render();
    text += &heading("\nLanes");
    let mut table = Table::default();
    for lanes in &status.lanes {
        table.push(lanes.stage, lanes_line(lanes));
    }
    text + &table.render()
}

fn queue_line(depth: &Depth) -> String {
    let line = format!("{} waiting, {} in flight", depth.waiting, depth.in_flight);
    if depth.dead_letters && depth.waiting > 0 {
        return style(line).red().to_string();
    }
    line
}

fn lanes_line(lanes: &Lanes) -> String {
    let reserved = match lanes.reserved_concurrency {
        Some(reserved) => format!("reserved concurrency {reserved}"),
        None => "no reserved concurrency".into(),
    };
    format!(
        "{} = {} invocations x {} calls ({reserved}), mapping {}",
        lanes.count(),
        lanes.maximum_concurrency,
        lanes.in_flight,
        lanes.mapping.0.to_lowercase()
    )
}
