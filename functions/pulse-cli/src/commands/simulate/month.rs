use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pulse_sim::month::{self, Scenario};

use super::{options::Options, text};
use crate::{exit::Exit, output::Output, report};

/// One month of many customers.
pub(super) fn run(options: &Options, output: Output) -> Result<Exit> {
    let scenario = options.scenario();
    let bar = progress_bar(&scenario);
    let report = month::run(&scenario, &mut |progress| {
        bar.set_position(progress.simulated.as_secs() / 3600);
        bar.set_message(format!("{} mails", progress.mailed));
    });
    bar.finish_and_clear();
    if let Some(path) = &options.report {
        fs::write(path, report::html(&report)).with_context(|| format!("{} can't be written", path.display()))?;
    }
    output.show(&report, || text::month(&report, options.report.as_deref()))?;
    Ok(if report.proof.objections().is_empty() { Exit::Done } else { Exit::PromiseBroken })
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
