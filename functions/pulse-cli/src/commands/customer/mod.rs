//! `pulse customer`.

mod sheet;

use anyhow::Result;
use clap::Args;
use pulse_app::CustomerReport;
use pulse_core::customer::CustomerId;

use crate::{exit::Exit, output::Output, target::Target, text::advised};

pub(super) use sheet::{Sheet, Suppressed};

/// What `pulse customer` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "ID")]
    id: String,
}

/// Carries `pulse customer` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, or has no such customer.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let id = CustomerId::parse(&options.id)?;
    let report = app.customer(&id).await.map_err(|error| advised(&error, error.advice().as_ref()))?;
    output.show(&report, || {
        let CustomerReport { profile, schedule, entries, activities, at } = &report;
        let sheet =
            Sheet { profile, schedule: schedule.as_ref(), activities, suppressed: Suppressed::NotAsked, now: *at };
        entries.iter().fold(sheet.profile(), |text, entry| text + &sheet.entry(entry)) + &sheet.notes()
    })?;
    Ok(Exit::Done)
}
