//! `pulse replay`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use pulse_app::{ReplayOrder, Replayed};
use pulse_core::{
    control::Note,
    customer::CustomerId,
    entry::{EntryId, ItemId},
    replay::Requeued,
    run::RunId,
};

use crate::{
    exit::Exit,
    output::Output,
    target::Target,
    text::{self, advised},
};

/// What `pulse replay` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --again nothing is done. Who is sent already gets a further mail only with --force and a \
                        note that is kept: it has a run of its own, such as 2026-11-r2, so what was sent stays as it is \
                        and the further mail goes out once, too."
)]
pub struct Options {
    /// Whose entry.
    #[arg(value_name = "CUSTOMER", value_parser = CustomerId::parse)]
    customer: CustomerId,

    /// Of which run.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    run: RunId,

    /// About which item, in a campaign that is about several of a customer's.
    #[arg(long, value_name = "ITEM", value_parser = ItemId::parse)]
    item: Option<ItemId>,

    /// Does it: queues a message for the entry.
    #[arg(long)]
    again: bool,

    /// Also before it is due, or for a further mail of the month.
    #[arg(long, requires = "again", requires = "note")]
    force: bool,

    /// Who wants that, and why. It is kept with the customer, so no personal data.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse, requires = "force")]
    note: Option<Note>,
}

/// Carries `pulse replay` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, or the entry isn't to be replayed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let id = EntryId { customer: options.customer, run: options.run, item: options.item };
    let order = match (options.again, options.note) {
        (false, _) => ReplayOrder::Preview,
        (true, None) => ReplayOrder::Again,
        (true, Some(note)) => ReplayOrder::ByForce(note),
    };
    let replayed = target.app_of(None).await?.replay(&id, &order).await;
    let replayed = replayed.map_err(|error| advised(&error, error.advice().as_ref()))?;
    output.show(&replayed, || text(&replayed))?;
    Ok(Exit::Done)
}

fn text(Replayed { prospect, requeued }: &Replayed) -> String {
    let zone = &prospect.zone;
    let mut text = format!("Entry {} {}.\n", prospect.entry, text::preview(&prospect.preview, zone));
    if let Some(due) = prospect.not_due_before {
        let due = due.to_zoned(zone.rules().clone());
        let _ = writeln!(text, "It isn't due before {}.", due.strftime("%Y-%m-%d %H:%M %Z"));
    }
    if let (Some(stage), Some(holder)) = (prospect.stage, &prospect.holder) {
        let _ =
            writeln!(text, "Its message waits until the {stage} stage flows, which {}.", text::holder(holder, zone));
    }
    match requeued {
        Some(Requeued::Queued { stage }) => {
            let _ = writeln!(text, "It is queued to the {stage} stage.");
        }
        Some(Requeued::Repeated { run }) => {
            let customer = &prospect.entry.customer;
            let _ = writeln!(text, "A further mail is ordered, as run {run}: see `pulse why {customer} --run {run}`.");
        }
        None if prospect.preview.is_nothing() => {}
        None => text += "Nothing was done: --again does it.\n",
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

    #[test]
    fn a_further_mail_takes_force_and_a_note_together() {
        let parse = |end: &[&str]| Line::try_parse_from([&["replay", "c-1", "--run", "2026-11"], end].concat());
        assert!(parse(&[]).is_ok() && parse(&["--again"]).is_ok());
        assert!(parse(&["--again", "--force", "--note", "asked for it by phone"]).is_ok());
        for bad in [
            &["--force"][..],
            &["--again", "--force"],
            &["--force", "--note", "x"],
            &["--again", "--note", "x"],
            &["--again", "--force", "--note", "ada@example.com asked"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
