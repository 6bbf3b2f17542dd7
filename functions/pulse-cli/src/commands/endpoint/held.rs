use std::time::Duration;

use anyhow::Result;
use clap::Args;
use pulse_app::{EndpointPaused, EndpointResumed};
use pulse_core::{
    control::Note,
    delivery::{EndpointName, EndpointStanding},
};

use super::{Desk, list::waiting, told};
use crate::{exit::Exit, text};

/// What `pulse endpoint pause` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Word is kept on the ledger, which has no end to it. Whoever is being called in this moment goes on: a worker \
                  asks once in an invocation, which lasts two minutes at most."
)]
pub(super) struct PauseOptions {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// Why: others will read it.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,

    /// Ends by itself after so long, as in 6h, 90m or 2d. Otherwise `pulse endpoint resume` ends it.
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, allow_hyphen_values = true)]
    lasts: Option<Duration>,
}

/// What `pulse endpoint resume` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends a pause, that an endpoint asked never to be called again, and that it is taken to be out of order: it is \
                  judged anew, and held again if it still is."
)]
pub(super) struct ResumeOptions {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// Why it may go on, for others to read.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Note,
}

/// Reads how long a pause lasts. Unlike a stage's it holds no queue's messages back, which would expire.
fn length(text: &str) -> Result<Duration, String> {
    let length = text::length(text)?;
    match length.as_secs() {
        0..60 => Err("is shorter than a minute".to_owned()),
        60..=31_536_000 => Ok(length),
        _ => Err("is longer than a year: leave it out, and it lasts until it is resumed".to_owned()),
    }
}

pub(super) async fn pause(desk: &Desk, options: PauseOptions) -> Result<Exit> {
    let PauseOptions { name, note, lasts } = options;
    let paused = desk.app.pause_endpoint(&name, &note, lasts).await.map_err(told)?;
    desk.output.show(&paused, || paused_text(&paused))?;
    Ok(Exit::Done)
}

pub(super) async fn resume(desk: &Desk, options: ResumeOptions) -> Result<Exit> {
    let ResumeOptions { name, note } = options;
    let resumed = desk.app.resume_endpoint(&name, &note).await.map_err(told)?;
    desk.output.show(&resumed, || resumed_text(&resumed))?;
    Ok(Exit::Done)
}

fn paused_text(paused: &EndpointPaused) -> String {
    let name = &paused.endpoint;
    let ends = match paused.until {
        None => format!("`pulse endpoint resume {name}` ends it"),
        Some(until) => format!("it ends by itself at {until:.0}, or by `pulse endpoint resume {name}`"),
    };
    let instead = match (paused.replaced_until, paused.until) {
        (Some(end), None) => format!(" It was paused until {end:.0}, and now is without an end."),
        (Some(end), Some(_)) => format!(" It was paused until {end:.0} before."),
        (None, _) => String::new(),
    };
    let beside = if paused.is_gone {
        format!(
            " It is held beside, as it asked never to be called again: `pulse endpoint resume {name}` alone ends that."
        )
    } else {
        String::new()
    };
    format!("{name} is paused; {ends}.{instead}{beside}\n{}. Nothing is lost.\n", waiting(&paused.waiting))
}

fn resumed_text(resumed: &EndpointResumed) -> String {
    let name = &resumed.endpoint;
    let held = match resumed.before {
        EndpointStanding::Paused { .. } => "its pause is over",
        EndpointStanding::Gone { .. } => "that it asked never to be called again is forgotten",
        EndpointStanding::Broken { .. } | EndpointStanding::Tried { .. } => "it is taken to be well, and judged anew",
        EndpointStanding::Flows | EndpointStanding::Removed { .. } => {
            return format!("Nothing held {name}: it flows. {}.\n", waiting(&resumed.waiting));
        }
    };
    format!(
        "{name} flows again: {held}. {}: tick wakes them from the next minute on, no faster than its lanes carry them.\n",
        waiting(&resumed.waiting)
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pulse_app::Waiting;
    use pulse_core::failure::Cause;

    use super::*;

    fn at() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn crm() -> EndpointName {
        EndpointName::parse("crm").unwrap()
    }

    #[test]
    fn a_pause_says_what_ends_it_and_what_it_takes_the_place_of() {
        let waiting = Waiting { deliveries: 12, is_more: false, oldest_since: Some(at()) };
        let paused =
            EndpointPaused { endpoint: crm(), until: None, replaced_until: Some(at()), is_gone: true, waiting };
        assert_eq!(
            paused_text(&paused),
            "crm is paused; `pulse endpoint resume crm` ends it. It was paused until 2026-11-03T10:00:00Z, and now is without \
             an end. It is held beside, as it asked never to be called again: `pulse endpoint resume crm` alone ends \
             that.\n12 deliveries wait, the oldest since 2026-11-03T10:00:00Z. Nothing is lost.\n"
        );
        let paused = EndpointPaused { until: Some(at()), replaced_until: None, is_gone: false, ..paused };
        assert!(paused_text(&paused).starts_with(
            "crm is paused; it ends by itself at 2026-11-03T10:00:00Z, or by `pulse endpoint resume crm`.\n"
        ));
    }

    #[test]
    fn a_resumption_says_what_it_ended() {
        let resumed = |before| {
            let waiting = Waiting { deliveries: 1_000, is_more: true, oldest_since: None };
            resumed_text(&EndpointResumed { endpoint: crm(), before, waiting })
        };
        let gone = resumed(EndpointStanding::Gone { since: at(), cause: Cause::new("It answered 410.") });
        assert!(
            gone.contains("crm flows again: that it asked never") && gone.contains("1,000+ deliveries wait"),
            "{gone}"
        );
        assert!(resumed(EndpointStanding::Broken { since: at(), probe_at: at() }).contains("judged anew"));
        assert!(resumed(EndpointStanding::Flows).starts_with("Nothing held crm"));
    }

    #[test]
    fn lengths_are_read_and_those_that_make_no_sense_refused() {
        assert_eq!(length("30d"), Ok(Duration::from_hours(720)));
        for bad in ["", "soon", "-6h", "10s", "366d"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }
}
