//! `pulse enroll --dry-run`: what enrolling a file would do.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result, anyhow};
use console::Term;
use pulse_app::{Counts, Foreseen, foresee};
use pulse_aws::{clock::SystemClock, config::process_variable};
use pulse_core::{
    customer::{ConsentEffect, Contact, Standing, Zone},
    enrollment::Outcome,
    failure::Cause,
    ports::{Clock as _, Ledger},
};
use pulse_roster::{
    DoubtfulRows, Input, KeptRejects, RejectedFor, Rejects, RejectsPlace, RosterFile, RosterFormat, Row,
    UnusableAddress,
};
use serde::Serialize;

use super::{Options, as_of::AsOf, counts, lines::Lines, progress::Progress, rows::Rows, spread::Spread};
use crate::{
    exit::Exit,
    interruption::Asked,
    output::{Output, Table},
    target::Target,
};

/// What would become of rows, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    New,
    Changed,
    Unchanged,
    Closed,
    Older,
    Forgotten,
    Rejected,
    WithoutUsableAddress,
    OptedOut,
    OptsOutNow,
    TakesOptOutBack,
    OptOutNotTakenBack,
    ConsentOutdated,
    MarkEmpty,
    MarkEmptyOfNew,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Closed => "closed",
            Self::Older => "older",
            Self::Forgotten => "forgotten",
            Self::Rejected => "rejected",
            Self::WithoutUsableAddress => "without a usable address",
            Self::OptedOut => "opted out",
            Self::OptsOutNow => "opting out now",
            Self::TakesOptOutBack => "taking an opt-out back",
            Self::OptOutNotTakenBack => "not taken back",
            Self::ConsentOutdated => "older than the consent known",
            Self::MarkEmpty => "mark empty",
            Self::MarkEmptyOfNew => "mark empty, of someone new",
        }
    }

    /// All that a row is.
    fn of(foreseen: &Foreseen<Row>) -> impl Iterator<Item = Self> {
        let outcome = match foreseen.enrolled.outcome {
            Outcome::New => Self::New,
            Outcome::Changed => Self::Changed,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::Closed => Self::Closed,
            Outcome::Older => Self::Older,
            Outcome::Forgotten => Self::Forgotten,
        };
        let consent = foreseen.enrolled.consent.map(|effect| match effect {
            ConsentEffect::OptsOut => Self::OptsOutNow,
            ConsentEffect::TakesBack => Self::TakesOptOutBack,
            ConsentEffect::AskedFor => Self::OptOutNotTakenBack,
            ConsentEffect::Outdated => Self::ConsentOutdated,
            ConsentEffect::Empty => Self::MarkEmpty,
            ConsentEffect::EmptyOfNew => Self::MarkEmptyOfNew,
        });
        let no_address = (foreseen.told.contact == Contact::Unusable).then_some(Self::WithoutUsableAddress);
        let opted_out = foreseen.enrolled.opted_out.then_some(Self::OptedOut);
        std::iter::once(outcome).chain(consent).chain(no_address).chain(opted_out)
    }
}

#[derive(Debug, Serialize)]
struct Report {
    dry_run: bool,
    #[serde(flatten)]
    as_of: AsOf,
    compared_with: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    rejected: u64,
    rejects_file: Option<PathBuf>,
    rejected_for: Vec<RejectedFor>,
    rejected_opt_outs: Vec<u64>,
    unusable_addresses: Vec<UnusableAddress>,
    doubts: Vec<DoubtfulRows>,
    lines: BTreeMap<Kind, Lines>,
    mails: Spread,
}

impl Report {
    fn text(&self, has_blocks: bool) -> String {
        let compared = match &self.compared_with {
            Some(stack) => format!("{stack}, which isn't changed"),
            None => "no stack: everyone counts as new".to_owned(),
        };
        let mut table = Table::default()
            .row("compared with", compared)
            .row("as of", format!("{:.0} ({})", self.as_of.moment, self.as_of.known_by));
        counts::push(&mut table, &self.counts);
        table.push("rejected", self.rejected);
        if let Some(path) = &self.rejects_file {
            table.push("rejects", path.display());
        }
        let mut lines = Table::default();
        let told = self.lines.iter().filter(|(kind, lines)| **kind != Kind::Unchanged && lines.count() > 0);
        told.for_each(|(kind, told)| lines.push(kind.words(), told.text()));
        format!("{}\n{}\n{}", table.render(), lines.render(), self.mails.text(has_blocks))
    }
}

/// Tells what enrolling the file would do. AWS is asked only if a stack is named.
///
/// # Errors
/// When the file can't be read, or the stack that is named can't be.
pub(super) async fn run(options: Options, input: Input, target: &Target, output: Output) -> Result<Exit> {
    let app = match target.named() {
        Some(name) => {
            let app = target
                .app()
                .await
                .context("A stack is named by --stack, --local or PULSE_STACK; without one a dry run asks nobody")?;
            Some((app, name))
        }
        None => None,
    };
    let zone = match (&app, options.time_zone) {
        (_, Some(zone)) => zone,
        (Some((app, _)), None) => app.settings.zone()?,
        (None, None) => Zone::UTC,
    };
    let as_of = AsOf::of(options.as_of.as_deref(), input.about(), &zone, SystemClock.now())?;
    let place = options.rejects.as_deref().map(|named| RejectsPlace::choose(Some(named), options.force, &input));
    let stack = app.as_ref().map(|(app, name)| (&*app.ports.ledger, name.clone()));
    let asked = Asked::listen()?;
    let told = foretell(stack, input, place.transpose()?, &options.format, zone, as_of, &asked, output).await?;
    let has_blocks = Term::stdout().features().is_attended() && is_utf8(process_variable);
    output.show(&told.report, || told.report.text(has_blocks))?;
    if !told.remarks.is_empty() {
        output.remark(told.remarks.trim_end());
    }
    match told.error {
        Some(error) => Err(error),
        None if asked.to_end() => Ok(Exit::Interrupted),
        None => Ok(if told.report.rejected > 0 { Exit::SomeRejected } else { Exit::Done }),
    }
}

/// What is foretold of a roster file.
struct Foretold {
    report: Report,
    /// What a person should know beside the report.
    remarks: String,
    /// Why the file couldn't be read to its end, or the rejects that were asked for not all be kept.
    error: Option<anyhow::Error>,
}

/// Whether the terminal shows what isn't ASCII, by the locale (POSIX, "Environment Variables": the first of these that is set
/// holds).
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let mut set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).filter(|value| !value.is_empty());
    set.next().is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"))
}

#[expect(clippy::too_many_arguments, reason = "what the command line says, each once")]
async fn foretell(
    stack: Option<(&dyn Ledger, String)>,
    input: Input,
    place: Option<RejectsPlace>,
    format: &RosterFormat,
    zone: Zone,
    as_of: AsOf,
    asked: &Asked,
    output: Output,
) -> Result<Foretold> {
    let name = input.name.clone();
    let (mut progress, reader) = Progress::of(input);
    let roster = RosterFile::open(reader, zone, format).with_context(|| format!("The roster {name} can't be used"))?;
    let lines = RefCell::new(BTreeMap::<Kind, Lines>::new());
    let put = |kind, line| lines.borrow_mut().entry(kind).or_default().push(line);
    let as_of = as_of.unless_said(roster.says_as_of());
    let rejects = place.map(|place| Rejects::new(place, roster.layout(), as_of.moment));
    let rows = Rows::new(rejects, progress.bar(), output);
    let good = rows.good(roster, asked, |bad| put(Kind::Rejected, bad.line));
    let mut mails = Spread::default();
    let mut watch = |foreseen: &Foreseen<Row>| {
        progress.row();
        rows.findings.borrow_mut().take(&foreseen.origin);
        Kind::of(foreseen).for_each(|kind| put(kind, foreseen.origin.line));
        let is_mailed = foreseen.after.standing == Standing::Active
            && !foreseen.enrolled.opted_out
            && foreseen.after.contact != Contact::Unusable;
        if is_mailed {
            mails.add(&foreseen.after.slot);
        }
    };
    let ledger = stack.as_ref().map(|(ledger, _)| *ledger);
    let mut refuse = |row: Row, cause: &Cause| {
        let bad = row.refused(cause);
        put(Kind::Rejected, bad.line);
        rows.reject(&bad);
    };
    let counts = foresee(ledger, good, as_of.moment, &mut watch, &mut refuse).await?;
    progress.finish();
    let stopped_after_line = rows.stopped_after_line(asked);
    let Rows { findings, rejects, unreadable, .. } = rows;
    let findings = findings.into_inner();
    let kept: KeptRejects = rejects.into_inner().map(Rejects::finish).unwrap_or_default();
    let cut_off = unreadable.into_inner().map(|error| anyhow!(error).context("What comes after isn't foretold"));
    let report = Report {
        dry_run: true,
        as_of,
        compared_with: stack.map(|(_, name)| name),
        counts,
        rejected: findings.rejected(),
        rejects_file: kept.path,
        rejected_for: findings.rejected_for(),
        rejected_opt_outs: findings.rejected_opt_outs().to_vec(),
        unusable_addresses: findings.unusable_addresses(),
        doubts: findings.doubts(),
        lines: lines.into_inner(),
        mails,
    };
    let mut remarks = findings.text(report.rejects_file.as_deref());
    if let Some(line) = stopped_after_line {
        let _ = writeln!(remarks, "Stopped after line {line}: what comes after isn't foretold.");
    }
    Ok(Foretold { report, remarks, error: cut_off.or(kept.error) })
}

#[cfg(test)]
mod tests;
