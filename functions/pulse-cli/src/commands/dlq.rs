//! `pulse dlq`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use console::style;
use pulse_app::DeadLettersOf;
use pulse_core::{
    dead_letters::{CauseGroup, DeadLetterReport, Example},
    entry::RunAndItem,
    ports::DlqName,
};

use crate::{
    exit::Exit,
    interruption::Asked,
    names,
    output::{Output, heading},
    target::Target,
};

/// What `pulse dlq` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is consumed: letters are out of sight while they are looked at, and put back. If this \
                        command is killed, they are back after ten minutes."
)]
pub struct Options {
    /// Only what is in this dead-letter queue.
    #[arg(value_name = "QUEUE", value_parser = names::dlq())]
    queue: Option<DlqName>,

    /// Look at no more than so many letters in each.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = limit)]
    limit: usize,
}

fn limit(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(limit @ 1..=100_000) => Ok(limit),
        // SQS lets 120,000 messages be out of sight at once (Amazon SQS Developer Guide, message quotas).
        _ => Err("is not a whole number from 1 to 100000"),
    }
}

/// Carries `pulse dlq` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or a queue or the ledger can't be read.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let asked = Asked::listen()?;
    let looked = app.dead_letters(options.queue, options.limit, &|| asked.to_end()).await?;
    output.show(&looked, || text(&looked))?;
    Ok(if asked.to_end() { Exit::Interrupted } else { Exit::Done })
}

fn text(looked: &[DeadLettersOf]) -> String {
    let mut text = String::new();
    for DeadLettersOf { queue, report } in looked {
        text += &heading(&format!("{queue} dead letters: {}", how_many(report)));
        for group in &report.causes {
            text += &group_text(group);
        }
    }
    if looked.iter().any(|looked| looked.report.looked_at > 0) {
        text += "\nWhat would be done about them: pulse redrive QUEUE [--cause \"words of it\"] --dry-run\n";
    }
    text
}

fn how_many(report: &DeadLetterReport) -> String {
    match (report.looked_at, report.more) {
        (0, false) => "none".into(),
        (count, false) => count.to_string(),
        (count, true) => format!("at least {count}; no more were looked at, see --limit"),
    }
}

fn group_text(group: &CauseGroup) -> String {
    let CauseGroup { cause, detail, count, first, last, examples } = group;
    let mut text = format!("  {:>6}  {cause}\n", style(count).red());
    if let Some(detail) = detail.as_ref().filter(|detail| !detail.as_str().is_empty()) {
        let _ = writeln!(text, "          {detail}");
    }
    let (first, last) = (format!("{first:.0}"), format!("{last:.0}"));
    let when = if first == last { format!("queued {first}") } else { format!("queued {first} to {last}") };
    let examples: Vec<_> = examples.iter().map(example).collect();
    let _ = match examples.as_slice() {
        [] => writeln!(text, "          {when}"),
        examples => writeln!(text, "          {when}, such as {}", examples.join(", ")),
    };
    text
}

fn example(example: &Example) -> String {
    match example.run {
        Some(run) => format!("{} in {}", example.customer, RunAndItem { run, item: example.item }),
        None => example.customer.to_string(),
    }
}

#[cfg(test)]
mod tests;
