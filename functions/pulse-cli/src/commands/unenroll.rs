//! `pulse unenroll`.

use anyhow::Result;
use clap::Args;
use pulse_core::customer::CustomerId;

use crate::{exit::Exit, output::Output, target::Target};

/// What `pulse unenroll` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// Ids of the customers who leave.
    #[arg(required = true, value_name = "ID", value_parser = CustomerId::parse)]
    ids: Vec<CustomerId>,
}

/// Carries `pulse unenroll` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let outcomes = target.app().await?.unenroll(options.ids).await?;
    output.show(&outcomes, || {
        outcomes
            .iter()
            .map(|outcome| {
                if outcome.unenrolled {
                    format!("{} is off the roster: no schedule, no open entry.\n", outcome.customer)
                } else {
                    format!("{} is not on the roster.\n", outcome.customer)
                }
            })
            .collect()
    })?;
    let all = outcomes.iter().all(|outcome| outcome.unenrolled);
    Ok(if all { Exit::Done } else { Exit::Failed })
}
