//! `pulse enroll --dry-run`: what enrolling a file would do.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use console::Term;
use pulse_app::{Counts, Foreseen, foresee};
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{ConsentEffect, Contact, Standing, Zone},
    enrollment::Outcome,
    ports::{Clock as _, Ledger},
};
use serde::Serialize;

use super::{Options, as_of::AsOf, counts, lines::Lines, open, progress::Progress, rows::good_rows, spread::Spread};
use crate::{
    exit::Exit,
    output::{Output, Table},
    roster_file::{BadRow, Rejects, RosterFile, Row},
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
pub(super) async fn run(options: Options, path: &Path, target: &Target, output: Output) -> Result<Exit> {
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
    let as_of = AsOf::of(options.as_of.as_deref(), path, &zone, SystemClock.now())?;
    let stack = app.as_ref().map(|(app, name)| (&*app.ports.ledger, name.clone()));
    let report = foretell(stack, path, options.rejects, zone, as_of, output).await?;
    let has_blocks = Term::stdout().features().wants_emoji();
    output.show(&report, || report.text(has_blocks))?;
    Ok(if report.rejected > 0 { Exit::SomeRejected } else { Exit::Done })
}

async fn foretell(
    stack: Option<(&dyn Ledger, String)>,
    path: &Path,
    rejects: Option<PathBuf>,
    zone: Zone,
    as_of: AsOf,
    output: Output,
) -> Result<Report> {
    let (mut progress, reader) = Progress::of(open(path)?);
    let roster =
        RosterFile::open(reader, zone).with_context(|| format!("The roster {} can't be used", path.display()))?;
    let lines = RefCell::new(BTreeMap::<Kind, Lines>::new());
    let put = |kind, line| lines.borrow_mut().entry(kind).or_default().push(line);
    let rejects = RefCell::new(rejects.map(|path| Rejects::new(path, roster.header())));
    let unwritable = RefCell::new(None);
    let bar = progress.bar();
    let reject = |bad: &BadRow| {
        bar.suspend(|| output.remark(bad));
        put(Kind::Rejected, bad.line);
        if let Some(Err(error)) = rejects.borrow_mut().as_mut().map(|rejects| rejects.write(bad)) {
            unwritable.borrow_mut().get_or_insert(error);
        }
    };
    let (mut unreadable, mut mails) = (None, Spread::default());
    let counts = {
        let mut watch = |foreseen: &Foreseen<Row>| {
            progress.row();
            Kind::of(foreseen).for_each(|kind| put(kind, foreseen.origin.line));
            let is_mailed = foreseen.after.standing == Standing::Active
                && !foreseen.enrolled.opted_out
                && foreseen.after.contact != Contact::Unusable;
            if is_mailed {
                mails.add(&foreseen.after.slot);
            }
        };
        let ledger = stack.as_ref().map(|(ledger, _)| *ledger);
        let stops = || false;
        foresee(ledger, good_rows(roster, reject, &mut unreadable), as_of.moment, &mut watch, &stops).await?
    };
    progress.finish();
    if let Some(error) = unwritable.into_inner() {
        return Err(anyhow::Error::new(error).context("The rejects can't be written"));
    }
    if let Some(error) = unreadable {
        return Err(error.into());
    }
    let written = rejects.into_inner().map(Rejects::finish).transpose().context("The rejects can't be written")?;
    let lines = lines.into_inner();
    Ok(Report {
        dry_run: true,
        as_of,
        compared_with: stack.map(|(_, name)| name),
        counts,
        rejected: lines.get(&Kind::Rejected).map_or(0, Lines::count),
        rejects_file: written.flatten().map(|(path, _)| path),
        lines,
        mails,
    })
}

#[cfg(test)]
mod tests;
