//! `pulse resume`.

use anyhow::Result;
use clap::Args;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    entry::StageName,
    pausing::{Pausing, PausingError, Resumed},
    tick::Keep,
};
use serde::Serialize;

use super::pause::{spinner, until_switched};
use crate::{exit::Exit, names, output::Output, target::Target};

/// What `pulse resume` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends a pause, however it was made, but for a reserved concurrency of 0, which raising it ends. \
                        A stage that is held because its provider is out of order flows again, and is held again if \
                        the provider still is."
)]
pub struct Options {
    /// Which stage.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: StageName,
}

#[derive(Serialize)]
struct Outcome {
    stage: StageName,
    flows: bool,
    was_held: bool,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found, or the stage can't be resumed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    let (ledger, stages) = (stack.ledger()?, stack.stages()?);
    let stage = options.stage;
    let keep = Keep {
        stages: &stages,
        controls: &ledger,
        outcomes: &ledger,
        clock: &SystemClock,
        // What was asked for doesn't hang on tick's own figures.
        policy: stack.breaker_policy().await.unwrap_or_default(),
    };
    let pausing = Pausing { keep };
    let resumed = match pausing.resume(stage).await {
        // It is written down, so tick would do it; waiting for the mapping does it sooner.
        Err(PausingError::Switch(_)) => Resumed::Flows,
        resumed => resumed?,
    };
    let flows = resumed.flows();
    if flows {
        let bar = spinner();
        until_switched(&pausing, stage, true, &bar).await?;
        bar.finish_and_clear();
    }
    output.show(&Outcome { stage, flows, was_held: resumed != Resumed::Already }, || told(stage, resumed) + "\n")?;
    Ok(if flows { Exit::Done } else { Exit::Failed })
}

/// What came of a resume, in words.
pub(super) fn told(stage: StageName, resumed: Resumed) -> String {
    match resumed {
        Resumed::Flows => format!("The {stage} stage flows again."),
        Resumed::Already => format!("Nothing held the {stage} stage: it flows."),
        Resumed::ReservedZero => format!(
            "The {stage} function's reserved concurrency is 0: raise it, to what the template says or by `pulse lanes`, \
             and tick lets the stage flow within a minute. Any other pause is over."
        ),
        Resumed::HeldAgain => format!("The {stage} stage is held again already: see `pulse status` for what holds it."),
    }
}
