//! `pulse enroll`.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::{Path, PathBuf},
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
    output::{Output, Table},
    roster_file::{BadRow, Rejects, RosterFile, Row, RowError},
    target::Target,
    text::advised,
};

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
    #[serde(flatten)]
    enrolled: Counts,
    rejected: u64,
    rejects_file: Option<PathBuf>,
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
    let path = Path::new(&options.what);
    let is_file = options.what == "-" || path.is_file();
    if !is_file && CustomerId::parse(&options.what).is_err() {
        bail!("There is no file {}, and it is no customer's id either.", options.what);
    }
    let app = target.app().await?;
    let report = if is_file {
        enroll_file(&app, path, options.rejects, output).await?
    } else {
        enroll_one(&app, &options.what).await?
    };
    output.show(&report, || report.text())?;
    Ok(if report.rejected > 0 { Exit::SomeRejected } else { Exit::Done })
}

async fn enroll_one(app: &App, id: &str) -> Result<Report> {
    let enrolled = app.enroll_again(&CustomerId::parse(id)?).await;
    let enrolled = enrolled.map_err(|error| advised(&error, error.advice().as_ref()))?;
    Ok(Report { enrolled, ..Report::default() })
}

async fn enroll_file(app: &App, path: &Path, rejects: Option<PathBuf>, output: Output) -> Result<Report> {
    let (reader, default_rejects): (Box<dyn Read>, PathBuf) = if path == Path::new("-") {
        (Box::new(io::stdin()), PathBuf::from("rejects.csv"))
    } else {
        let file = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
        (Box::new(file), Rejects::path_beside(path))
    };
    let roster = RosterFile::open(reader, app.settings.zone()?)
        .with_context(|| format!("The roster {} can't be used", path.display()))?;
    let rejects = RefCell::new(Rejects::new(rejects.unwrap_or(default_rejects), roster.header()));
    let bar = progress_bar();
    let (mut unreadable, unwritable) = (None, Cell::new(None));
    let reject = |bad: &BadRow| {
        bar.suspend(|| output.remark(bad));
        if let Err(error) = rejects.borrow_mut().write(bad) {
            unwritable.set(Some(error));
        }
    };
    // What was read so far is enrolled first.
    let good = roster.map_while(|row| match row {
        Ok(good) => Some(Some(good)),
        Err(RowError::Bad(bad)) => {
            reject(&bad);
            Some(None)
        }
        Err(RowError::Unreadable(error)) => {
            unreadable = Some(error);
            None
        }
    });
    // A reject that can't be written is one that nobody hears of: no further row is begun.
    let good = good.take_while(|_| {
        let error = unwritable.take();
        let goes_on = error.is_none();
        unwritable.set(error);
        goes_on
    });
    let enrolled = app
        .enroll(good.flatten(), &mut |row: Row, refused| match refused {
            None => bar.inc(1),
            Some(cause) => reject(&row.refused(cause)),
        })
        .await;
    bar.finish_and_clear();
    if let Some(error) = unwritable.take() {
        return Err(anyhow::Error::new(error).context("The rejects can't be written"));
    }
    let rejected = rejects.into_inner().finish().context("The rejects can't be written")?;
    let mut report = Report { enrolled: enrolled?, ..Report::default() };
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
