//! `pulse customer`.

use anyhow::Result;
use clap::Args;
use pulse_app::{
    CustomerReport,
    words::{Sheet, Suppressed},
};
use pulse_core::{customer::CustomerId, entry::Entry};

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
    text::advised,
};

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
        told(&sheet, entries)
    })?;
    Ok(Exit::Done)
}

/// The sheet as text: who it is, the months, and what was noted.
pub(super) fn told(sheet: &Sheet<'_>, entries: &[Entry]) -> String {
    let mut text = heading(&format!("Customer {}", sheet.profile.id)) + &Table::of(sheet.profile()).render();
    for entry in entries {
        text += &heading(&format!("\nRun {}", entry.id().within()));
        text += &Table::of(sheet.entry(entry)).render();
    }
    let notes = sheet.notes();
    if !notes.is_empty() {
        text += &heading("\nNotes");
        text += &Table::of(notes).render();
    }
    text
}
