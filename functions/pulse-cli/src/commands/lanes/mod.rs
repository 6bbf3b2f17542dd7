//! `pulse lanes`.

mod text;

use anyhow::Result;
use clap::Args;
use pulse_app::{App, LaneOrder, LaneOrderError};
use pulse_core::entry::StageName;

use crate::{exit::Exit, names, output::Output, target::Target, text::advised};

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

/// Carries `pulse lanes` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, read or changed, or there can't be so many lanes.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app_of(None).await?;
    match (options.stage, options.lanes) {
        (Some(stage), Some(lanes)) => {
            let Options { in_flight, dry_run, .. } = options;
            set(&app, LaneOrder { stage, lanes, in_flight, dry_run }, output).await
        }
        (Some(stage), None) => show(&app, &[stage], output).await,
        (None, _) => show(&app, &app.ports.stages.deployed().iter().collect::<Vec<_>>(), output).await,
    }
}

async fn show(app: &App, stages: &[StageName], output: Output) -> Result<Exit> {
    let shown = app.lanes(stages).await?;
    output.show(&shown, || text::shown(&shown))?;
    Ok(Exit::Done)
}

async fn set(app: &App, order: LaneOrder, output: Output) -> Result<Exit> {
    let report = app.set_lanes(order, &mut |step| output.remark(text::step(order.stage, step))).await;
    let report = report.map_err(|error| match &error {
        LaneOrderError::ChangedMeanwhile(_) | LaneOrderError::LeavesOut { .. } => {
            advised(&error, error.advice().as_ref())
        }
        LaneOrderError::Change(_) | LaneOrderError::Ledger(_) => error.into(),
    })?;
    output.show(&report, || text::set(&report))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
