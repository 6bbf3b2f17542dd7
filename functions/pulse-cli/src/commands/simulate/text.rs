use std::{fmt::Write as _, path::Path, time::Duration};

use console::style;
use pulse_sim::month::{MonthReport, Proof, Sample, StageScenario};

use crate::{
    bill::bill,
    output::{Table, heading},
    text::{decimal, grouped, lasting},
};

/// A month's report for the terminal.
pub(super) fn month(report: &MonthReport, file: Option<&Path>) -> String {
    let scenario = &report.scenario;
    let mut text = heading(&format!("{} customers x {} days", grouped(u64::from(scenario.customers)), scenario.days));
    text += &course(report).render();
    text += &heading("\nProof");
    text += &proof(&report.proof);
    text += &heading("\nCalls");
    let mut table = Table::default();
    for (service, operation, calls) in &report.api.calls {
        table.push(format!("{service} {operation}"), grouped(*calls));
    }
    text += &table.render();
    text += &heading("\nBill, at public prices");
    text += &bill(&report.bill);
    if let Some(file) = file {
        let _ = writeln!(text, "\nThe report with its plots is in {}.", file.display());
    }
    text
}

fn course(report: &MonthReport) -> Table {
    let most = |of: fn(&Sample) -> u64| report.samples.iter().map(of).max().unwrap_or(0);
    let longest = |of: fn(&Sample) -> Duration| report.samples.iter().map(of).max().unwrap_or_default();
    let lanes = |of: fn(&Sample) -> f64| report.samples.iter().map(of).fold(0.0, f64::max);
    let hourly = report.samples.chunks(6).map(|hour| hour.iter().map(|sample| sample.arrived).sum::<u64>()).max();
    let stage = |stage: &StageScenario, busiest: f64| {
        format!(
            "{} lanes = {} invocations x {} calls, carry {} an hour; {busiest:.1} busy at most over ten minutes",
            stage.lanes(),
            stage.maximum_concurrency,
            stage.in_flight,
            decimal(stage.hourly_capacity()),
        )
    };
    let last = report.last_mail.map_or_else(|| "none".to_owned(), |last| format!("{last:.0}"));
    let [score, email] = report.scenario.of_entries();
    let table = Table::default()
        .row("arrivals", format!("{} in the busiest hour", grouped(hourly.unwrap_or(0))))
        .row("scoring", stage(score, lanes(|sample| sample.score_lanes)))
        .row("email", stage(email, lanes(|sample| sample.email_lanes)))
        .row("score queue", depth(most(|sample| sample.score_waiting), longest(|sample| sample.score_oldest)))
        .row("email queue", depth(most(|sample| sample.email_waiting), longest(|sample| sample.email_oldest)))
        .row("last mail", last)
        .row("redriven", format!("{} dead letters, by the operator", grouped(report.redriven)))
        .row("repeated", format!("{} messages, by the tick", grouped(report.repeated)));
    match report.throttled {
        Some(throttled) => table.row("throttled", format!("{} attempts, by the table", grouped(throttled))),
        None => table,
    }
}

fn depth(waiting: u64, oldest: Duration) -> String {
    format!("{} waiting at most, the oldest for {}", grouped(waiting), lasting(oldest))
}

fn proof(proof: &Proof) -> String {
    let table = Table::default()
        .row("due", grouped(proof.due))
        .row("sent", grouped(proof.sent))
        .row("skipped", grouped(proof.skipped))
        .row("failed", grouped(proof.failed))
        .row("in doubt", grouped(proof.unknown))
        .row("late", grouped(proof.open))
        .row("accepted by the provider", grouped(proof.accepted))
        .row("mailed twice", grouped(proof.twice))
        .row("calls at once", format!("{} to scoring, {} to email", proof.score_peak.0, proof.email_peak.0));
    let objections = proof.objections();
    let verdict = if objections.is_empty() {
        style("  It holds: everyone who was due has one mail, and no lane was exceeded.\n").green().to_string()
    } else {
        objections.iter().map(|objection| style(format!("  {objection}\n")).red().to_string()).collect()
    };
    table.render() + &verdict
}
