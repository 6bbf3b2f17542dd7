//! `pulse enroll`.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use pulse_aws::{clock::SystemClock, stack::Stack};
use pulse_core::{
    customer::{Customer, CustomerId},
    enrollment::{Enrolled, Enrollment},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    lookup,
    output::{Output, Table},
    roster_file::{Rejects, RosterFile, RowError},
    target::Target,
};

/// Customers enrolled at once. `CreateSchedule` takes 1,000 a second or more (`EventBridge` Scheduler
/// User Guide, "Quotas"); a customer takes some 30 ms.
const AT_ONCE: usize = 25;

/// What `pulse enroll` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// A roster file (CSV; `-` for standard input), or the id of a customer who is on the roster
    /// already, whose schedule and open entry are then brought in line with the profile.
    #[arg(value_name = "FILE|ID")]
    what: String,

    /// Where rejected rows go [default: beside the roster, as NAME.rejects.csv].
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    new: u64,
    changed: u64,
    unchanged: u64,
    closed: u64,
    rejected: u64,
    rejects_file: Option<PathBuf>,
}

impl Report {
    fn count(&mut self, enrolled: Enrolled) {
        *match enrolled {
            Enrolled::New => &mut self.new,
            Enrolled::Changed => &mut self.changed,
            Enrolled::Unchanged => &mut self.unchanged,
            Enrolled::Closed => &mut self.closed,
        } += 1;
    }

    fn text(&self) -> String {
        let mut table = Table::default();
        for (name, count) in [
            ("new", self.new),
            ("changed", self.changed),
            ("unchanged", self.unchanged),
            ("closed", self.closed),
            ("rejected", self.rejected),
        ] {
            table.push(name, count);
        }
        if let Some(path) = &self.rejects_file {
            table.push("rejects", format!("{} (mend them and enrol that file)", path.display()));
        }
        table.render()
    }
}

/// Runs it.
///
/// # Errors
/// When the stack or the roster can't be found or used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let path = Path::new(&options.what);
    let is_file = options.what == "-" || path.is_file();
    if !is_file && CustomerId::parse(&options.what).is_err() {
        bail!("There is no file {}, and it is no customer's id either.", options.what);
    }
    let stack = target.find().await?;
    let report = if is_file {
        enroll_file(&stack, path, options.rejects, output).await?
    } else {
        enroll_one(&stack, &options.what).await?
    };
    output.show(&report, || report.text())?;
    Ok(if report.rejected > 0 { Exit::SomeRejected } else { Exit::Done })
}

async fn enroll_one(stack: &Stack, id: &str) -> Result<Report> {
    let customer = lookup::customer(stack, id).await?;
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let enrollment = Enrollment { ledger: &ledger, schedules: &schedules, clock: &SystemClock };
    let mut report = Report::default();
    report.count(enrollment.enroll(&customer).await?);
    Ok(report)
}

async fn enroll_file(stack: &Stack, path: &Path, rejects: Option<PathBuf>, output: Output) -> Result<Report> {
    let (reader, default_rejects): (Box<dyn Read>, PathBuf) = if path == Path::new("-") {
        (Box::new(io::stdin()), PathBuf::from("rejects.csv"))
    } else {
        let file = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
        (Box::new(file), Rejects::path_beside(path))
    };
    let roster = RosterFile::open(reader, stack.default_zone()?)
        .with_context(|| format!("The roster {} can't be used", path.display()))?;
    let mut rejects = Rejects::new(rejects.unwrap_or(default_rejects), roster.header());
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let enrollment = Enrollment { ledger: &ledger, schedules: &schedules, clock: &SystemClock };

    let bar = progress_bar();
    let mut unreadable = None;
    let good = roster.filter_map(|row| match row {
        Ok((_, customer)) => Some(Ok(customer)),
        Err(RowError::Bad(bad)) => {
            bar.suspend(|| output.remark(&bad));
            rejects
                .write(&bad)
                .err()
                .map(|error| Err(anyhow::Error::new(error).context("The rejects can't be written")))
        }
        Err(RowError::Unreadable(error)) => {
            // What was read so far is enrolled first.
            unreadable = Some(error);
            None
        }
    });
    let report = enroll_all(&enrollment, good, &bar).await;
    bar.finish_and_clear();
    let rejected = rejects.finish().context("The rejects can't be written")?;
    let mut report = report?;
    if let Some((path, rows)) = rejected {
        report.rejected = rows;
        report.rejects_file = Some(path);
    }
    match unreadable {
        None => Ok(report),
        Some(error) => {
            output.remark(report.text());
            Err(anyhow::Error::new(error).context("The rows before were enrolled; the rest was not"))
        }
    }
}

async fn enroll_all(
    enrollment: &Enrollment<'_>,
    customers: impl Iterator<Item = Result<Customer>>,
    bar: &ProgressBar,
) -> Result<Report> {
    let mut enrolled = stream::iter(customers)
        .map(async |customer| {
            let customer = customer?;
            let done = enrollment.enroll(&customer).await;
            done.with_context(|| format!("Customer {} couldn't be enrolled; enrol the file again", customer.id))
        })
        .buffer_unordered(AT_ONCE);
    let mut report = Report::default();
    while let Some(done) = enrolled.try_next().await? {
        report.count(done);
        bar.inc(1);
    }
    Ok(report)
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} enrolled {pos} customers, {per_sec}") {
        bar.set_style(style);
    }
    if io::stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}
