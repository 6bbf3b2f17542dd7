//! Whom the demonstration is about.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, Unit};
use pulse_app::App;
use pulse_aws::{clock::SystemClock, stack::Stack};
use pulse_core::{
    customer::{Contact, Customer, CustomerId, Standing, Zone},
    enrollment::Enrollment,
    ports::{Clock as _, LedgerReports as _, Tally},
    slot::Slot,
};
use pulse_local::workspace::Workspace;
use pulse_roster::{Findings, Input, RosterFile, RowError};

use super::options::Options;
use crate::output::Output;

/// Customers enrolled at once.
const AT_ONCE: usize = 16;

/// A schedule must have been there for this long before its minute comes, or MiniStack passes it over: it looks every
/// 10 seconds, and only arms a schedule when it first sees it.
const AHEAD: Duration = Duration::from_secs(15);

/// The customers of the roster, as many as were asked for, and what there is to say of the others.
pub(super) fn read(options: &Options, workspace: &Workspace, output: Output) -> Result<(Vec<Customer>, Findings)> {
    let path = options.roster.clone().unwrap_or_else(|| workspace.root().join("infra/roster.csv"));
    let input = Input::open(&path.to_string_lossy())?;
    let roster = RosterFile::open(input.reader, Zone::UTC, &options.format)
        .with_context(|| format!("The roster {} can't be used", path.display()))?;
    let (mut customers, mut findings) = (Vec::new(), Findings::default());
    for row in roster {
        match row {
            Ok((row, customer)) => {
                findings.take(&row);
                customers.push(customer);
            }
            Err(RowError::Bad(bad)) => {
                if findings.reject(&bad) {
                    output.remark(format!("Left out: {bad}"));
                }
            }
            Err(RowError::Unreadable(error)) => return Err(error.into()),
        }
    }
    if customers.is_empty() {
        bail!("The roster {} has no customer that can be enrolled.", path.display());
    }
    // Whom the shipped roster has without an address, is meant so.
    if options.roster.is_some() && !findings.text(None).is_empty() {
        output.remark(findings.text(None).trim_end());
    }
    match options.customers {
        None => Ok((customers, findings)),
        Some(many) => Ok((repeated(&customers, many as usize)?, findings)),
    }
}

/// The first `many`, and then the same again under other ids.
fn repeated(customers: &[Customer], many: usize) -> Result<Vec<Customer>> {
    let copies = customers.iter().cycle().take(many).enumerate();
    copies
        .map(|(n, customer)| match n / customers.len() {
            0 => Ok(customer.clone()),
            round => {
                Ok(Customer { id: CustomerId::parse(&format!("{}-{}", customer.id, round + 1))?, ..customer.clone() })
            }
        })
        .collect()
}

/// Customers on the roster of the local stack, whose schedules are about to fire.
pub(super) struct Demo {
    pub(super) customers: Vec<Customer>,
    /// What the ledger held before.
    pub(super) before: Tally,
}

impl Demo {
    /// Enrols them. Instead of their own slots they get the next minute that the emulator can make.
    pub(super) async fn enroll(stack: &Stack, app: &App, customers: Vec<Customer>) -> Result<Self> {
        let before = stack.ledger()?.tally(SystemClock.now()).await?;
        // By the application's ledger, which has other systems told of whom there is no mail for.
        let (ledger, schedules) = (&*app.ports.ledger, &*app.ports.schedules);
        let enrollment = Enrollment { ledger, schedules, clock: &SystemClock };
        let bar = ProgressBar::new(customers.len() as u64);
        bar.set_style(ProgressStyle::with_template("  enrolled  {bar:40} {pos}/{len}")?);
        let customers = stream::iter(customers)
            .map(async |mut customer: Customer| {
                customer.slot = Slot::at_minute_of(next_minute(SystemClock.now()));
                enrollment.enroll(&customer, SystemClock.now()).await?;
                bar.inc(1);
                anyhow::Ok(customer)
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        bar.finish_and_clear();
        Ok(Self { customers, before })
    }

    /// How long it is from `now` to when the last customer comes due, by the customers' own slots.
    pub(super) fn last_due_in(&self, now: Timestamp) -> Duration {
        // A slot that is due later today or never is next month's, whose customer has come due already.
        let soon = now.saturating_add(AHEAD + Duration::from_mins(2)).unwrap_or(now);
        let due = self.customers.iter().map(|customer| customer.slot.next_after(now)).filter(|due| *due <= soon);
        due.max().map_or(Duration::ZERO, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default())
    }

    /// Those who should get a mail.
    pub(super) fn to_be_mailed(&self) -> impl Iterator<Item = &Customer> {
        self.customers.iter().filter(|customer| {
            customer.standing == Standing::Active
                && !customer.consent.opted_out()
                && matches!(customer.contact, Contact::Email(_))
        })
    }

    /// Those who should have a schedule and an open entry.
    pub(super) fn active(&self) -> impl Iterator<Item = &Customer> {
        self.customers.iter().filter(|customer| customer.standing == Standing::Active)
    }
}

/// The first full minute that is far enough ahead.
fn next_minute(now: Timestamp) -> Timestamp {
    let ahead = now.saturating_add(AHEAD).unwrap_or(now);
    let minute = jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Ceil);
    ahead.round(minute).unwrap_or(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_fire_within_two_minutes_and_not_too_soon() {
        for (now, minute) in [
            ("2026-11-30T23:58:00Z", "2026-11-30T23:59:00Z"),
            ("2026-11-30T23:58:45Z", "2026-11-30T23:59:00Z"),
            ("2026-11-30T23:58:46Z", "2026-12-01T00:00:00Z"),
            ("2026-11-30T23:58:59.9Z", "2026-12-01T00:00:00Z"),
        ] {
            assert_eq!(next_minute(now.parse().unwrap()).to_string(), minute, "{now}");
        }
    }
}
