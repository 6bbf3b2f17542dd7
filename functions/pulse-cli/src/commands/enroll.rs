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

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_app::{BulkEnrollment, Counts};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{CustomerId, Zone},
    failure::Cause,
    ports::Clock as _,
};
use pulse_roster::{
    DoubtfulRows, Input, RejectedFor, Rejects, RejectsPlace, RosterFile, RosterFormat, Row, UnusableAddress,
};
use serde::Serialize;

use self::{as_of::AsOf, progress::Progress, rows::Rows};
use crate::{
    exit::Exit,
    interruption::Asked,
    output::{Output, Table},
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
    rejected_for: Vec<RejectedFor>,
    rejected_opt_outs: Vec<u64>,
    unusable_addresses: Vec<UnusableAddress>,
    doubts: Vec<DoubtfulRows>,
    /// The last line that was taken, where somebody asked for the end.
    stopped_after_line: Option<u64>,
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
        return enroll_one(&options, target, output).await;
    }
    let input = Input::open(&options.what)?;
    if options.dry_run {
        return dry_run::run(options, input, target, output).await;
    }
    let place = RejectsPlace::choose(options.rejects.as_deref(), options.force, &input)?;
    let app = target.app().await?;
    let zone = app.settings.zone()?;
    let as_of = AsOf::of(options.as_of.as_deref(), input.about(), &zone, SystemClock.now())?;
    let asked = Asked::listen()?;
    let done = enroll_file(app.bulk(), zone, input, place, &options.format, as_of, asked, output).await?;
    output.show(&done.report, || done.report.text())?;
    if !done.remarks.is_empty() {
        output.remark(done.remarks.trim_end());
    }
    done.ended
}

async fn enroll_one(options: &Options, target: &Target, output: Output) -> Result<Exit> {
    let id = &options.what;
    let Ok(customer) = CustomerId::parse(id) else {
        bail!("There is no file {id}, and it is no customer's id either.");
    };
    if options.dry_run || options.as_of.is_some() {
        bail!("--dry-run and --as-of are for files: `pulse customer {id}` shows what there is of {id}");
    }
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

#[expect(clippy::too_many_arguments, reason = "what the command line says, each once")]
async fn enroll_file(
    bulk: BulkEnrollment<'_>,
    zone: Zone,
    input: Input,
    place: RejectsPlace,
    format: &RosterFormat,
    as_of: AsOf,
    asked: Asked,
    output: Output,
) -> Result<Enrolment> {
    let name = input.name.clone();
    let (mut progress, reader) = Progress::of(input);
    let roster = RosterFile::open(reader, zone, format).with_context(|| format!("The roster {name} can't be used"))?;
    let as_of = as_of.unless_said(roster.says_as_of());
    let rejects = Rejects::new(place, roster.layout(), as_of.moment);
    let rows = Rows::new(Some(rejects), progress.bar(), output);
    // What was read so far is enrolled first.
    let good = rows.good(roster, &asked, |_| {});
    let mut watch = |row: Row, refused: Option<&Cause>| {
        progress.row();
        match refused {
            None => rows.findings.borrow_mut().take(&row),
            Some(cause) => rows.reject(&row.refused(cause)),
        }
    };
    let enrolled = bulk.run(good, as_of.moment, &mut watch, &|| asked.to_end()).await;
    if let Some(pace) = progress.finish() {
        output.remark(pace);
    }
    let stopped_after_line = rows.stopped_after_line(&asked);
    let Rows { findings, rejects, unreadable, .. } = rows;
    let findings = findings.into_inner();
    let kept = rejects.into_inner().map(Rejects::finish).unwrap_or_default();
    let enrolled = enrolled.inspect_err(|_| {
        if let Some(path) = &kept.path {
            output.remark(format!("The rows that were rejected so far are in {}.", path.display()));
        }
        if let Some(error) = &kept.error {
            output.remark(format!("{error:#}"));
        }
    })?;
    let mut remarks = findings.text(kept.path.as_deref());
    if let Some(earlier) = &kept.earlier {
        let _ = writeln!(remarks, "{} was there before, and stays as it is.", earlier.display());
    }
    if let Some(line) = stopped_after_line {
        let advice = "Run it again to go on: who is enrolled already is passed over quickly.";
        let _ = writeln!(remarks, "Stopped after line {line}. {advice}");
    }
    let rejected = findings.rejected();
    let ended = match (kept.error, unreadable.into_inner()) {
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
        as_of: Some(as_of),
        enrolled,
        rejected,
        rejects_file: kept.path,
        rejected_for: findings.rejected_for(),
        rejected_opt_outs: findings.rejected_opt_outs().to_vec(),
        unusable_addresses: findings.unusable_addresses(),
        doubts: findings.doubts(),
        stopped_after_line,
    };
    Ok(Enrolment { report, remarks, ended })
}
