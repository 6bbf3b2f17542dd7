//! `pulse opt-out`.

use anyhow::Result;
use clap::Args;
use pulse_core::{control::Note, customer::CustomerId};

use crate::{exit::Exit, output::Output, target::Target};

/// What `pulse opt-out` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Whoever is opted out stays on the roster, and gets no mail from the next look of a stage on. No roster \
                        takes it back, whatever its column opted_out says: --undo does, once the customer asked for that.\n\n\
                        Example: pulse opt-out c-1042 --note \"asked by phone on 3 November\""
)]
pub struct Options {
    /// Ids of the customers who asked for no more mail.
    #[arg(required = true, value_name = "ID", value_parser = CustomerId::parse)]
    ids: Vec<CustomerId>,

    /// How it is known, for others to read: one line without an address.
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    note: Note,

    /// They asked for mail again.
    #[arg(long)]
    undo: bool,
}

/// Carries `pulse opt-out` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Options { ids, note, undo } = options;
    let outcomes = target.app().await?.opt_out(ids, !undo, &note).await?;
    output.show(&outcomes, || {
        let told = outcomes.iter().map(|outcome| match (outcome.is_known, undo) {
            (true, false) => format!("{} is opted out: no more mail.\n", outcome.customer),
            (true, true) => format!("{} is not opted out any more.\n", outcome.customer),
            (false, _) => format!("{} is not on the roster: nothing is kept.\n", outcome.customer),
        });
        told.collect()
    })?;
    let all = outcomes.iter().all(|outcome| outcome.is_known);
    Ok(if all { Exit::Done } else { Exit::Failed })
}
