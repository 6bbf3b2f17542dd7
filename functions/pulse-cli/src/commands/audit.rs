//! `pulse audit`.

use std::{fmt::Write as _, time::Duration};

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::AuditOrder;
use pulse_core::audit::{AuditDepth, AuditEnd, AuditProgress, AuditReport, AuditStart, Problem};

use crate::{
    exit::Exit,
    interruption::interruption,
    output::{Output, Table, heading},
    target::Target,
};

/// What `pulse audit` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0: nothing is amiss, or all of it was repaired; 4: something is amiss. Ctrl-C keeps what is \
                        done, and the same command goes on there."
)]
pub struct Options {
    /// Repairs what is found: schedules are put, entries opened, what someone left behind is taken away.
    #[arg(long)]
    repair: bool,

    /// Reads everyone's schedule, to see whether it is due at the right moment. Otherwise only whether
    /// there is one.
    #[arg(long)]
    deep: bool,

    /// Begins anew, though one that was interrupted today could be gone on with.
    #[arg(long)]
    anew: bool,
}

/// Carries `pulse audit` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or listed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let active = app.roster().await?.active;
    let bar = progress_bar(active);
    let order = AuditOrder {
        depth: if options.deep { AuditDepth::Everyone } else { AuditDepth::Presence },
        repair: options.repair,
        start: if options.anew { AuditStart::Begin } else { AuditStart::ResumeOrBegin },
    };
    let watch = |progress: AuditProgress| bar.set_position(progress.entries + progress.schedules);
    let end = app.audit(order, interruption()?, &watch).await;
    let looked_at = bar.position();
    bar.finish_and_clear();
    let report = match end? {
        AuditEnd::Finished(report) => report,
        AuditEnd::Stopped(_) | AuditEnd::NoneUnfinished => {
            let part = 100 * looked_at / (2 * active).max(1);
            eprintln!("Interrupted after {part}% of it. The same command goes on there, until tomorrow.");
            return Ok(Exit::Interrupted);
        }
    };
    output.show(&report, || text(&report, options.repair))?;
    Ok(if report.is_clean() { Exit::Done } else { Exit::PromiseBroken })
}

fn text(report: &AuditReport, repair: bool) -> String {
    let mut text = heading("Audit");
    let mut table = Table::default().row("customers", report.customers);
    for (problem, count) in &report.found {
        table.push(words(*problem), count);
    }
    table.push("repaired", report.repaired);
    if report.failed > 0 {
        table.push("couldn't be looked at", report.failed);
    }
    text += &table.render();
    for finding in report.examples.iter().take(20) {
        let done = if finding.repaired { ", repaired" } else { "" };
        let _ = writeln!(text, "  {}: {}{done}", finding.customer, words(finding.problem));
    }
    let found: u64 = report.found.values().sum();
    if found == 0 && report.failed == 0 {
        text += "  Nothing is amiss: everyone has a live schedule and an open entry.\n";
    } else if report.failed > 0 {
        text += "\nSome customers couldn't be looked at or repaired: run it again.\n";
    } else if found > report.repaired && !repair {
        text += "\nRepair it with: pulse audit --repair\n";
    } else if report.found.contains_key(&Problem::UnknownCustomer) {
        text += "\nA schedule of an unknown customer is left alone, as the profile may be lost: enrol the customer \
                 again, or delete the schedule in the console.\n";
    }
    text
}

fn words(problem: Problem) -> &'static str {
    match problem {
        Problem::NoSchedule => "no live schedule",
        Problem::WrongSlot => "a schedule at another moment",
        Problem::NoOpenEntry => "no open entry",
        Problem::StraySchedule => "has left, and has a schedule",
        Problem::StrayEntry => "has left, and has an open entry",
        Problem::UnknownCustomer => "has a schedule, and isn't on the roster",
    }
}

/// Everyone's entry is looked for, and then everyone's schedule.
fn progress_bar(customers: u64) -> ProgressBar {
    let bar = ProgressBar::new(2 * customers);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% of entries and schedules, {eta} to go") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_amiss_comes_with_what_to_do() {
        let report =
            AuditReport { customers: 7, found: BTreeMap::from([(Problem::NoSchedule, 2)]), ..AuditReport::default() };
        assert!(text(&report, false).contains("pulse audit --repair"));
        assert!(text(&AuditReport::default(), false).contains("Nothing is amiss"));
    }
}
