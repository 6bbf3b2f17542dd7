//! What is in a dead-letter queue.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_aws::{clock::SystemClock, stack::Stack};
use pulse_core::{
    dead_letters::{Order, Progress, Redrive, Redriven},
    ports::DlqName,
};
use serde::Serialize;

use super::{Options, text::text};
use crate::{exit::Exit, interruption::Asked, output::Output};

#[derive(Serialize)]
struct Outcome<'a> {
    queue: DlqName,
    dry_run: bool,
    #[serde(flatten)]
    redriven: &'a Redriven,
}

pub(super) async fn redrive(stack: &Stack, queue: DlqName, options: Options, output: Output) -> Result<Exit> {
    let (letters, ledger, to) = (stack.dead_letters(queue)?, stack.ledger()?, stack.queue(queue.stage())?);
    let redrive = Redrive { letters: &letters, queue: &to, ledger: &ledger, sleeper: &SystemClock };
    let order = Order { cause: options.cause, rate: options.rate, dry_run: options.dry_run };
    let asked = Asked::listen()?;
    let bar = progress_bar();
    let mut watch = |progress: Progress| {
        bar.set_length(progress.of.unwrap_or(0).max(progress.done));
        bar.set_position(progress.done);
    };
    let redriven = redrive.run(&order, &mut watch, &|| asked.to_end()).await;
    bar.finish_and_clear();
    let redriven = redriven?;
    let outcome = Outcome { queue, dry_run: order.dry_run, redriven: &redriven };
    output.show(&outcome, || text(queue, &order, &redriven))?;
    Ok(match redriven {
        Redriven { interrupted: true, .. } => Exit::Interrupted,
        redriven if redriven.is_complete() => Exit::Done,
        _ => Exit::Failed,
    })
}

/// On standard error, and only on a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of about {len} letters, {eta} to go") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
