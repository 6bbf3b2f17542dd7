//! `pulse enroll`.

mod as_of;
mod counts;
mod dry_run;
mod lines;
mod progress;
mod rows;
mod spread;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_app::{App, BulkEnrollment, Counts};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{CustomerId, Zone},
    failure::Cause,
    ports::Clock as _,
};
use serde::Serialize;

use self::{as_of::AsOf, progress::Progress, rows::good_rows};
use crate::{
    exit::Exit,
    output::{Output, Table},
    roster_file::{BadRow, Rejects, RosterFile, Row},
    target::Target,
    text::advised,
};

/// What `pulse enroll` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "A roster tells of a moment: rows of an older one than a profile is of change nothing but opt out whom \
                        nothing newer was said of. In the column opted_out only a clear no takes an opt-out back, and only \
                        one that a roster made; an empty mark leaves what is known."
)]
pub struct Options {
    /// A roster file (CSV; `-` for standard input), or the id of a customer who is on the roster
    /// already, whose schedule and open entry are then brought in line with the profile.
    #[arg(value_name = "FILE|ID")]
    what: String,

    /// Where rejected rows go [default: beside the roster, as NAME.rejects.csv].
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,

    /// The day or the moment that the roster tells of: when it was taken from where it comes [default: the file's last
    /// change, or now for what comes through a pipe].
    #[arg(long, value_name = "DATE|MOMENT")]
    as_of: Option<String>,

    /// Only tell what the file would do, by count and line, and when in the month its customers are due. Asks AWS nothing,
    /// and takes everyone for new, unless a stack is named by --stack, --local or the variable `PULSE_STACK`: then it is
    /// read, and not changed. What only Scheduler would refuse isn't foretold. Rejected rows are written down only with --rejects.
    #[arg(long)]
    dry_run: bool,

    /// With --dry-run and no stack: the zone of rows that name none, otherwise as the stack was deployed [default:
    /// UTC].
    #[arg(long, value_name = "ZONE", requires = "dry_run", value_parser = Zone::parse)]
    time_zone: Option<Zone>,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    #[serde(flatten)]
    as_of: Option<AsOf>,
    #[serde(flatten)]
    enrolled: Counts,
    rejected: u64,
    rejects_file: Option<PathBuf>,
}

impl Report {
    fn text(&self) -> String {
        let mut table = Table::default();
        if let Some(as_of) = &self.as_of {
            table.push("as of", format!("{:.0} ({})", as_of.moment, as_of.known_by));
        }
        counts::push(&mut table, &self.enrolled);
        table.push("rejected", self.rejected);
        if let Some(path) = &self.rejects_file {
            let given = self.as_of.as_ref().filter(|as_of| as_of.is_given());
            let as_of = given.map(|as_of| format!(" with --as-of {}", as_of.moment)).unwrap_or_default();
            table.push("rejects", format!("{} (mend them and enrol that file{as_of})", path.display()));
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
    if !is_file && (options.dry_run || options.as_of.is_some()) {
        bail!("--dry-run and --as-of are for files: `pulse customer {0}` shows what there is of {0}", options.what);
    }
    if options.dry_run {
        let path = path.to_owned();
        return dry_run::run(options, &path, target, output).await;
    }
    let app = target.app().await?;
    let report = if is_file {
        let as_of = AsOf::of(options.as_of.as_deref(), path, &app.settings.zone()?, SystemClock.now())?;
        enroll_file(app.bulk(), app.settings.zone()?, path, options.rejects, as_of, output).await?
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

/// The file, or nothing for standard input.
fn open(path: &Path) -> Result<Option<File>> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let file = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
    Ok(Some(file))
}

async fn enroll_file(
    bulk: BulkEnrollment<'_>,
    zone: Zone,
    path: &Path,
    rejects: Option<PathBuf>,
    as_of: AsOf,
    output: Output,
) -> Result<Report> {
    let file = open(path)?;
    let default_rejects = if file.is_some() { Rejects::path_beside(path) } else { PathBuf::from("rejects.csv") };
    let (mut progress, reader) = Progress::of(file);
    let roster =
        RosterFile::open(reader, zone).with_context(|| format!("The roster {} can't be used", path.display()))?;
    let rejects = RefCell::new(Rejects::new(rejects.unwrap_or(default_rejects), roster.header()));
    let bar = progress.bar();
    let (mut unreadable, unwritable) = (None, Cell::new(None));
    let reject = |bad: &BadRow| {
        bar.suspend(|| output.remark(bad));
        if let Err(error) = rejects.borrow_mut().write(bad) {
            unwritable.set(Some(error));
        }
    };
    // What was read so far is enrolled first. A reject that can't be written is one that nobody hears of: no further row
    // is begun.
    let good = good_rows(roster, &reject, &mut unreadable).take_while(|_| {
        let error = unwritable.take();
        let goes_on = error.is_none();
        unwritable.set(error);
        goes_on
    });
    let mut watch = |row: Row, refused: Option<&Cause>| {
        progress.row();
        if let Some(cause) = refused {
            reject(&row.refused(cause));
        }
    };
    let enrolled = bulk.run(good, as_of.moment, &mut watch, &|| false).await;
    if let Some(pace) = progress.finish() {
        output.remark(pace);
    }
    if let Some(error) = unwritable.take() {
        return Err(anyhow::Error::new(error).context("The rejects can't be written"));
    }
    let rejected = rejects.into_inner().finish().context("The rejects can't be written")?;
    let mut report = Report { as_of: Some(as_of), enrolled: enrolled?, ..Report::default() };
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
