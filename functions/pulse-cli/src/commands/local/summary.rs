//! The summary that a person reads.

use std::fmt::Write as _;

use console::style;

use super::promises::{Findings, LocalPromise, ProviderFindings};
use crate::output::{Table, heading};

pub(super) fn text(findings: &Findings, exits: bool) -> String {
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
        text += &where_next(findings);
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

fn where_next(findings: &Findings) -> String {
    let mut text = heading("\nWhere to look next, from another terminal");
    let example = findings.example.as_deref().unwrap_or("ID");
    let mut table = Table::default();
    for (command, what) in [
        ("status".to_owned(), "entries, queues, dead letters, lanes"),
        ("why".to_owned(), "who is not done in this run, and why"),
        (format!("customer {example}"), "one customer's story"),
        (format!("preview {example}"), "the mail that they got, as files to open"),
    ] {
        table.push(format!("cargo run --release -- --local {command}"), what);
    }
    text += &table.render();
    text + "\nCtrl-C ends it.\n"
}
