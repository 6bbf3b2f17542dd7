//! `pulse customer`.

mod sheet;

use anyhow::Result;
use clap::Args;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::Customer,
    entry::Entry,
    ports::{Activity, Clock as _, Ledger as _, LedgerReports as _, MonthlySchedule, Schedules as _},
    slot::Slot,
};
use serde::Serialize;

use crate::{exit::Exit, lookup, output::Output, target::Target};

pub(super) use sheet::Sheet;

/// What `pulse customer` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Serialize)]
struct Story {
    profile: Customer,
    schedule: Option<Slot>,
    entries: Vec<Entry>,
    activities: Vec<Activity>,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or read, or has no such customer.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    let profile = lookup::customer(&stack, &options.id).await?;
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let (entries, activities) = tokio::try_join!(ledger.entries(&profile.id), ledger.activities(&profile.id))?;
    let schedule = schedules.get(&profile.id).await?;
    let story = Story { schedule: schedule.map(|MonthlySchedule { slot, .. }| slot), profile, entries, activities };
    output.show(&story, || {
        let Story { profile, schedule, entries, activities } = &story;
        let sheet = Sheet { profile, schedule: schedule.as_ref(), activities, now: SystemClock.now() };
        entries.iter().fold(sheet.profile(), |text, entry| text + &sheet.entry(entry)) + &sheet.notes()
    })?;
    Ok(Exit::Done)
}
