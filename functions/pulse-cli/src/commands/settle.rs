//! `pulse settle`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use pulse_app::{App, Unsettled, UnsettledMail, words::by_run};
use pulse_core::{
    control::Note,
    customer::CustomerId,
    entry::{EntryId, ItemId, RunAndItem},
    run::RunId,
    settlement::{Settled, SettlementOutcome},
};

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
    text::advised,
};

/// What `pulse settle` takes.
#[derive(Debug, Args)]
#[command(after_help = "Without a customer: lists the mails of which it isn't known whether they were accepted.\n\
                        The provider's events settle them, or a day without any. Who looked one up by its key may say: \
                        pulse settle CUSTOMER --run 2026-11 --sent ID --note \"seen in the provider's log\"")]
pub struct Options {
    /// Whose mail.
    #[arg(value_name = "CUSTOMER", value_parser = CustomerId::parse, requires_all = ["run", "note"])]
    customer: Option<CustomerId>,

    /// Of which run.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse, requires = "customer")]
    run: Option<RunId>,

    /// About which item, in a campaign that is about several of a customer's.
    #[arg(long, value_name = "ITEM", value_parser = ItemId::parse, requires = "run")]
    item: Option<ItemId>,

    /// It was accepted, under this id of the provider's.
    #[arg(long, value_name = "ID", requires = "customer", conflicts_with = "not_sent")]
    sent: Option<String>,

    /// It was not accepted, and is to be sent. In a campaign it has failed then, and isn't sent.
    #[arg(long, requires = "customer")]
    not_sent: bool,

    /// Who says so, and how they know. It is kept with the customer, so no personal data.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse, requires = "customer")]
    note: Option<Note>,
}

/// Carries `pulse settle` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, or there is nothing to settle.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let outcome = match (&options.sent, options.not_sent) {
        (Some(id), _) if id.trim().is_empty() => bail!("--sent wants the provider's id of the mail."),
        (Some(id), _) => Some(SettlementOutcome::Sent { provider_id: id.trim().to_owned() }),
        (None, true) => Some(SettlementOutcome::NotSent),
        (None, false) => None,
    };
    let app = target.app_of(None).await?;
    match (options.customer, options.run, outcome) {
        (Some(customer), Some(run), Some(outcome)) => {
            let note = options.note.context("--note says who says so, and how they know.")?;
            settle(&app, EntryId { customer, run, item: options.item }, &outcome, &note, output).await
        }
        (Some(_), ..) => bail!("Say what became of it: --sent ID if the provider has it, --not-sent if it hasn't."),
        (None, ..) => list(&app, output).await,
    }
}

async fn settle(app: &App, id: EntryId, outcome: &SettlementOutcome, note: &Note, output: Output) -> Result<Exit> {
    let report = app.settle(&id, outcome, note).await;
    let report = report.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let words = match report.settled {
        Settled::Sent => "is sent now: nobody mails it again".to_owned(),
        Settled::Queued => "is queued for its mail".to_owned(),
        Settled::Failed => format!(
            "has failed now, and nothing is sent: what a campaign has closed stays closed. `pulse run start NAME --unreached-of {} \
             ..` writes to those whom it didn't reach, once it is over",
            id.run
        ),
        Settled::Already => "was sent already: nothing to settle".to_owned(),
    };
    output.show(&report, || format!("Entry {id} {words}.\n"))?;
    Ok(Exit::Done)
}

async fn list(app: &App, output: Output) -> Result<Exit> {
    let Unsettled { mails, all } = app.unsettled().await?;
    output.show(&mails, || text(&mails, all))?;
    Ok(Exit::Done)
}

fn text(unknown: &[UnsettledMail], all: u64) -> String {
    if unknown.is_empty() {
        return "No mail is in doubt: there is nothing to settle.\n".into();
    }
    let mut text = heading("Mails in doubt");
    let mut table = Table::default();
    for mail in unknown {
        table.push(
            format!("{} {}", mail.customer, RunAndItem { run: mail.run, item: mail.item }),
            format!("key {}, since {:.0}: {}", mail.key, mail.since, mail.cause),
        );
    }
    text += &table.render();
    if all > unknown.len() as u64 {
        let _ = writeln!(text, "  and {} more", all - unknown.len() as u64);
    }
    text += "\nNothing needs to be done: the provider's word settles each, and after a day without one it counts as unconfirmed.\n\
         None is sent again, unless someone who looked it up at the provider by its key says that it wasn't sent; of a campaign, not \
         even then:\n";
    let Some(first) = unknown.first() else { return text };
    for end in ["--sent ID --note \"..\"", "--not-sent --note \"..\""] {
        let of = by_run(RunAndItem { run: first.run, item: first.item });
        let _ = writeln!(text, "  pulse settle {} {of} {end}", first.customer);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use pulse_core::failure::Cause;

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
        let of_item = ["c-1", "--run", "invoices", "--item", "INV-1", "--sent", "m-1", "--note", "seen"];
        assert_eq!(parse(&of_item).unwrap().item, ItemId::parse("INV-1").ok());
        assert!(parse(&["--item", "INV-1"]).is_err());
    }

    #[test]
    fn the_list_says_what_to_do_next() {
        let mail = UnsettledMail {
            customer: CustomerId::parse("c-1").unwrap(),
            run: RunId::parse("2026-11").unwrap(),
            item: None,
            key: "c-1_2026-11".into(),
            since: "2026-11-03T10:00:00Z".parse().unwrap(),
            cause: Cause::new("The answer was lost."),
        };
        let of_item = UnsettledMail {
            run: RunId::parse("invoices").unwrap(),
            item: ItemId::parse("INV-1").ok(),
            key: "c-1_invoices.INV-1".into(),
            ..mail.clone()
        };
        let told = text(&[of_item], 1);
        assert!(
            told.contains("c-1 invoices, item INV-1") && told.contains("--run invoices --item INV-1 --not-sent"),
            "{told}"
        );
        let text = text(&[mail], 3);
        assert!(text.contains("key c-1_2026-11") && text.contains("and 2 more"), "{text}");
        assert!(text.contains("pulse settle c-1 --run 2026-11 --not-sent"), "{text}");
        assert!(text.contains("of a campaign, not even then"), "{text}");
    }
}
