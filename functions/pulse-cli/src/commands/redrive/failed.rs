//! By the ledger, whether or not there is a letter.

use anyhow::Result;
use pulse_aws::stack::Stack;
use pulse_core::{
    entry::StageName,
    ports::{LedgerListing as _, TallyKey},
    replay::Replay,
    run::RunId,
};
use serde::Serialize;

use super::Options;
use crate::{exit::Exit, output::Output};

#[derive(Serialize)]
struct Outcome {
    dry_run: bool,
    queued: usize,
    failed: usize,
}

pub(super) async fn redrive(
    stack: &Stack,
    stage: StageName,
    run: RunId,
    options: &Options,
    output: Output,
) -> Result<Exit> {
    let ledger = stack.ledger()?;
    let outcome = if options.dry_run {
        let entries = ledger.closed_entries(run, TallyKey::Failed(stage), options.limit).await?;
        Outcome { dry_run: true, queued: entries.len(), failed: 0 }
    } else {
        let replay = Replay { listing: &ledger, queues: &stack.queues()? };
        let replayed = replay.failed(run, stage, options.limit).await?;
        Outcome { dry_run: false, queued: replayed.queued.len(), failed: replayed.failed.len() }
    };
    output.show(&outcome, || match outcome {
        Outcome { queued: 0, failed: 0, .. } => {
            format!("The {stage} stage gave nothing up in run {run}: there is nothing to redrive.\n")
        }
        Outcome { dry_run: true, queued, .. } => {
            format!("{queued} entries would be queued to the {stage} stage again.\n")
        }
        Outcome { queued, failed: 0, .. } => format!("{queued} entries are queued to the {stage} stage again.\n"),
        Outcome { queued, failed, .. } => {
            format!("{queued} entries are queued to the {stage} stage again; {failed} couldn't be: run it again.\n")
        }
    })?;
    Ok(if outcome.failed == 0 { Exit::Done } else { Exit::Failed })
}
