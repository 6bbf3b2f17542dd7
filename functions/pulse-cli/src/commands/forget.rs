//! `pulse forget`.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use pulse_app::{ForgetReport, LettersNaming};
use pulse_core::{
    control::{Actor, Note},
    customer::CustomerId,
    forgetting::Forgotten,
    run::RunId,
};
use serde::Serialize;

use crate::{
    exit::{Exit, Usage},
    output::{Output, Table},
    target::Target,
    text::advised,
};

/// What `pulse forget` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Takes the profile, the schedule, scores and notes away, and leaves a tombstone, so that no roster and no \
                        partner brings the customer back. Entries stay, without anything personal, so that runs add up. \
                        It can't be undone: `pulse export ID` before it hands out what there is.\n\n\
                        It may be given again, and goes on where it ended."
)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,

    /// How it was asked for, for others to read: one line without personal data. It stays.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,

    /// Doesn't ask.
    #[arg(long)]
    yes: bool,

    /// Takes the tombstone away: the customer came back, and the next roster that has them enrols them anew.
    #[arg(long)]
    undo: bool,

    /// Who does it.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,
}

#[derive(Debug, Serialize)]
struct LetBack<'a> {
    customer: &'a CustomerId,
    let_back: bool,
}

/// What a forgotten customer is still found in.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    forgotten: &'a ForgetReport,
    not_reached: [&'static str; 5],
}

/// What can't be reached, and how long it stays.
const NOT_REACHED: [&str; 5] = [
    "the table's backups, from which a moment of the last 35 days can be restored: forget the customer again after a restore",
    "what providers and partners told that isn't read yet: in its queue for 4 days, as a dead letter for 14, from when it is queued",
    "what the email and scoring providers keep of their own: ask them to erase it",
    "rosters and files of rejected rows, where they are: take the customer off those",
    "the suppressed address, if it was: as a digest that nobody can read it from",
];

/// Carries `pulse forget` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, has no such customer, or nobody says yes.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Options { customer, note, yes, undo, by } = options;
    let app = target.app_of(Some(by)).await?;
    if undo {
        let back = app.let_back(&customer, &note).await;
        let let_back = back.map_err(|error| advised(&error, error.advice().as_ref()))?;
        output.show(&LetBack { customer: &customer, let_back }, || {
            if let_back {
                format!("{customer} may come back: the next roster that has them enrols them anew.\n")
            } else {
                format!("{customer} was not forgotten: nothing is changed.\n")
            }
        })?;
        return Ok(if let_back { Exit::Done } else { Exit::Failed });
    }
    if !yes && !confirmed(&customer)? {
        output.remark(format!("Nothing is done: that wasn't {customer}."));
        return Ok(Exit::Failed);
    }
    let mut told = BTreeSet::new();
    let mut watch = |run: RunId, until: Timestamp| {
        if told.insert(run) {
            output.remark(format!("A worker has the entry of run {run}, until {until:.0} at most: waiting for it."));
        }
    };
    let forgotten = app.forget(&customer, &note, &mut watch).await;
    let forgotten = forgotten.map_err(|error| advised(&error, error.advice().as_ref()))?;
    output.show(&Report { forgotten: &forgotten, not_reached: NOT_REACHED }, || text(&forgotten))?;
    Ok(Exit::Done)
}

/// Whether someone at the terminal means it.
fn confirmed(customer: &CustomerId) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Usage(format!("Nobody can be asked whether {customer} is to be forgotten: --yes says so.")).into());
    }
    eprint!("This can't be undone. Type the id again to forget {customer}: ");
    let _ = io::stderr().flush();
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).context("Nothing can be read from the terminal")?;
    Ok(typed.trim() == customer.as_str())
}

fn text(report: &ForgetReport) -> String {
    let ForgetReport { forgotten, letters } = report;
    let Forgotten { customer, tombstone, again, entries, notes, in_doubt } = forgotten;
    let mut text = if *again {
        let (at, by) = (tombstone.at, tombstone.by.as_str());
        format!("{customer} was forgotten already, at {at:.0} by {by}, and nothing personal is left:\n")
    } else {
        format!("{customer} is forgotten:\n")
    };
    text += &Table::default()
        .row("profile", "erased; a tombstone stays, so that no roster and no partner brings them back")
        .row("schedule", "deleted")
        .row("entries", format!("{entries} kept, without scores, causes and the provider's ids"))
        .row("notes", format!("{notes} deleted"))
        .render();
    if !in_doubt.is_empty() {
        let runs: Vec<_> = in_doubt.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "A mail of run {} may be on its way: its provider's word, or a day without one, ends that. No other is sent.",
            runs.join(", ")
        );
    }
    text.extend(letters.iter().map(of_letters));
    text += "What isn't reached:\n";
    NOT_REACHED.iter().fold(text, |text, what| text + "  " + what + "\n")
}

/// What a queue's dead letters name them in.
fn of_letters(letters: &LettersNaming) -> String {
    let LettersNaming { queue, found, trouble } = letters;
    if let Some(cause) = trouble {
        return format!(
            "Whether dead letters of {queue} name them can't be told ({cause}): each is dropped 14 days after it came in.\n"
        );
    }
    let of = format!(
        "{} of {}{} dead letters of {queue}",
        found.naming,
        found.looked_at,
        if found.more {
            " (there are more, which is too many, or somebody has them in hand: forget them again in some minutes)"
        } else {
            ""
        }
    );
    match found.until {
        Some(until) => format!(
            "{of} name them, the last until {until:.0}: `pulse redrive {queue}` takes away those that can be read. \
             The others stay until then, as they may tell of others too.\n"
        ),
        None => format!("{of} name them.\n"),
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::{
        customer::Tombstone,
        dead_letters::Mentions,
        failure::Cause,
        ports::{DlqName, IntakeQueue},
    };

    use super::*;

    #[test]
    fn what_stays_and_what_is_not_reached_is_said() {
        let tombstone = Tombstone {
            at: "2026-11-26T10:00:00Z".parse().unwrap(),
            by: "aoife".into(),
            note: Note::parse("asked by letter").unwrap(),
        };
        let forgotten = Forgotten {
            customer: CustomerId::parse("c-1").unwrap(),
            tombstone,
            again: false,
            entries: 3,
            notes: 2,
            in_doubt: vec![RunId::parse("2026-11").unwrap()],
        };
        let of = |queue, found, trouble| LettersNaming { queue: DlqName::Intake(queue), found, trouble };
        let until = Some("2026-12-09T10:00:00Z".parse().unwrap());
        let found = Mentions { looked_at: 9, more: false, naming: 2, until };
        let letters = vec![
            of(IntakeQueue::Feedback, found, None),
            of(IntakeQueue::Unsubscribe, Mentions::default(), Some(Cause::new("no permission"))),
        ];
        let told = text(&ForgetReport { forgotten: forgotten.clone(), letters });
        for part in [
            "2 of 9 dead letters of feedback name them, the last until 2026-12-09T10:00:00Z: `pulse redrive feedback`",
            "of unsubscribe name them can't be told (no permission)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        for part in ["c-1 is forgotten", "3 kept", "2 deleted", "run 2026-11 may be on its way", "35 days", "4 days"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let letters =
            vec![of(IntakeQueue::Feedback, Mentions { looked_at: 10_000, more: true, ..Mentions::default() }, None)];
        let forgotten = Forgotten { again: true, in_doubt: vec![], ..forgotten };
        let told = text(&ForgetReport { forgotten, letters });
        assert!(told.contains("0 of 10000 (there are more"), "{told}");
        assert!(told.contains("was forgotten already, at 2026-11-26T10:00:00Z by aoife"), "{told}");
        assert!(!told.contains("on its way"), "{told}");
    }
}
