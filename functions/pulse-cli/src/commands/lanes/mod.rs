//! `pulse lanes`.

mod text;

use anyhow::{Result, bail};
use clap::Args;
use futures::future::try_join_all;
use pulse_aws::stack::Stack;
use pulse_core::{
    entry::StageName,
    lanes::{LaneChange, LaneSettings, Lanes, Step},
    ports::LaneControl as _,
};
use serde::Serialize;

use crate::{exit::Exit, names, output::Output, target::Target};

/// What `pulse lanes` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Lanes are the calls that a stage's provider sees at once: invocations at once x calls in flight \
                        of each.\nRaising goes from the reservation to the mapping, lowering the other way, so nothing \
                        is throttled on the way\nand there are never more lanes than before or after."
)]
pub struct Options {
    /// Of this stage. Both are shown without it.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: Option<StageName>,

    /// How many there are to be. They are shown without it.
    #[arg(value_name = "LANES", requires = "stage")]
    lanes: Option<u32>,

    /// Calls that each invocation is to keep in flight.
    #[arg(long, value_name = "N", requires = "lanes")]
    in_flight: Option<u32>,

    /// Only says what would be done.
    #[arg(long, requires = "lanes")]
    dry_run: bool,
}

#[derive(Serialize)]
struct Shown {
    stage: StageName,
    lanes: u32,
    #[serde(flatten)]
    settings: LaneSettings,
}

#[derive(Serialize)]
struct Set {
    stage: StageName,
    asked_for: u32,
    lanes: Lanes,
    before: LaneSettings,
    steps: Vec<Step>,
    dry_run: bool,
    /// What keeps the lanes over the next deployment.
    parameter_overrides: String,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found, read or changed, or there can't be so many lanes.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    match (options.stage, options.lanes) {
        (Some(stage), Some(count)) => set(&stack, stage, count, &options, output).await,
        (Some(stage), None) => show(&stack, &[stage], output).await,
        (None, _) => show(&stack, StageName::ALL, output).await,
    }
}

async fn show(stack: &Stack, stages: &[StageName], output: Output) -> Result<Exit> {
    let control = stack.lane_control()?;
    let shown = try_join_all(stages.iter().map(async |&stage| {
        let settings = control.settings(stage).await?;
        anyhow::Ok(Shown { stage, lanes: settings.lanes(), settings })
    }));
    let shown = shown.await?;
    output.show(&shown, || text::shown(&shown))?;
    Ok(Exit::Done)
}

async fn set(stack: &Stack, stage: StageName, count: u32, options: &Options, output: Output) -> Result<Exit> {
    let control = stack.lane_control()?;
    let change = LaneChange { control: &control };
    let plan = change.plan(stage, count, options.in_flight).await?;
    if !options.dry_run {
        change.carry_out(stage, &plan, &mut |step| output.remark(text::step(stage, step))).await?;
        let now = control.settings(stage).await?;
        if (now.maximum_concurrency, now.in_flight) != (plan.lanes.maximum_concurrency(), plan.lanes.in_flight()) {
            bail!("Somebody else has changed the {stage} stage's lanes meanwhile: look at them with `pulse lanes`.");
        }
    }
    let set = Set {
        stage,
        asked_for: count,
        lanes: plan.lanes,
        before: plan.before,
        steps: plan.steps,
        dry_run: options.dry_run,
        parameter_overrides: text::overrides(stage, plan.lanes),
    };
    output.show(&set, || text::set(&set))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &[&str]) -> Result<Options, String> {
        let line = Line::try_parse_from([&["lanes"], line].concat());
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn lanes_are_shown_or_set_by_stage() {
        assert!(parse(&[]).is_ok() && parse(&["score"]).is_ok());
        let options = parse(&["email", "20", "--in-flight", "5", "--dry-run"]).unwrap();
        assert_eq!((options.stage, options.lanes, options.in_flight), (Some(StageName::Email), Some(20), Some(5)));
        for bad in [&["20"][..], &["score", "--in-flight", "4"], &["score", "--dry-run"], &["score", "-1"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
