//! `pulse enroll`.

#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    fmt::Write as _,
    io::{self, IsTerminal as _},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::{App, Counts};
use pulse_core::customer::CustomerId;
use serde::Serialize;

use crate::{
    exit::Exit,
    interruption::Asked,
    output::{Output, Table},
    roster_file::{
        BadRow, Findings, Input, RejectedFor, Rejects, RejectsPlace, RosterFile, RosterFormat, Row, RowError,
        WithoutUsableAddress, rows,
    },
    target::Target,
    text::advised,
};

/// What `pulse enroll` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// A roster file (CSV; a named pipe too, or `-` for standard input), or the id of a customer who is on the roster
    /// already, whose schedule and open entry are then brought in line with the profile.
    #[arg(value_name = "FILE|ID")]
    what: String,

    /// Where rejected rows go [default: beside the roster, as NAME.rejects.csv, or with a number if that is there].
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// Replace the file that --rejects names, if there is one, instead of writing another with a number.
    #[arg(long, requires = "rejects")]
    force: bool,

    #[command(flatten)]
    format: RosterFormat,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    #[serde(flatten)]
    enrolled: Counts,
    rejected: u64,
    rejects_file: Option<PathBuf>,
    rejected_for: Vec<RejectedFor>,
    without_usable_address: WithoutUsableAddress,
    /// The last line that was taken, where somebody asked for the end.
    stopped_after_line: Option<u64>,
}

impl Report {
    fn text(&self) -> String {
        let mut table = Table::default();
        for (name, count) in [
            ("new", self.enrolled.new),
            ("changed", self.enrolled.changed),
            ("unchanged", self.enrolled.unchanged),
            ("closed", self.enrolled.closed),
            ("rejected", self.rejected),
        ] {
            table.push(name, count);
        }
        if self.without_usable_address.count > 0 {
            table.push("without a usable address", self.without_usable_address.count);
        }
        if let Some(path) = &self.rejects_file {
            table.push("rejects", format!("{} (mend them and enrol that file)", path.display()));
        }
        table.render()
    }
}

/// Carries `pulse enroll` out, and writes what came of it.
///
/// # Errors
/// When the stack or the roster can't be found or used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    if !Input::is_meant_by(&options.what) {
        return enroll_one(&options.what, target, output).await;
    }
    let input = Input::open(&options.what)?;
    let place = RejectsPlace::choose(options.rejects.as_deref(), options.force, &input)?;
    let app = target.app().await?;
    let done = enroll_file(&app, input, place, &options.format, Asked::listen()?, output).await?;
    output.show(&done.report, || done.report.text())?;
    if !done.remarks.is_empty() {
        output.remark(done.remarks.trim_end());
    }
    done.ended
}

async fn enroll_one(id: &str, target: &Target, output: Output) -> Result<Exit> {
    let Ok(customer) = CustomerId::parse(id) else {
        bail!("There is no file {id}, and it is no customer's id either.");
    };
    let enrolled = target.app().await?.enroll_again(&customer).await;
    let enrolled = enrolled.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let report = Report { enrolled, ..Report::default() };
    output.show(&report, || report.text())?;
    Ok(Exit::Done)
}

/// What came of a roster file.
struct Enrolment {
    report: Report,
    /// What a person should know beside the report.
    remarks: String,
    ended: Result<Exit>,
}

async fn enroll_file(
    app: &App,
    input: Input,
    place: RejectsPlace,
    format: &RosterFormat,
    asked: Asked,
    output: Output,
) -> Result<Enrolment> {
    let name = input.name;
    let roster = RosterFile::open(input.reader, app.settings.zone()?, format)
        .with_context(|| format!("The roster {name} can't be used"))?;
    let rejects = RefCell::new(Rejects::new(place, roster.layout()));
    let findings = RefCell::new(Findings::default());
    let bar = progress_bar();
    let (mut unreadable, last_line) = (None, Cell::new(1));
    let reject = |bad: &BadRow| {
        let is_kept = rejects.borrow_mut().write(bad);
        if findings.borrow_mut().reject(bad) || !is_kept {
            bar.suspend(|| output.remark(bad));
        }
    };
    // What was read so far is enrolled first.
    let good = rows(roster, || asked.to_end()).map_while(|row| match row {
        Ok((row, customer)) => {
            last_line.set(row.line);
            Some(Some((row, customer)))
        }
        Err(RowError::Bad(bad)) => {
            last_line.set(bad.line);
            reject(&bad);
            Some(None)
        }
        Err(RowError::Unreadable(error)) => {
            unreadable = Some(error);
            None
        }
    });
    let enrolled = app
        .enroll(good.flatten(), &mut |row: Row, refused| match refused {
            None => {
                findings.borrow_mut().take(&row);
                bar.inc(1);
            }
            Some(cause) => reject(&row.refused(cause)),
        })
        .await;
    bar.finish_and_clear();
    let (kept, findings) = (rejects.into_inner().finish(), findings.into_inner());
    let enrolled = enrolled.inspect_err(|_| {
        if let Some(path) = &kept.path {
            output.remark(format!("The rows that were rejected so far are in {}.", path.display()));
        }
    })?;
    let mut remarks = findings.text(kept.path.as_deref());
    if let Some(earlier) = &kept.earlier {
        let _ = writeln!(remarks, "{} was there before, and stays as it is.", earlier.display());
    }
    let stopped_after_line = asked.to_end().then(|| last_line.get());
    if let Some(line) = stopped_after_line {
        let advice = "Run it again to go on: who is enrolled already is passed over quickly.";
        let _ = writeln!(remarks, "Stopped after line {line}. {advice}");
    }
    let rejected = findings.rejected();
    let ended = match (kept.error, unreadable) {
        (Some(error), _) => Err(error.context(format!(
            "The good rows were enrolled, but not all of the {rejected} rejected ones could be kept; those are told above, by line"
        ))),
        (None, Some(error)) => {
            Err(anyhow::Error::new(error).context("The rows before were enrolled; the rest was not"))
        }
        (None, None) if stopped_after_line.is_some() => Ok(Exit::Interrupted),
        (None, None) => Ok(if rejected > 0 { Exit::SomeRejected } else { Exit::Done }),
    };
    let report = Report {
        enrolled,
        rejected,
        rejects_file: kept.path,
        rejected_for: findings.rejected_for(),
        without_usable_address: findings.without_usable_address(),
        stopped_after_line,
    };
    Ok(Enrolment { report, remarks, ended })
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
