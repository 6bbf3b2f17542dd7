//! What is in a dead-letter queue.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::App;
use pulse_core::{
    dead_letters::{RedriveOrder, RedriveProgress},
    ports::DlqName,
};

use super::{Options, text::text};
use crate::{exit::Exit, interruption::Asked, output::Output};

pub(super) async fn redrive(app: &App, queue: DlqName, options: Options, output: Output) -> Result<Exit> {
    let Options { cause, endpoint, rate, dry_run, .. } = options;
    let order = RedriveOrder { cause, endpoint, rate, dry_run };
    let asked = Asked::listen()?;
    let bar = progress_bar();
    let mut watch = |progress: RedriveProgress| {
        bar.set_length(progress.of.unwrap_or(0).max(progress.done));
        bar.set_position(progress.done);
    };
    let report = app.redrive(queue, &order, &mut watch, &|| asked.to_end()).await;
    bar.finish_and_clear();
    let report = report?;
    output.show(&report, || text(queue, &order, &report.redriven))?;
    Ok(match report.redriven {
        redriven if redriven.interrupted => Exit::Interrupted,
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
