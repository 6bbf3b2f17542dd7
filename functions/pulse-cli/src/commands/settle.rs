//! `pulse settle`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_aws::{clock::SystemClock, dynamodb::DynamoDbLedger, stack::Stack};
use pulse_core::{
    control::Note,
    customer::CustomerId,
    entry::{EntryId, Progress, StageName},
    failure::Cause,
    ports::{Clock as _, Ledger as _, LedgerListing as _, LedgerReports as _, TallyKey},
    run::RunId,
    settlement::{Outcome, Settled, Settlement},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
};

/// The most mails that are listed.
const LISTED: usize = 1_000;

/// What `pulse settle` takes.
#[derive(Debug, Args)]
#[command(after_help = "Without a customer: lists the mails of which it isn't known whether they were accepted.\n\
                        Look each up at the provider by its key, then: \
                        pulse settle CUSTOMER --run 2026-11 --sent ID --note \"seen in the provider's log\"")]
pub struct Options {
    /// Whose mail.
    #[arg(value_name = "CUSTOMER", value_parser = CustomerId::parse, requires_all = ["run", "note"])]
    customer: Option<CustomerId>,

    /// Of which run.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse, requires = "customer")]
    run: Option<RunId>,

    /// It was accepted, under this id of the provider's.
    #[arg(long, value_name = "ID", requires = "customer", conflicts_with = "not_sent")]
    sent: Option<String>,

    /// It was not accepted, and is to be sent.
    #[arg(long, requires = "customer")]
    not_sent: bool,

    /// Who says so, and how they know. It is kept with the customer, so no personal data.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse, requires = "customer")]
    note: Option<Note>,
}

#[derive(Serialize)]
struct Unknown {
    customer: CustomerId,
    run: RunId,
    key: String,
    since: Timestamp,
    cause: Cause,
}

#[derive(Serialize)]
struct Done {
    customer: CustomerId,
    run: RunId,
    outcome: &'static str,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found or used, or there is nothing to settle.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let outcome = match (&options.sent, options.not_sent) {
        (Some(id), _) if id.trim().is_empty() => bail!("--sent wants the provider's id of the mail."),
        (Some(id), _) => Some(Outcome::Sent { provider_id: id.trim().to_owned() }),
        (None, true) => Some(Outcome::NotSent),
        (None, false) => None,
    };
    let stack = target.find().await?;
    match (options.customer, options.run, outcome) {
        (Some(customer), Some(run), Some(outcome)) => {
            let note = options.note.context("--note says who says so, and how they know.")?;
            settle(&stack, EntryId { customer, run }, &outcome, &note, output).await
        }
        (Some(_), ..) => bail!("Say what became of it: --sent ID if the provider has it, --not-sent if it hasn't."),
        (None, ..) => list(&stack, output).await,
    }
}

async fn settle(stack: &Stack, id: EntryId, outcome: &Outcome, note: &Note, output: Output) -> Result<Exit> {
    let (ledger, queue) = (stack.ledger()?, stack.queue(StageName::Email)?);
    let settlement = Settlement { ledger: &ledger, email_queue: &queue, clock: &SystemClock };
    let settled = settlement.settle(&id, outcome, note.as_str()).await?;
    let (outcome, words) = match settled {
        Settled::Sent => ("sent", "is sent now: nobody mails it again"),
        Settled::Queued => ("queued", "is queued for its mail"),
        Settled::Already => ("already-sent", "was sent already: nothing to settle"),
    };
    let EntryId { customer, run } = id.clone();
    output.show(&Done { customer, run, outcome }, || format!("Entry {id} {words}.\n"))?;
    Ok(Exit::Done)
}

async fn list(stack: &Stack, output: Output) -> Result<Exit> {
    let ledger = stack.ledger()?;
    let tally = ledger.tally(SystemClock.now()).await?;
    let runs: Vec<_> = tally.0.iter().filter(|((_, key), _)| *key == TallyKey::Indeterminate).collect();
    let all: u64 = runs.iter().map(|(_, count)| **count).sum();
    let mut unknown = Vec::new();
    for ((run, _), _) in runs {
        let ids = ledger.closed_entries(*run, TallyKey::Indeterminate, LISTED).await?;
        for ids in ids.chunks(16) {
            let read = try_join_all(ids.iter().map(|id| read(&ledger, id))).await?;
            unknown.extend(read.into_iter().flatten());
        }
    }
    output.show(&unknown, || text(&unknown, all))?;
    Ok(Exit::Done)
}

async fn read(ledger: &DynamoDbLedger, id: &EntryId) -> Result<Option<Unknown>> {
    let Some(entry) = ledger.entry(id).await? else { return Ok(None) };
    let Progress::Indeterminate { cause, at, .. } = entry.progress() else { return Ok(None) };
    let EntryId { customer, run } = id.clone();
    Ok(Some(Unknown { customer, run, key: id.message_key(), since: *at, cause: cause.clone() }))
}

fn text(unknown: &[Unknown], all: u64) -> String {
    if unknown.is_empty() {
        return "No mail is of unknown fate: there is nothing to settle.\n".into();
    }
    let mut text = heading("Mails of unknown fate");
    let mut table = Table::default();
    for mail in unknown {
        table.push(
            format!("{} {}", mail.customer, mail.run),
            format!("key {}, since {:.0}: {}", mail.key, mail.since, mail.cause),
        );
    }
    text += &table.render();
    if all > unknown.len() as u64 {
        let _ = writeln!(text, "  and {} more", all - unknown.len() as u64);
    }
    text += "\nLook each up at the provider by its key. Nobody sends it again until you say that it wasn't sent:\n";
    let Some(first) = unknown.first() else { return text };
    for end in ["--sent ID --note \"..\"", "--not-sent --note \"..\""] {
        let _ = writeln!(text, "  pulse settle {} --run {} {end}", first.customer, first.run);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &[&str]) -> Result<Options, String> {
        let line = Line::try_parse_from([&["settle"], line].concat());
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mail_is_settled_with_a_note_and_without_an_address_in_it() {
        let whose = ["c-1", "--run", "2026-11", "--sent", "m-1"];
        assert!(parse(&[]).is_ok() && parse(&[&whose[..], &["--note", "seen"]].concat()).is_ok());
        assert!(parse(&whose).unwrap_err().contains("--note"));
        for bad in [" ", "ask ada@example.com"] {
            assert!(parse(&[&whose[..], &["--note", bad]].concat()).is_err(), "{bad}");
        }
        assert!(parse(&[&whose[..], &["--not-sent", "--note", "both"]].concat()).is_err());
    }

    #[test]
    fn the_list_says_what_to_do_next() {
        let mail = Unknown {
            customer: CustomerId::parse("c-1").unwrap(),
            run: RunId::parse("2026-11").unwrap(),
            key: "c-1_2026-11".into(),
            since: "2026-11-03T10:00:00Z".parse().unwrap(),
            cause: Cause::new("The answer was lost."),
        };
        let text = text(&[mail], 3);
        assert!(text.contains("key c-1_2026-11") && text.contains("and 2 more"), "{text}");
        assert!(text.contains("pulse settle c-1 --run 2026-11 --not-sent"), "{text}");
    }
}
