//! `pulse simulate`: a month of many customers, or many months of faults, or a game day.

mod game;
mod month;
mod options;
mod seeds;
mod text;

use anyhow::Result;

use crate::{exit::Exit, output::Output};
pub use options::Options;

/// Carries `pulse simulate` out, and writes what came of it.
///
/// # Errors
/// When the report can't be written.
pub async fn run(options: Options, output: Output) -> Result<Exit> {
    if options.console {
        return game::run(options, output).await;
    }
    // It computes for a minute: the runtime's threads are for those who wait.
    tokio::task::spawn_blocking(move || {
        if options.is_about_seeds() { seeds::run(&options, output) } else { month::run(&options, output) }
    })
    .await?
}
