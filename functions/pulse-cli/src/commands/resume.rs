//! `pulse resume`.

use anyhow::Result;
use clap::Args;
use pulse_app::Until;
use pulse_core::{control::Note, entry::StageName, pausing::Resumed};

use super::pause::watched;
use crate::{exit::Exit, names, output::Output, target::Target};

/// What `pulse resume` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends a pause, however it was made, but for a reserved concurrency of 0, which raising it ends. \
                        A stage that is held because its provider is out of order flows again, and is held again if \
                        the provider still is."
)]
pub struct Options {
    /// The stage concerned.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: StageName,
    /// Why it may go on, for others to read. A stage that is held for bad reputation takes one.
    #[arg(long, value_parser = Note::parse)]
    note: Option<Note>,
}

/// Carries `pulse resume` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or the stage can't be resumed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app_of(None).await?;
    let Options { stage, note } = options;
    let report = watched(stage, async |watch| app.resume(stage, note.as_ref(), Until::Switched, watch).await).await?;
    output.show(&report, || told(stage, report.resumed) + "\n")?;
    Ok(if report.flows { Exit::Done } else { Exit::Failed })
}

/// What came of a resume, in words.
pub(super) fn told(stage: StageName, resumed: Resumed) -> String {
    match resumed {
        Resumed::Flows => format!("The {stage} stage flows again."),
        Resumed::Already => format!("Nothing held the {stage} stage: it flows."),
        Resumed::ReservedZero => format!(
            "The {stage} function's reserved concurrency is 0: raise it to the mapping's number of invocations, which \
             `pulse lanes` shows, or remove it where the stack reserves none, and tick lets the stage flow within a minute. Any other pause is over."
        ),
        Resumed::HeldAgain => format!("The {stage} stage is held again already: see `pulse status` for what holds it."),
    }
}
