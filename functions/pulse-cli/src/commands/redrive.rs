//! `pulse redrive`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use pulse_core::{entry::StageName, replay::Replay, run::RunId};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::Output,
    stack::{Stack, Target},
};

/// What `pulse redrive` takes.
#[derive(Debug, Args)]
#[command(after_help = "Goes by the ledger, so it finds what failed even if its message was purged or has expired. \
                        A message that is still in the dead-letter queue does no harm when it is redriven later.")]
pub struct Options {
    /// What the stage of this name gave up.
    #[arg(value_enum, value_name = "STAGE")]
    stage: StageOption,

    /// In this run.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    run: RunId,

    /// At most so many, by customer.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StageOption {
    /// Scoring.
    Score,
    /// Mailing.
    Email,
}

#[derive(Serialize)]
struct Outcome {
    queued: usize,
    failed: usize,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or listed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = Stack::find(target).await?;
    let ledger = stack.ledger()?;
    let (score_queue, email_queue) = (stack.queue(StageName::Score)?, stack.queue(StageName::Email)?);
    let replay = Replay { listing: &ledger, score_queue: &score_queue, email_queue: &email_queue };
    let stage = match options.stage {
        StageOption::Score => StageName::Score,
        StageOption::Email => StageName::Email,
    };
    let replayed = replay.failed(options.run, stage, options.limit).await?;
    let outcome = Outcome { queued: replayed.queued.len(), failed: replayed.failed.len() };
    output.show(&outcome, || match outcome {
        Outcome { queued: 0, failed: 0 } => {
            format!("The {stage} stage gave nothing up in run {}: there is nothing to redrive.\n", options.run)
        }
        Outcome { queued, failed: 0 } => format!("{queued} entries are queued to the {stage} stage again.\n"),
        Outcome { queued, failed } => {
            format!("{queued} entries are queued to the {stage} stage again; {failed} couldn't be: run it again.\n")
        }
    })?;
    Ok(if outcome.failed == 0 { Exit::Done } else { Exit::Failed })
}
