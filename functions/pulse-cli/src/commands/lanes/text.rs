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
        Step::Drain => "Waiting until the invocations that are running have ended: some two minutes. \
                        If this is broken off, the same command goes on from here."
            .into(),
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
mod tests {
    use pulse_core::lanes::{Lanes, steps};

    use super::*;

    fn settings(reserved: u32, enabled: bool) -> LaneSettings {
        LaneSettings {
            maximum_concurrency: 5,
            reserved_concurrency: Some(reserved),
            in_flight: 4,
            rate_divisor: None,
            enabled,
            changed_lately: false,
        }
    }

    fn told(asked_for: u32, dry_run: bool, enabled: bool) -> String {
        let before = settings(5, enabled);
        let lanes = Lanes::closest(asked_for, None, 4).unwrap();
        let (stage, steps) = (StageName::Score, steps(&before, lanes));
        let parameter_overrides = "ScoreMaximumConcurrency=9 ScoreInFlight=4".to_owned();
        set(&LaneReport { stage, asked_for, lanes, before, steps, dry_run, parameter_overrides })
    }

    #[test]
    fn what_was_set_is_told_with_what_the_next_deployment_needs() {
        let text = told(36, false, true);
        assert!(
            text.contains("has 36 = 9 invocations x 4 calls. Before, it had 20 = 5 invocations x 4 calls"),
            "{text}"
        );
        assert!(
            text.contains("ScoreMaximumConcurrency=9 ScoreInFlight=4") && text.contains("samconfig.toml"),
            "{text}"
        );
        assert!(!text.contains("can't be split") && !text.contains("disabled"), "{text}");
        assert!(told(20, false, true).contains("already"));
    }

    #[test]
    fn what_was_rounded_and_what_stays_paused_is_told() {
        let text = told(23, false, false);
        assert!(text.starts_with("23 lanes can't be split") && text.contains("has 22 = 2 invocations x 11"), "{text}");
        assert!(text.contains("disabled, and stays so"), "{text}");
    }

    #[test]
    fn a_dry_run_lists_the_steps() {
        let text = told(8, true, true);
        let places = ["would have 8", "make 2 invocations", "Waiting until", "Reserving 2"].map(|part| text.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    }

    #[test]
    fn a_stage_that_is_throttled_or_paused_shows_it() {
        assert!(line(&settings(4, true)).contains("throttled"));
        assert!(line(&settings(0, true)).contains("paused by reserved concurrency 0"));
        assert!(line(&settings(5, false)).ends_with("reserved concurrency 5, mapping disabled"));
    }
}
