//! `pulse pause`.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::{PauseOrder, PauseReport, SwitchError, Switching, Until};
use pulse_core::{
    control::{Actor, Note},
    entry::StageName,
};

use crate::{
    exit::Exit,
    names,
    output::Output,
    target::Target,
    text::{self, advised},
};

/// What `pulse pause` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: pulse pause email --note \"wrong template\" --for 6h\n\
                        A deployment doesn't end it: tick makes the mapping match within a minute.")]
pub struct Options {
    /// The stage concerned.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: StageName,

    /// Why: others will read it.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,

    /// Ends by itself after so long, as in 6h, 90m or 2d. Otherwise `pulse resume` ends it.
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, allow_hyphen_values = true)]
    lasts: Option<Duration>,

    /// What you are called, beside whose credentials these are.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,

    /// Doesn't wait for what is being worked on.
    #[arg(long)]
    no_wait: bool,
}

/// Reads how long a pause lasts.
fn length(text: &str) -> Result<Duration, String> {
    let length = text::length(text)?;
    match length.as_secs() {
        0..60 => Err("is shorter than a minute".to_owned()),
        60..=864_000 => Ok(length),
        _ => Err("is longer than 10 days, for which the queues keep messages".to_owned()),
    }
}

/// Carries `pulse pause` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or the stage can't be paused.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app_of(Some(options.by)).await?;
    let until = if options.no_wait { Until::Switched } else { Until::Drained };
    let order = PauseOrder { stage: options.stage, note: options.note, lasts: options.lasts, until };
    let report = watched(order.stage, async |watch| app.pause(&order, watch).await).await?;
    output.show(&report, || text(&report))?;
    Ok(Exit::Done)
}

fn text(report: &PauseReport) -> String {
    let PauseReport { stage, waiting, in_flight, .. } = report;
    let ends = match (report.until, report.needs_note) {
        (None, true) => "it has no end of its own".to_owned(),
        (None, false) => format!("`pulse resume {stage}` ends it"),
        (Some(until), true) => format!("it ends by itself at {until:.0}"),
        (Some(until), false) => format!("it ends by itself at {until:.0}, or by `pulse resume {stage}`"),
    };
    let beside = if report.needs_note {
        format!(
            " It is held beside, as recipients take its mails badly: that ends by `pulse resume {stage} --note \"..\"` \
             alone, which ends both."
        )
    } else {
        String::new()
    };
    let instead = match (report.replaced_until, report.until) {
        (Some(end), None) => format!(" It was paused until {end:.0}, and now is without an end."),
        (Some(end), Some(_)) => format!(" It was paused until {end:.0} before."),
        (None, _) => String::new(),
    };
    format!(
        "The {stage} stage is paused; {ends}.{instead}{beside}\n{waiting} messages wait{}. Nothing is lost: `pulse status` shows when \
         the first would expire.\n",
        still_in_flight(*in_flight)
    )
}

fn still_in_flight(in_flight: u64) -> String {
    match in_flight {
        0 => ", and none is being worked on".into(),
        more => format!(", and {more} are being worked on still, or wait for their next try"),
    }
}

/// Switches a stage, with a line that tells how it goes, on a terminal.
pub(super) async fn watched<T>(
    stage: StageName,
    switch: impl AsyncFnOnce(&mut (dyn FnMut(Switching) + Send)) -> Result<T, SwitchError>,
) -> Result<T> {
    let bar = spinner();
    let switched = switch(&mut |switching| bar.set_message(how(stage, switching))).await;
    bar.finish_and_clear();
    switched.map_err(|error| advised(&error, error.advice().as_ref()))
}

fn how(stage: StageName, switching: Switching) -> String {
    match switching {
        Switching::Mapping { mapping, in_flight } => {
            format!("The {stage} stage's mapping is {mapping:?}; {in_flight} in flight.")
        }
        Switching::Draining { in_flight } => {
            format!("The {stage} stage is paused; {in_flight} messages are in flight still.")
        }
    }
}

fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_that_takes_an_end_away_says_so() {
        let report = PauseReport {
            stage: StageName::Email,
            paused: true,
            until: None,
            replaced_until: "2026-11-10T17:30:00Z".parse().ok(),
            needs_note: false,
            waiting: 0,
            in_flight: 0,
        };
        assert!(text(&report).contains("It was paused until 2026-11-10T17:30:00Z, and now is without an end."));
        assert!(!text(&PauseReport { replaced_until: None, ..report }).contains("without an end"));
        let held = text(&PauseReport { needs_note: true, ..report });
        assert!(held.contains("`pulse resume email --note \"..\"` alone"), "{held}");
    }

    #[test]
    fn lengths_are_read_and_those_that_make_no_sense_refused() {
        assert_eq!(length("6h"), Ok(Duration::from_hours(6)));
        assert_eq!(length("90m"), Ok(Duration::from_mins(90)));
        assert_eq!(length("2d"), Ok(Duration::from_hours(48)));
        for bad in ["", "soon", "-6h", "10s", "11d", "6"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }
}
