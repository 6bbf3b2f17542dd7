//! `pulse suppressions`.

use std::{
    fmt::Write as _,
    io::{self, Read as _},
};

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_app::{App, AtProvider, ReleaseReport, SuppressionState, SuppressionsReport};
use pulse_core::{
    control::{Actor, Note},
    customer::{EmailAddress, Zone},
};
use serde::Serialize;

use crate::{
    exit::{Exit, Usage},
    output::{Output, Table, heading},
    target::Target,
    text::grouped,
    text::{in_force, local},
};

/// What `pulse suppressions` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Without an address: how many addresses must not be mailed, by their worst reason, and the newest. Which \
                        they are isn't kept, only digests of them. Rows that releases before 0.3 wrote are found by \
                        their address, and not counted.\n\n\
                        An address on the command line stays in the shell's history: - reads it from standard input.\n\n\
                        Example: pulse suppressions - --release --note \"they wrote that the mailbox is back\""
)]
pub struct Options {
    /// The address to look up; - reads it from standard input.
    #[arg(value_name = "ADDRESS")]
    address: Option<String>,

    /// Lets it be mailed again, whatever suppressed it, and takes it off SES's own list.
    #[arg(long, requires_all = ["address", "note"], conflicts_with = "add")]
    release: bool,

    /// Suppresses it until it is released.
    #[arg(long, requires_all = ["address", "note"])]
    add: bool,

    /// Why, for others to read: one line without an address.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Option<Note>,

    /// How many of the newest are shown.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "address")]
    newest: usize,

    /// What you are called, beside whose credentials these are.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,
}

/// What is told of one address. It isn't in it.
#[derive(Debug, Serialize)]
struct Looked<'a> {
    suppressed: bool,
    #[serde(flatten)]
    state: &'a SuppressionState,
}

/// A note of nothing would be lost.
const NOTE_ALONE: &str = "--note says why an address is released or suppressed: give it with --release, which lets the \
                          address be mailed again, or with --add, which suppresses it. Nothing was done.";

/// Carries `pulse suppressions` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, or the address is none.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Options { address, release, add, note, newest, by } = options;
    if note.is_some() && !release && !add {
        return Err(Usage(NOTE_ALONE.to_owned()).into());
    }
    let Some(address) = address else {
        let app = target.app().await?;
        let (report, zone) = (app.suppressions(newest).await?, app.settings.zone()?);
        output.show(&report, || list(&report, &zone))?;
        return Ok(Exit::Done);
    };
    let address = read(&address)?;
    let app = target.app_of(Some(by)).await?;
    match note {
        Some(note) if release => released(&app, &address, &note, output).await?,
        Some(note) if add => {
            let state = app.suppress(&address, &note).await?;
            show(&app, &state, output)?;
        }
        _ => {
            let state = app.suppression(&address).await?.unwrap_or_default();
            show(&app, &state, output)?;
        }
    }
    Ok(Exit::Done)
}

/// An address has at most 254 characters; what is longer is none.
const MOST_READ: u64 = 10_000;

/// An address as it was typed, which no error repeats.
fn read(typed: &str) -> Result<EmailAddress> {
    let mut line = String::new();
    if typed == "-" {
        io::stdin().take(MOST_READ).read_to_string(&mut line).context("No address can be read from standard input")?;
        if line.trim().lines().count() > 1 {
            return Err(Usage("Standard input has more than one line: give one address at a time.".to_owned()).into());
        }
    } else {
        typed.clone_into(&mut line);
    }
    EmailAddress::parse(line.trim()).map_err(|error| Usage(format!("The {error}.")).into())
}

fn show(app: &App, state: &SuppressionState, output: Output) -> Result<()> {
    let zone = app.settings.zone()?;
    output.show(&Looked { suppressed: !state.in_force.is_empty(), state }, || one(state, &zone))
}

fn one(state: &SuppressionState, zone: &Zone) -> String {
    let mut text = if state.in_force.is_empty() {
        "The address isn't suppressed.\n".to_owned()
    } else {
        "The address is suppressed, and gets no mail:\n".to_owned()
    };
    for held in &state.in_force {
        let _ = writeln!(text, "  {}", in_force(held, zone));
    }
    if let Some(release) = &state.released {
        let (at, by) = (local(release.at, zone), release.by.as_str());
        let _ = writeln!(text, "It was released last {at} by {by}: {}", release.note);
    }
    if !state.in_force.is_empty() {
        text += "`pulse suppressions - --release --note \"..\"` lets it be mailed again.\n";
    }
    text
}

async fn released(app: &App, address: &EmailAddress, note: &Note, output: Output) -> Result<()> {
    let report = app.release(address, note).await?;
    output.show(&report, || released_text(&report))
}

fn released_text(report: &ReleaseReport) -> String {
    let reasons: Vec<_> = report.before.iter().map(|held| held.reason.as_str()).collect();
    let mut text = if reasons.is_empty() {
        "The address wasn't suppressed.".to_owned()
    } else {
        format!(
            "The address is released ({}): it is mailed again from its next run on. What happened before doesn't count \
             any more.",
            reasons.join(", ")
        )
    };
    text += match report.at_provider {
        AtProvider::Released => " It is off SES's own list, too.",
        AtProvider::NotHeld => " It wasn't on SES's own list.",
        AtProvider::ByHand => {
            "\nMarketing Cloud keeps a list of its own, which only people there can change: in Contact Builder, look the \
             address up in All Subscribers and set a status of Held, Bounced or Unsubscribed back to Active, and take it \
             off the auto-suppression lists of the send classification. Until then it drops mails after accepting them."
        }
    };
    text + "\n"
}

fn list(report: &SuppressionsReport, zone: &Zone) -> String {
    let mut text = heading("Suppressed addresses");
    let mut table = Table::default();
    for (reason, count) in &report.by_reason {
        table.push(reason, grouped(*count));
    }
    table.push("all", grouped(report.by_reason.values().sum()));
    if report.released > 0 {
        table.push("released", grouped(report.released));
    }
    text += &table.render();
    if report.newest.is_empty() {
        return text;
    }
    text += &heading("\nThe newest");
    let mut table = Table::default();
    for listed in &report.newest {
        let SuppressionState { in_force: held, released } = &listed.state;
        let mut lines: Vec<_> = held.iter().map(|held| in_force(held, zone)).collect();
        if let (true, Some(release)) = (held.is_empty(), released) {
            lines.push(format!("released {} by {}: {}", local(release.at, zone), release.by.as_str(), release.note));
        }
        table.push(&listed.digest, lines.join("; "));
    }
    text + &table.render() + "Addresses aren't kept, only digests of them: `pulse suppressions -` looks one up.\n"
}

#[cfg(test)]
mod tests {
    use pulse_app::SuppressionListed;
    use pulse_core::{
        failure::Cause,
        feedback::FeedbackSource,
        suppression::{Evidence, InForce, Release, Scope, SuppressionReason},
    };

    use super::*;

    fn held(reason: SuppressionReason) -> InForce {
        let at = "2026-11-03T10:00:00Z".parse().unwrap();
        let scope = Scope::Provider(FeedbackSource::Ses);
        InForce { reason, evidence: Evidence { at, scope, cause: Some(Cause::new("Status 5.1.1.")) }, until: None }
    }

    #[tokio::test]
    async fn a_note_of_neither_a_release_nor_an_addition_is_refused_before_anything_is_looked_for() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            target: Target,
            #[command(flatten)]
            options: Options,
        }
        for address in [vec!["-"], vec![]] {
            let line = [vec!["suppressions", "--note", "they wrote"], address].concat();
            let Line { target, options } = clap::Parser::try_parse_from(line).unwrap();
            let refused = run(options, &target, Output::new(false)).await.unwrap_err();
            assert!(refused.is::<Usage>() && refused.to_string().contains("with --release"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for bad in ["ada.example.com", "ada@example.com,bob@example.com", "ada@"] {
            let error = read(bad).unwrap_err();
            assert!(error.is::<Usage>() && !error.to_string().contains("ada"), "{error}");
        }
        assert!(read(" ada@example.com\n").is_ok());
    }

    #[test]
    fn one_address_is_told_by_what_holds_it_and_who_released_it() {
        let release = Release {
            at: "2026-11-04T10:00:00Z".parse().unwrap(),
            by: "aoife".into(),
            note: Note::parse("they wrote").unwrap(),
        };
        let state = SuppressionState { in_force: vec![held(SuppressionReason::HardBounce)], released: None };
        let told = one(&state, &Zone::UTC);
        for part in [
            "is suppressed",
            "hard-bounce since 2026-11-03 10:00 UTC, for mails by ses",
            "until it is released (Status 5.1.1)",
            "--release",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let told = one(&SuppressionState { in_force: vec![], released: Some(release) }, &Zone::UTC);
        assert!(told.contains("isn't suppressed") && told.contains("by aoife: they wrote"), "{told}");
        assert!(!told.contains("--release"), "{told}");
    }

    #[test]
    fn the_list_counts_by_reason_and_shows_digests_alone() {
        let state = SuppressionState { in_force: vec![held(SuppressionReason::Complaint)], released: None };
        let report = SuppressionsReport {
            by_reason: [(SuppressionReason::Complaint, 1_200), (SuppressionReason::HardBounce, 34)].into(),
            released: 3,
            newest: vec![SuppressionListed { digest: "1-0123456789".to_owned(), state }],
            at: "2026-11-05T10:00:00Z".parse().unwrap(),
        };
        let told = list(&report, &Zone::UTC);
        for part in [
            "complaint    1,200",
            "hard-bounce  34",
            "all          1,234",
            "released     3",
            "1-0123456789  complaint since",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn whoever_mails_by_marketing_cloud_is_told_what_to_do_there() {
        let before = vec![held(SuppressionReason::HardBounce)];
        let told = released_text(&ReleaseReport { before: before.clone(), at_provider: AtProvider::ByHand });
        assert!(told.contains("All Subscribers") && told.contains("(hard-bounce)"), "{told}");
        let told = released_text(&ReleaseReport { before, at_provider: AtProvider::Released });
        assert!(told.contains("off SES's own list"), "{told}");
    }
}
