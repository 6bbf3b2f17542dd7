//! One stage: what holds it, and pausing, resuming and setting its lanes.

use std::{str::FromStr as _, time::Duration};

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    LaneOrder, LanesShown, PauseOrder, SwitchError, Until,
    words::{length, stage_lines},
};
use pulse_core::{control::Note, entry::StageName, overview::StageOverview};
use serde::Deserialize;

use super::{customer::commands, overview::condition};
use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place},
    wanted::Wanted,
};

fn parse(stage: &str) -> Result<StageName, Failure> {
    StageName::from_str(stage).map_err(|_| Failure::unknown("There is no such stage: the overview leads to both."))
}

fn path(stage: StageName) -> String {
    format!("/stages/{stage}")
}

/// As it is now, and not as it was at the last count.
pub(super) async fn show(State(console): Of, Path(stage): Path<String>, wanted: Wanted) -> Result<Response, Failure> {
    let stage = parse(&stage)?;
    let only = [stage];
    let (overviews, lanes) = futures::join!(console.app.overviews(), console.app.lanes(&only));
    let overview = overviews?.into_iter().find(|overview| overview.stage == stage);
    let overview = overview.ok_or_else(|| Failure::unknown("There is no such stage: the overview leads to both."))?;
    Ok(wanted.answer(&overview, || {
        let main = page(&console, &overview, lanes.ok().and_then(|lanes| lanes.into_iter().next()));
        console.frame.page(&Page { title: format!("Stage {stage}"), place: Place::Overview, every: None, main })
    }))
}

fn page(console: &Console, overview: &StageOverview, lanes: Option<LanesShown>) -> Markup {
    let stage = overview.stage;
    html! {
        h1 { "Stage " (stage) " " (condition(overview.condition)) }
        table.facts {
            tbody {
                @for line in stage_lines(overview, console.now()) {
                    tr.bad[line.is_alarming] { th scope="row" { (line.label) } td { (commands(&line.text)) } }
                }
            }
        }
        div.columns {
            form.act method="post" action=(format!("{}/pause", path(stage))) {
                h2 { "Pause" }
                p { "Nothing is lost: messages wait, for ten days at most. What is in flight ends as it would." }
                label { "Why: others will read it" input type="text" name="note" required maxlength="300" autocomplete="off"; }
                label { "Ends by itself after, as in 90m, 6h or 2d; empty for until someone resumes it" input type="text" name="lasts" maxlength="10" autocomplete="off"; }
                button { "Pause the " (stage) " stage" }
            }
            @if overview.held.is_some() {
                form.act method="post" action=(format!("{}/resume", path(stage))) {
                    h2 { "Resume" }
                    p { "Ends whatever holds it. A hold for bad reputation takes words that say why mails may go on." }
                    label { "Why" input type="text" name="note" maxlength="300" autocomplete="off"; }
                    button { "Resume the " (stage) " stage" }
                }
            }
            @if let Some(LanesShown { lanes, settings, .. }) = lanes {
                form.act method="post" action=(format!("{}/lanes", path(stage))) {
                    h2 { "Lanes" }
                    p { "Calls that the provider sees at once: " strong { (lanes) } " = " (settings.maximum_concurrency) " invocations × " (settings.in_flight) " calls. They are changed in steps, so that the provider never sees more than the larger number." }
                    label { "Lanes" input type="number" name="lanes" value=(lanes) min="1" required; }
                    button { "Set the lanes" }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PauseForm {
    note: String,
    lasts: String,
}

/// Words of a form, where there are any.
pub(super) fn note(words: &str) -> Result<Option<Note>, Failure> {
    match words.trim() {
        "" => Ok(None),
        words => Note::parse(words).map(Some).map_err(|error| Failure::wrong(format!("{error}."))),
    }
}

/// The same of a form that needs them.
pub(super) fn why(words: &str) -> Result<Note, Failure> {
    note(words)?.ok_or_else(|| Failure::wrong("It takes words that say why, for others to read."))
}

pub(super) async fn pause(
    State(console): Of,
    Path(stage): Path<String>,
    Form(form): Form<PauseForm>,
) -> Result<Response, Failure> {
    let stage = parse(&stage)?;
    let note =
        note(&form.note)?.ok_or_else(|| Failure::wrong("A pause takes words that say why, for others to read."))?;
    let lasts = match form.lasts.trim() {
        "" => None,
        lasts => Some(length(lasts).map_err(|error| Failure::wrong(format!("The time {error}.")))?),
    };
    if lasts.is_some_and(|lasts| lasts < Duration::from_mins(1) || lasts > Duration::from_hours(240)) {
        return Err(Failure::wrong(
            "A pause lasts a minute at least, and ten days at most: messages are kept no longer.",
        ));
    }
    let order = PauseOrder { stage, note, lasts, until: Until::Ordered };
    let paused = console.app.pause(&order, &mut |_| {}).await.map(drop);
    switched(&console, stage, paused).await
}

#[derive(Deserialize)]
pub(super) struct ResumeForm {
    note: String,
}

pub(super) async fn resume(
    State(console): Of,
    Path(stage): Path<String>,
    Form(form): Form<ResumeForm>,
) -> Result<Response, Failure> {
    let stage = parse(&stage)?;
    let resumed = console.app.resume(stage, note(&form.note)?.as_ref(), Until::Ordered, &mut |_| {}).await.map(drop);
    switched(&console, stage, resumed).await
}

#[derive(Deserialize)]
pub(super) struct LanesForm {
    lanes: u32,
}

pub(super) async fn lanes(
    State(console): Of,
    Path(stage): Path<String>,
    Form(form): Form<LanesForm>,
) -> Result<Response, Failure> {
    let stage = parse(&stage)?;
    let order = LaneOrder { stage, lanes: form.lanes, in_flight: None, dry_run: false };
    console.app.set_lanes(order, &mut |_| {}).await?;
    done(&console, stage).await
}

/// What is written down is done within a minute, whatever is in the way now: the page shows how far it is.
async fn switched(console: &Console, stage: StageName, switched: Result<(), SwitchError>) -> Result<Response, Failure> {
    match switched {
        Err(SwitchError::Pausing(error)) if error.is_written_down() => {}
        switched => switched?,
    }
    done(console, stage).await
}

/// Everyone sees it within a minute: tick counts anew.
async fn done(console: &Console, stage: StageName) -> Result<Response, Failure> {
    console.want_snapshot().await;
    Ok(Redirect::to(&path(stage)).into_response())
}
