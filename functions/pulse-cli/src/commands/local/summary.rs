//! The summary that a person reads.

use std::fmt::Write as _;

use console::style;

use pulse_local::standins::ReceiverCounts;

use super::{
    promises::{Findings, LocalPromise, ProviderFindings},
    receiving::ReceiverFindings,
};
use crate::output::{Table, heading};

pub(super) fn text(findings: &Findings, console: &str, exits: bool) -> String {
    let mut text = heading(&format!("This month's entries of {} customers", findings.customers));
    let mut table = Table::default();
    for (place, count) in &findings.entries {
        table.push(place, format!("{count:>6}"));
    }
    table.push("together", format!("{:>6}", findings.entries.values().sum::<usize>()));
    text += &table.render();

    text += &heading("\nMails, as the email provider counted them");
    let mut table = Table::default();
    for (mails, customers) in &findings.mails {
        let plural = if *mails == 1 { "mail" } else { "mails" };
        table.push(format!("{mails} {plural}"), format!("{customers:>6} customers"));
    }
    text += &table.render();

    text += &heading("\nWhat became of the mails, as the ledger has it");
    let mut table = Table::default();
    for (outcome, mails) in &findings.outcomes {
        table.push(outcome, format!("{mails:>6}"));
    }
    text += &table.render();
    let opted_out = match findings.opted_out {
        1 => "1 customer".to_owned(),
        many => format!("{many} customers"),
    };
    let _ = writeln!(text, "  {opted_out} opted out since they were enrolled, by an event or by hand.");
    text += &events_line(findings);

    if let Some(receiver) = &findings.receiver {
        text += &heading("\nWhat another system was told, the endpoint crm");
        text += &receiver_text(receiver);
    }

    text += &heading("\nThe providers' own view");
    let mut table = Table::default();
    for provider in &findings.providers {
        table.push(provider.name, provider_line(provider));
        table.push("", throughput_line(provider));
    }
    text += &table.render();

    text += &heading("\nPromises");
    for promise in &findings.promises {
        text += &promise_line(promise);
    }
    let _ = writeln!(text, "  From the last enrolment to the last mail it took {:.0} s.", findings.seconds);
    if !exits {
        text += &where_next(findings, console);
    }
    text
}

/// What of the stand-in's events is still to come, and why it wasn't waited for.
fn events_line(findings: &Findings) -> String {
    let to_come = findings.events.to_come();
    if to_come == 0 {
        return String::new();
    }
    let why = if findings.waited { "they are late" } else { "--event-delay is longer than this waits for" };
    format!("  {to_come} events of {} are still to come: {why}.\n", findings.events.planned)
}

fn receiver_text(receiver: &ReceiverFindings) -> String {
    let mut table = Table::default();
    for (what, facts) in &receiver.facts {
        table.push(what, format!("{facts:>6}"));
    }
    table.push("together", format!("{:>6}", receiver.counts.facts));
    let mut text = table.render();
    let order = match receiver.counts.out_of_order {
        0 => "Each customer's in order".to_owned(),
        many => format!("{many} out of order"),
    };
    let ReceiverCounts { repeats, wrong_signatures, .. } = receiver.counts;
    let _ = writeln!(
        text,
        "  {order}; repeats that were dropped: {repeats}; calls that were wrongly signed: {wrong_signatures}."
    );
    let waiting = receiver.told.waiting;
    if let Some(fault) = &receiver.fault {
        let _ =
            writeln!(text, "  It was told to fail ({fault}): {waiting} facts wait on the ledger until it is mended.");
    } else if waiting > 0 {
        let _ = writeln!(text, "  {waiting} facts are still to be told.");
    }
    text
}

fn provider_line(provider: &ProviderFindings) -> String {
    format!("{} calls, at most {} at once on {} lanes", provider.calls, provider.peak, provider.lanes)
}

fn throughput_line(provider: &ProviderFindings) -> String {
    format!(
        "{:.2} calls/s while it was busy; lanes / latency = {} / {:.1} s = {:.2}/s, which takes a long backlog to come near",
        provider.throughput, provider.lanes, provider.latency, provider.capacity
    )
}

fn promise_line(promise: &LocalPromise) -> String {
    let mark = if promise.held { style("✓").green() } else { style("✗").red().bold() };
    format!("  {mark} {}: {}\n", promise.words, promise.seen)
}

fn where_next(findings: &Findings, console: &str) -> String {
    let mut text = heading("\nWhere to look next");
    let receiver = findings.receiver.as_ref().map(|receiver| ("What crm was told, in any", &*receiver.page));
    let links = [("The console, for one browser", console), ("The mails, in any", &findings.inbox)];
    text +=
        &links.into_iter().chain(receiver).fold(Table::default(), |table, (name, link)| table.row(name, link)).render();
    text += &heading("\nFrom another terminal");
    let example = findings.example.as_deref().unwrap_or("ID");
    let mut table = Table::default();
    for (command, what) in [
        ("status".to_owned(), "entries, queues, dead letters, lanes"),
        ("why".to_owned(), "who is not done in this run, and why"),
        (format!("why {example}"), "one customer's story, what became of each mail, and what comes next"),
        ("endpoint list".to_owned(), "who is told of what, whether it flows, and what waits"),
        ("suppressions".to_owned(), "addresses that must not be mailed any more, by reason"),
        (format!("preview {example}"), "the mail that they got, as files to open"),
    ] {
        table.push(format!("cargo run --release -- --local {command}"), what);
    }
    text += &table.render();
    text + "\nCtrl-C ends it.\n"
}
