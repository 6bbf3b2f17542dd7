use std::{
    fmt::Write as _,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use anyhow::Result;
use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_sim::{
    seeds::{FaultPlan, SeedReport, run as live_through, shrink},
    world::{Production, SystemUnderTest, Violation},
};
use serde::Serialize;

use super::options::{Beside, KeptFaults, Options};
use crate::{
    exit::{Exit, Usage},
    output::{Output, Table, heading},
};

/// The most broken seeds that are shrunk and told.
const TOLD: usize = 3;

#[derive(Serialize)]
struct SeedsReport {
    seeds: u64,
    customers: u32,
    days: u32,
    mails: u64,
    repeated: u64,
    broken: Vec<Broken>,
}

#[derive(Serialize)]
struct Broken {
    seed: u64,
    #[serde(rename = "breaches")]
    violations: Vec<Violation>,
    replay: String,
    story: Vec<String>,
}

/// Months of faults.
pub(super) fn run(options: &Options, output: Output) -> Result<Exit> {
    let kept = options.kept()?;
    let ((from, count), (customers, days)) = (options.seeds(), options.size());
    if days < 8 {
        let why = "A month of faults needs 8 days at least: nothing goes wrong in the last six.";
        return Err(Usage(why.to_owned()).into());
    }
    from.checked_add(count).ok_or_else(|| Usage(format!("After seed {from} there are no {count} seeds more.")))?;
    let drawn = |seed| {
        let mut plan = FaultPlan::of_seed(seed, customers, days).with_panics().with_orders();
        // Faults are numbered in this order, whatever the order of the names is.
        if options.with(Beside::Campaigns) {
            plan = plan.with_campaigns();
        }
        if options.with(Beside::Endpoints) {
            plan = plan.with_endpoints();
        }
        plan
    };
    if let KeptFaults::Only(numbers) = &kept {
        refuse_unknown(numbers, &drawn(from))?;
    }
    let plan = |seed| match &kept {
        KeptFaults::All => drawn(seed),
        KeptFaults::Only(numbers) => drawn(seed).with_only(numbers),
    };
    let bar = progress_bar(count);
    let reports = all(from, count, &plan, &bar);
    bar.finish_and_clear();
    let mut outcome = SeedsReport { seeds: count, customers, days, mails: 0, repeated: 0, broken: Vec::new() };
    let mut broken = Vec::new();
    for (seed, report) in reports {
        outcome.mails += report.mails;
        outcome.repeated += report.repeated;
        if !report.violations.is_empty() {
            broken.push((seed, report));
        }
    }
    for (index, (seed, report)) in broken.into_iter().enumerate() {
        outcome.broken.push(told(&plan(seed), report, index < TOLD));
    }
    output.show(&outcome, || text(&outcome, (count == 1).then(|| plan(from))))?;
    Ok(if outcome.broken.is_empty() { Exit::Done } else { Exit::PromiseBroken })
}

/// What isn't among a seed's faults can't be lived through: without it, the month might hold for want of faults.
fn refuse_unknown(numbers: &[usize], plan: &FaultPlan) -> Result<(), Usage> {
    let Some(unknown) = numbers.iter().find(|number| !plan.faults.iter().any(|(known, _)| known == *number)) else {
        return Ok(());
    };
    let FaultPlan { seed, customers, days, .. } = plan;
    let command = plan.command();
    let last = plan.faults.iter().map(|(number, _)| number).max();
    let most = last.map_or_else(|| "none".to_owned(), |last| format!("the last of which is {last}"));
    Err(Usage(format!(
        "Seed {seed} has no fault {unknown}: with {customers} customers and {days} days it has {}, {most}. `{command} \
         --faults all` lists them.",
        plan.faults.len()
    )))
}

/// Lives through all of them, on as many threads as there are processors.
fn all(from: u64, count: u64, plan: &(dyn Fn(u64) -> FaultPlan + Sync), bar: &ProgressBar) -> Vec<(u64, SeedReport)> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut reports = Vec::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            if index >= count {
                return reports;
            }
            reports.push((from + index, live_through(&plan(from + index), shipped(), false)));
            bar.inc(1);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut reports: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a seed ends")).collect()
    });
    reports.sort_by_key(|(seed, _)| *seed);
    reports
}

fn told(plan: &FaultPlan, report: SeedReport, in_full: bool) -> Broken {
    let Some(first) = report.violations.first().filter(|_| in_full) else {
        return Broken {
            seed: plan.seed,
            violations: report.violations,
            replay: format!("{} --faults all", plan.command()),
            story: Vec::new(),
        };
    };
    let shrunk = shrink(plan, first.promise, &shipped());
    let story = shrunk.story().into_iter().map(str::to_owned).collect();
    Broken { seed: plan.seed, replay: shrunk.command(), violations: shrunk.report.violations, story }
}

fn shipped() -> Arc<dyn SystemUnderTest> {
    Arc::new(Production)
}

fn text(outcome: &SeedsReport, plan: Option<FaultPlan>) -> String {
    let mut text = heading(&format!(
        "{} {} of {} customers x {} days",
        outcome.seeds,
        if outcome.seeds == 1 { "seed" } else { "seeds" },
        outcome.customers,
        outcome.days
    ));
    text += &Table::default()
        .row("mails", outcome.mails)
        .row("repeated messages", outcome.repeated)
        .row("seeds that break a promise", outcome.broken.len())
        .render();
    if let Some(plan) = plan.filter(|plan| !plan.faults.is_empty()) {
        text += &heading("\nFaults");
        let mut table = Table::default();
        for (number, fault) in &plan.faults {
            table.push(number, fault);
        }
        text += &table.render();
    }
    for broken in &outcome.broken {
        text += &style(format!("\nSeed {} breaks a promise\n", broken.seed)).red().bold().to_string();
        for violation in broken.violations.iter().take(5) {
            let _ = writeln!(text, "  {violation}");
        }
        let _ = writeln!(text, "  Replay it with: {}", broken.replay);
        for line in &broken.story {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

fn progress_bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} seeds, {eta} to go") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_a_seed_does_not_have_is_refused() {
        let plan = FaultPlan::of_seed(42, 3, 35);
        let known: Vec<_> = plan.faults.iter().map(|(number, _)| *number).collect();
        assert_eq!(refuse_unknown(&known, &plan), Ok(()));
        let refused = refuse_unknown(&[known[0], 999], &plan).unwrap_err().to_string();
        assert!(refused.starts_with("Seed 42 has no fault 999: with 3 customers and 35 days"), "{refused}");
    }

    #[test]
    fn json_has_the_words_of_what_was_broken() {
        let (replay, story) = (String::new(), Vec::new());
        let broken = serde_json::to_value(Broken { seed: 7, violations: Vec::new(), replay, story }).unwrap();
        assert_eq!(broken, serde_json::json!({ "seed": 7, "breaches": [], "replay": "", "story": [] }));
    }
}
