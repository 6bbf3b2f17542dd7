//! Everyone in a run, as text.

use std::fmt::Write as _;

use pulse_core::{
    customer::Zone,
    feedback::FeedbackCount,
    run::RunId,
    why::{CauseSample, Precision, Reason, ReasonCount, RunReport, SampleOf},
};

use crate::{
    output::{Table, heading},
    text::holder,
};

/// The report as text, with times in `zone`.
pub(super) fn text(report: &RunReport, zone: &Zone) -> String {
    let mut text = heading(&format!(
        "Run {}, at {}",
        report.run,
        report.at.to_zoned(zone.rules().clone()).strftime("%Y-%m-%d %H:%M %Z")
    ));
    let mut table = Table::default();
    for count in &report.reasons {
        table.push(words(count.reason), number(count));
    }
    let roster = report.roster;
    let everyone =
        format!("{} = {} active + {} who have left", roster.active + roster.closed, roster.active, roster.closed);
    table.push("everyone on the roster", everyone);
    text += &table.render();
    text += &sum(report);
    if !report.without_entry.is_empty() {
        let ids: Vec<_> = report.without_entry.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  Without any open entry: {}. `pulse audit --repair` opens them.", ids.join(", "));
    }
    text += &feedback(report);
    if !report.holders.is_empty() {
        text += &heading("\nWhat holds stages");
        for (stage, holder) in &report.holders {
            let _ = writeln!(text, "  The {stage} stage {}.", self::holder(holder, zone));
        }
    }
    if !report.causes.is_empty() {
        text += &heading("\nWhat went wrong");
        report.causes.iter().for_each(|sample| text += &causes(sample, report.run));
    }
    let _ = writeln!(
        text,
        "\nReading this took {} read units. Schedules aren't looked at: `pulse audit` does.",
        report.read_units
    );
    text
}

fn words(reason: Reason) -> String {
    match reason {
        Reason::Sent => "sent".into(),
        Reason::Skipped(why) => format!("skipped: {why}"),
        Reason::NotDue => "not due yet".into(),
        Reason::Queued(stage) => format!("due, in the {stage} queue"),
        Reason::QueuedAgain(stage) => format!("queued to {stage} again, as its message was lost"),
        Reason::InHand(stage) => format!("in a worker's hands, {stage} stage"),
        Reason::Retrying(stage) => format!("retrying: {stage}"),
        Reason::PutOff(stage) => format!("put off: {stage}"),
        Reason::ToBeWoken(stage) => format!("put off until now: {stage}, tick queues it"),
        Reason::Paused(stage) => format!("due, the {stage} stage is paused"),
        Reason::Broken(stage) => format!("due, the {stage} provider is out of order"),
        Reason::Failed(stage) => format!("failed: {stage}"),
        Reason::Unknown => "in doubt".into(),
        Reason::Dropped => "accepted by the provider, and then not sent".into(),
        Reason::Unconfirmed => "unconfirmed: nobody told what became of the mail".into(),
        Reason::LeftBefore => "no entry: left before this run".into(),
        Reason::InLaterRun => "no entry: first due in a later run".into(),
        Reason::InEarlierRun => "no entry: not done with an earlier run".into(),
        Reason::NoOpenEntry => "no entry at all".into(),
        Reason::NotInRun => "no entry in this run".into(),
    }
}

fn number(count: &ReasonCount) -> String {
    match count.precision {
        Precision::Exact => count.customers.to_string(),
        Precision::AtLeast => format!("{} at least", count.customers),
        Precision::AtMost => format!("{} at most", count.customers),
    }
}

fn sum(report: &RunReport) -> String {
    let by = report.unaccounted.unsigned_abs();
    let sampled = report.reasons.iter().any(|count| count.precision != Precision::Exact);
    let mut text = match report.unaccounted {
        0 => "  It adds up: everyone on the roster is in one line.\n".to_owned(),
        1.. => {
            format!("  It doesn't add up: {by} on the roster are in no line, as entries moved meanwhile. Look again.\n")
        }
        _ => format!(
            "  It doesn't add up: {by} more are in the lines than on the roster, as entries moved meanwhile. Look again.\n"
        ),
    };
    if sampled {
        text += "  Lines with \"at least\" and \"at most\" share a counted number, told apart by the entries that were read; \
                 all others are counted. --limit reads more.\n";
    }
    text
}

/// What became of the mails, in the order in which people ask.
fn feedback(report: &RunReport) -> String {
    let counts = &report.feedback;
    let mut text = heading("\nWhat became of its mails, as their providers told");
    if counts.values().all(|count| *count == 0) {
        return text + "  Nobody has told anything yet.\n";
    }
    let words = |count| match count {
        FeedbackCount::Heard => "told of",
        FeedbackCount::Delivered => "delivered",
        FeedbackCount::HardBounced => "bounced: no such mailbox",
        FeedbackCount::SoftBounced => "bounced: mailbox couldn't take it",
        FeedbackCount::ReputationBounced => "bounced: sender distrusted",
        FeedbackCount::Complained => "called spam",
        FeedbackCount::Rejected => "not sent after all",
        FeedbackCount::Unsubscribed => "unsubscribed",
    };
    let mut table = Table::default();
    let told = FeedbackCount::ALL.iter().filter(|count| counts[**count] > 0);
    told.for_each(|count| table.push(words(*count), counts[*count]));
    text += &table.render();
    text
}

fn causes(sample: &CauseSample, run: RunId) -> String {
    let stage = sample.stage;
    let what = match sample.of {
        SampleOf::Failed => format!("given up by the {stage} stage"),
        SampleOf::Due => format!("due in the {stage} stage"),
    };
    let mut text = if sample.is_partial() {
        format!("  {} of {} {what} were read, so there are at least:\n", sample.read, sample.entries)
    } else {
        format!("  Of all {} {what}:\n", sample.read)
    };
    for cause in &sample.causes {
        let examples: Vec<_> = cause.examples.iter().map(|entry| entry.customer.to_string()).collect();
        let _ = writeln!(
            text,
            "    {:>7}  {} ({}{})",
            cause.entries,
            cause.cause.clause(),
            examples.join(", "),
            if cause.entries > examples.len() as u64 { ", .." } else { "" }
        );
    }
    if sample.of == SampleOf::Failed {
        let _ = writeln!(text, "    When the cause is mended: pulse redrive {stage} --run {run}");
    }
    text
}

#[cfg(test)]
mod tests;
