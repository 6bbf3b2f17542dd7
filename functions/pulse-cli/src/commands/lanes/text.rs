use std::fmt::Write as _;

use console::style;
use pulse_app::{LaneReport, LanesShown};
use pulse_core::{
    entry::StageName,
    lanes::{LaneSettings, Step},
};

use crate::output::{Table, heading};

/// The stages' lanes.
pub(super) fn shown(stages: &[LanesShown]) -> String {
    let mut table = Table::default();
    for LanesShown { stage, settings, .. } in stages {
        table.push(stage, line(settings));
    }
    heading("Lanes") + &table.render()
}

fn line(settings: &LaneSettings) -> String {
    let split = split(settings.lanes(), settings.maximum_concurrency, settings.in_flight);
    let reserved = match settings.reserved_concurrency {
        Some(0) => style(", paused by reserved concurrency 0".to_owned()).yellow(),
        Some(reserved) if reserved < settings.maximum_concurrency => {
            style(format!(", throttled by reserved concurrency {reserved}: set the lanes again")).red()
        }
        Some(reserved) => style(format!(", reserved concurrency {reserved}")),
        None => style(", no reserved concurrency".to_owned()),
    };
    let mapping = if settings.enabled { "" } else { ", mapping disabled" };
    format!("{split}{reserved}{mapping}")
}

fn split(count: u32, maximum_concurrency: u32, in_flight: u32) -> String {
    format!("{count} = {maximum_concurrency} invocations x {in_flight} calls")
}

/// A step, as it is about to be taken.
pub(super) fn step(stage: StageName, step: &Step) -> String {
    match step {
        Step::Reserve(invocations) => {
            format!("Reserving {invocations} concurrent executions for the {stage} function.")
        }
        Step::Maximum(invocations) => format!("Letting the {stage} mapping make {invocations} invocations at once."),
        Step::Configure { in_flight, rate_divisor: None } => {
            format!("Setting the {stage} function to {in_flight} calls in flight.")
        }
        Step::Configure { in_flight, rate_divisor: Some(rate_divisor) } => format!(
            "Setting the {stage} function to {in_flight} calls in flight, and its rate to be shared by {rate_divisor}."
        ),
        Step::Drain => format!(
            "Waiting until the invocations that are running have ended: some {} minutes. If this is broken off, the same \
             command goes on from here.",
            stage.spec().function_timeout.as_secs() / 60
        ),
    }
}

/// What was done, or would be.
pub(super) fn set(set: &LaneReport) -> String {
    let mut text = String::new();
    let now = split(set.lanes.count(), set.lanes.maximum_concurrency(), set.lanes.in_flight());
    let before = split(set.before.lanes(), set.before.maximum_concurrency, set.before.in_flight);
    if set.lanes.count() != set.asked_for {
        let asked_for = set.asked_for;
        let _ = writeln!(text, "{asked_for} lanes can't be split so: these are the most that are no more than that.");
    }
    let stage = set.stage;
    let _ = match (set.dry_run, set.steps.is_empty()) {
        (_, true) => writeln!(text, "The {stage} stage has {now} already."),
        (false, false) => writeln!(text, "The {stage} stage has {now}. Before, it had {before}."),
        (true, false) => {
            let _ = writeln!(text, "The {stage} stage has {before}, and would have {now}. It would take:");
            set.steps.iter().try_for_each(|step| writeln!(text, "  {}", self::step(stage, step)))
        }
    };
    if !set.before.enabled {
        text += "Its mapping is disabled, and stays so.\n";
    }
    let _ = writeln!(
        text,
        "The next `sam deploy` sets the template's parameters again, some of them or all. To keep this, put it into \
         parameter_overrides in samconfig.toml before that:\n  {}",
        set.parameter_overrides
    );
    text
}

#[cfg(test)]
mod tests;
