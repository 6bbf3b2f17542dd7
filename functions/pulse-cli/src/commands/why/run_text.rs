//! Everyone in a run, as text.

use std::fmt::Write as _;

use pulse_core::{
    customer::Zone,
    entry::StageName,
    feedback::{FeedbackCount, FeedbackCounts},
    run::RunId,
    why::{CauseSample, HoldReason, Precision, ReasonCount, RunReport, SampleOf},
};

use crate::{
    output::{Table, heading},
    text::{holder, reason, told},
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
        table.push(reason(count.reason), number(count));
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
    text += &feedback(&report.feedback);
    text += &holders(&report.holders, zone);
    text += &all_causes(&report.causes, report.run);
    let _ = writeln!(
        text,
        "\nReading this took {} read units. Schedules aren't looked at: `pulse audit` does.",
        report.read_units
    );
    text
}

pub(super) fn holders(holders: &[(StageName, HoldReason)], zone: &Zone) -> String {
    let mut text = String::new();
    for (number, (stage, holder)) in holders.iter().enumerate() {
        if number == 0 {
            text += &heading("\nWhat holds stages");
        }
        let _ = writeln!(text, "  The {stage} stage {}.", self::holder(holder, zone));
    }
    text
}

pub(super) fn all_causes(samples: &[CauseSample], run: RunId) -> String {
    let told: String = samples.iter().map(|sample| causes(sample, run)).collect();
    if told.is_empty() { told } else { heading("\nWhat went wrong") + &told }
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
pub(super) fn feedback(counts: &FeedbackCounts) -> String {
    let mut text = heading("\nWhat became of its mails, as their providers told");
    if counts.values().all(|count| *count == 0) {
        return text + "  Nobody has told anything yet.\n";
    }
    let mut table = Table::default();
    let heard = FeedbackCount::ALL.iter().filter(|count| counts[**count] > 0);
    heard.for_each(|count| table.push(told(*count), counts[*count]));
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
        let examples: Vec<_> = cause.examples.iter().map(|entry| entry.addressee().to_string()).collect();
        let _ = writeln!(
            text,
            "    {:>7}  {} ({}{})",
            cause.entries,
            cause.cause.clause(),
            examples.join(", "),
            if cause.entries > examples.len() as u64 { ", .." } else { "" }
        );
    }
    if sample.of == SampleOf::Failed && run.is_campaign() {
        let _ = writeln!(
            text,
            "    They stay so. Once it is over, for those whom it didn't reach: pulse run start NAME --unreached-of {run} .."
        );
    } else if sample.of == SampleOf::Failed {
        let _ = writeln!(text, "    When the cause is mended: pulse redrive {stage} --run {run}");
    }
    text
}

#[cfg(test)]
mod tests;
