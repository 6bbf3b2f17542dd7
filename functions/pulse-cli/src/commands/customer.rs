//! `pulse customer`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use jiff::Timestamp;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{Contact, Customer, Standing, Zone},
    entry::{Entry, Queueing, State},
    ports::{Activity, Clock as _, Ledger as _, LedgerReports as _, MonthlySchedule, Schedules as _},
    slot::Slot,
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    stack::{Stack, Target},
};

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
    let stack = Stack::find(target).await?;
    let profile = stack.customer(&options.id).await?;
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let (entries, activities) = tokio::try_join!(ledger.entries(&profile.id), ledger.activities(&profile.id))?;
    let schedule = schedules.get(&profile.id).await?;
    let story = Story { schedule: schedule.map(|MonthlySchedule { slot, .. }| slot), profile, entries, activities };
    output.show(&story, || text(&story, SystemClock.now()))?;
    Ok(Exit::Done)
}

fn text(story: &Story, now: Timestamp) -> String {
    let customer = &story.profile;
    let mut text = heading(&format!("Customer {}", customer.id));
    text += &Table::default()
        .row("name", customer.name.expose())
        .row("email", address(&customer.contact))
        .row("product", customer.product)
        .row("standing", standing(customer))
        .row("signed up", local(customer.signed_up_at, &customer.zone))
        .row("time zone", &customer.zone)
        .row("slot", slot(&customer.slot))
        .row("schedule", schedule(story, now))
        .render();
    for entry in &story.entries {
        let _ = write!(text, "\n{}", heading(&format!("Run {}", entry.id().run)));
        text += &entry_table(entry, &customer.zone).render();
    }
    if !story.activities.is_empty() {
        text += &heading("\nNotes");
        for activity in &story.activities {
            let _ = writeln!(text, "  {}  {}", local(activity.at, &customer.zone), activity.what);
        }
    }
    text
}

fn address(contact: &Contact) -> &str {
    match contact {
        Contact::Email(address) => address.expose(),
        Contact::Unusable => "none that can be mailed",
    }
}

fn standing(customer: &Customer) -> &'static str {
    match (customer.standing, customer.opted_out) {
        (Standing::Closed, _) => "closed",
        (Standing::Active, true) => "active, opted out of mail",
        (Standing::Active, false) => "active",
    }
}

fn slot(slot: &Slot) -> String {
    format!("day {} at {:02}:{:02} {}", slot.day(), slot.hour(), slot.minute(), slot.zone())
}

fn schedule(story: &Story, now: Timestamp) -> String {
    match (&story.schedule, story.profile.standing) {
        (Some(live), Standing::Active) if *live == story.profile.slot => {
            format!("live, next at {}", local(live.next_after(now), &story.profile.zone))
        }
        (Some(live), _) => format!("wrong: {}. `pulse enroll {}` mends it.", slot(live), story.profile.id),
        (None, Standing::Closed) => "none".into(),
        (None, Standing::Active) => format!("missing: `pulse enroll {}` mends it.", story.profile.id),
    }
}

fn entry_table(entry: &Entry, zone: &Zone) -> Table {
    let mut table =
        Table::default().row("state", entry.state().name()).row("scheduled", local(entry.scheduled_at(), zone));
    match entry.state() {
        State::Scheduled | State::Scored { .. } => table.push("due", local(entry.due(), zone)),
        State::Scoring { lease_until } | State::Sending { lease_until, .. } => {
            table.push("claimed until", local(*lease_until, zone));
        }
        State::Sent { provider_id, at, .. } => {
            table.push("sent", local(*at, zone));
            table.push("provider's id", provider_id);
        }
        State::Skipped { reason, at } => {
            table.push("reason", reason);
            table.push("skipped", local(*at, zone));
        }
        State::Failed { stage, cause, at, .. } => {
            table.push("failed", format!("{} in the {stage} stage", local(*at, zone)));
            table.push("cause", cause);
        }
        State::Unknown { cause, at, .. } => {
            table.push("since", local(*at, zone));
            table.push("cause", cause);
        }
    }
    match entry.queueing() {
        _ if !entry.is_open() => {}
        Queueing::Expected => {}
        Queueing::Repeated { at } => table.push("queued again", format!("{}: its message was lost", local(at, zone))),
        Queueing::Deferred => table.push("put off", format!("until {}", local(entry.due(), zone))),
    }
    if let Some(since) = entry.in_doubt_since().filter(|_| !matches!(entry.state(), State::Sending { .. })) {
        table.push(
            "in doubt",
            format!("since {}: the provider may have the mail, it is asked first", local(since, zone)),
        );
    }
    if let Some(score) = entry.state().score() {
        let line = format!("{} ({}), as of {}", score.value.expose(), score.band.expose(), local(score.as_of, zone));
        table.push("score", line);
    }
    if let Some(trouble) = entry.trouble() {
        table.push("last trouble", format!("{} at {}", trouble.cause, local(trouble.at, zone)));
    }
    if entry.claims() > 0 {
        table.push("claims", entry.claims());
    }
    table
}

fn local(moment: Timestamp, zone: &Zone) -> String {
    let zoned = moment.to_zoned(zone.rules().clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
