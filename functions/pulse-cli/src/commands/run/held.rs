use anyhow::Result;
use clap::Args;
use pulse_app::App;
use pulse_core::{control::Note, run::RunId};

use super::{campaign, told};
use crate::{exit::Exit, output::Output};

/// What `pulse run resume` takes.
#[derive(Debug, Args)]
pub(super) struct ResumeOptions {
    /// The campaign's name.
    #[arg(value_name = "NAME", value_parser = campaign)]
    name: RunId,

    /// Why it may go on, for others to read.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Option<Note>,
}

pub(super) async fn pause(app: &App, run: RunId, note: &Note, output: Output) -> Result<Exit> {
    let campaign = app.pause_campaign(run, note).await.map_err(told)?;
    let text = || {
        format!(
            "Campaign {run} is paused: within seconds nothing more of it is begun, and what is under way ends as it would. \
             `pulse run resume {run}` has it go on where it is.\n"
        )
    };
    output.show(&campaign, text)?;
    Ok(Exit::Done)
}

pub(super) async fn resume(
    app: &App,
    ResumeOptions { name: run, note }: ResumeOptions,
    output: Output,
) -> Result<Exit> {
    let campaign = app.resume_campaign(run, note.as_ref()).await.map_err(told)?;
    output.show(&campaign, || {
        format!("Campaign {run} goes on where it was: `pulse run show {run}` says how far it is.\n")
    })?;
    Ok(Exit::Done)
}

pub(super) async fn cancel(app: &App, run: RunId, note: &Note, output: Output) -> Result<Exit> {
    let campaign = app.cancel_campaign(run, note).await.map_err(told)?;
    let text = || {
        format!(
            "Campaign {run} is being cancelled: what no worker has in hand is closed within minutes, and nothing of it is sent \
             again. `pulse run show {run}` says what came of it.\n"
        )
    };
    output.show(&campaign, text)?;
    Ok(Exit::Done)
}
