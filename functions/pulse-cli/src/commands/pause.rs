//! `pulse pause`.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    control::{Actor, Note, Pause},
    entry::StageName,
    pausing::{Pausing, PausingError},
    ports::{Clock as _, StageSight, Stages, Switch},
    tick::{Keep, Kept},
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{exit::Exit, figures, names, output::Output, target::Target};

/// How often a stage is looked at that is being switched.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a mapping may take to be switched. AWS gives no figure; minutes have been seen.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long the messages in flight are watched: as long as an invocation can last.
const DRAINS_WITHIN: Duration = Duration::from_mins(2);

/// What `pulse pause` takes.
#[derive(Debug, Args)]
#[command(after_help = "Example: pulse pause email --note \"wrong template\" --for 6h\n\
                        A deployment doesn't end it: tick makes the mapping match within a minute.")]
pub struct Options {
    /// Which stage.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: StageName,

    /// Why: others will read it.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,

    /// Ends by itself after so long, as in 6h, 90m or 2d. Otherwise `pulse resume` ends it.
    #[arg(long = "for", value_name = "LENGTH", value_parser = length)]
    lasts: Option<Duration>,

    /// Who pauses it.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,

    /// Doesn't wait for what is being worked on.
    #[arg(long)]
    no_wait: bool,
}

/// Reads how long a pause lasts.
fn length(text: &str) -> Result<Duration, String> {
    let length = figures::length(text)?;
    match length.as_secs() {
        0..60 => Err("is shorter than a minute".to_owned()),
        60..=864_000 => Ok(length),
        _ => Err("is longer than 10 days, for which the queues keep messages".to_owned()),
    }
}

#[derive(Serialize)]
struct Outcome {
    stage: StageName,
    paused: bool,
    until: Option<Timestamp>,
    waiting: u64,
    in_flight: u64,
}

/// Runs it.
///
/// # Errors
/// When the stack can't be found, or the stage can't be paused.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let stack = target.find().await?;
    let (ledger, stages) = (stack.ledger()?, stack.stages()?);
    let stage = options.stage;
    let since = SystemClock.now();
    let until = options.lasts.map(|lasts| since.saturating_add(lasts)).transpose()?;
    let pause = Pause { by: options.by, note: options.note, since, until };
    let keep = Keep {
        stages: &stages,
        controls: &ledger,
        outcomes: &ledger,
        clock: &SystemClock,
        // What was asked for doesn't hang on tick's own figures.
        policy: stack.breaker_policy().await.unwrap_or_default(),
    };
    let pausing = Pausing { keep };
    match pausing.pause(stage, &pause).await {
        // It is written down, so tick would do it; waiting for the mapping does it sooner.
        Ok(_) | Err(PausingError::Switch(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let bar = spinner();
    let sight = until_switched(&pausing, stage, false, &bar).await?;
    let sight = if options.no_wait { sight } else { until_drained(&stages, stage, sight, &bar).await? };
    bar.finish_and_clear();
    let StageSight { waiting, in_flight, .. } = sight;
    output.show(&Outcome { stage, paused: true, until, waiting, in_flight }, || {
        let ends = until.map_or_else(
            || format!("`pulse resume {stage}` ends it"),
            |until| format!("it ends by itself at {until:.0}, or by `pulse resume {stage}`"),
        );
        format!(
            "The {stage} stage is paused; {ends}.\n{waiting} messages wait{}. Nothing is lost: `pulse status` shows when \
             the first would expire.\n",
            still_in_flight(in_flight)
        )
    })?;
    Ok(Exit::Done)
}

fn still_in_flight(in_flight: u64) -> String {
    match in_flight {
        0 => ", and none is being worked on".into(),
        more => format!(", and {more} are being worked on still, or wait for their next try"),
    }
}

/// A line that tells how it goes, on a terminal.
pub(super) fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Runs the reconciler until it finds a stage's mapping on, or off, as it is to be.
///
/// # Errors
/// When it can't be looked at, takes too long, or is to be otherwise by now.
pub(super) async fn until_switched(
    pausing: &Pausing<'_>,
    stage: StageName,
    on: bool,
    bar: &ProgressBar,
) -> Result<StageSight> {
    let started = Instant::now();
    let wanted = if on { Switch::On } else { Switch::Off };
    loop {
        let Kept { control, sight, .. } = pausing.reconcile(stage).await?;
        if sight.mapping == wanted {
            return Ok(sight);
        }
        if control.hold(SystemClock.now()).is_none() != on {
            bail!("The {stage} stage is to be otherwise by now: see `pulse status`.");
        }
        if started.elapsed() > PATIENCE {
            let minutes = PATIENCE.as_secs() / 60;
            bail!(
                "The {stage} stage's mapping is {:?} after {minutes} minutes. It is written down, so tick goes on trying: \
                 see `pulse status`.",
                sight.mapping
            );
        }
        bar.set_message(format!("The {stage} stage's mapping is {:?}; {} in flight.", sight.mapping, sight.in_flight));
        sleep(LOOK_EVERY).await;
    }
}

async fn until_drained(
    stages: &dyn Stages,
    stage: StageName,
    mut sight: StageSight,
    bar: &ProgressBar,
) -> Result<StageSight> {
    let started = Instant::now();
    while sight.in_flight > 0 && started.elapsed() < DRAINS_WITHIN {
        bar.set_message(format!("The {stage} stage is paused; {} messages are in flight still.", sight.in_flight));
        sleep(LOOK_EVERY).await;
        sight = stages.look(stage).await?;
    }
    Ok(sight)
}

#[cfg(test)]
mod tests {
    use super::*;

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
