use std::{fs::File, io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pulse_sim::month::{self, Scenario};

use super::{options::Options, text};
use crate::{
    exit::{Exit, Usage},
    output::Output,
    report,
};

/// One month of many customers.
pub(super) fn run(options: &Options, output: Output) -> Result<Exit> {
    let scenario = options.scenario()?;
    // Now, and not after a minute.
    let file = options.report.as_deref().map(to_be_written).transpose()?;
    let bar = progress_bar(&scenario);
    let report = month::run(&scenario, &mut |progress| {
        bar.set_position(progress.simulated.as_secs() / 3600);
        bar.set_message(format!("{} mails", progress.mailed));
    });
    bar.finish_and_clear();
    if let (Some(path), Some(mut file)) = (&options.report, file) {
        let written = file.set_len(0).and_then(|()| file.write_all(report::html(&report).as_bytes()));
        written.with_context(|| format!("{} can't be written", path.display()))?;
    }
    output.show(&report, || text::month(&report, options.report.as_deref()))?;
    Ok(if report.proof.objections().is_empty() { Exit::Done } else { Exit::PromiseBroken })
}

/// What it holds stays until there is something else.
fn to_be_written(path: &Path) -> Result<File, Usage> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    file.map_err(|error| Usage(format!("The report {} can't be written: {error}.", path.display())))
}

fn progress_bar(scenario: &Scenario) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(scenario.days) * 24);
    let template = "{wide_bar} {percent}% of the month, {msg}, {eta} to go";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message("enrolling");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
