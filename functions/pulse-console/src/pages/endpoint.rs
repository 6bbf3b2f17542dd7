//! One endpoint: what is on its way to it, and pausing, resuming, and bringing back what it refused.

use std::{sync::Arc, time::Duration};

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    DeliveriesReport, DeliveryListed, DeliveryQuestion, EndpointListed, EndpointReport, WordListed,
    words::{
        asked_for, called_lately, endpoint_lanes, endpoint_next, grouped, length, next_word, tried, waiting_count,
    },
};
use pulse_core::{
    customer::Zone,
    delivery::{EndpointName, EndpointStanding, Owner},
    entry::{RunAndItem, StageName},
    ports::DlqName,
    why::NextWord,
};
use serde::Deserialize;

use super::{
    customer::{self, commands},
    endpoints::{parse, path, stage_note, standing, standing_words, without_secret},
    letters::{LIMIT, redrive_form},
    run,
    stage::why,
};
use crate::{
    console::{Console, Of},
    failure::{Failure, sentence},
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// Facts that are listed: of each one's customer the line is read, for a read unit.
const LISTED: usize = 50;

pub(super) async fn show(State(console): Of, Path(name): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let name = parse(&name)?;
    let read = async {
        let report = console.app.endpoint_report(&name, LISTED).await?;
        Ok::<_, Failure>(Arc::new(EndpointReport { listed: without_secret(report.listed), ..report }))
    };
    let report = console.read.endpoint.get(&name, console.now(), read).await?;
    tables.answer(&*report, || vec![waiting(&report)], || page(&console, &name, sheet(&report, &tables)))
}

fn page(console: &Console, name: &EndpointName, main: Markup) -> Markup {
    console.frame.page(&Page { title: format!("Endpoint {name}"), place: Place::Endpoints, every: None, main })
}

fn waiting(report: &EndpointReport) -> Table {
    let name = &report.listed.endpoint.endpoint;
    let rows = report.word.iter().map(|WordListed { delivery, next }| {
        let [id, owner, fact, since, calls, cause] = cells(delivery);
        [id, owner, fact, since, calls, cause, next_word(next, name, &Zone::UTC)]
    });
    Table::new("waiting", ["id", "owner", "fact", "since", "calls", "cause", "next"], rows)
}

fn cells(listed: &DeliveryListed) -> [String; 6] {
    let DeliveryListed { id, owner, fact, since, calls, cause, .. } = listed;
    let cause = cause.as_ref().map(ToString::to_string).unwrap_or_default();
    [id.to_string(), owner.to_string(), fact.to_string(), since.to_string(), calls.to_string(), cause]
}

fn sheet(report: &EndpointReport, tables: &Tables) -> Markup {
    let EndpointReport { listed, word, is_more, at, .. } = report;
    let EndpointListed { endpoint, lanes_used, standing: stands, waiting, last_half_hour } = listed;
    let name = &endpoint.endpoint;
    html! {
        div.heading { h1 { "Endpoint " (name) " " (standing(stands)) } p.asof { "As of " (moment(*at)) } }
        (stage_note(report.stage_held.as_ref()))
        section.note {
            h2 #next { "What to do next" }
            p { (commands(&endpoint_next(listed))) }
        }
        table.facts {
            tbody {
                tr { th scope="row" { "to" } td { (endpoint.kind) " at " (endpoint.place) } }
                tr { th scope="row" { "told of" } td { (asked_for(endpoint)) } }
                tr { th scope="row" { "lanes" } td { (endpoint_lanes(endpoint, *lanes_used)) } }
                @if !matches!(stands, EndpointStanding::Flows) {
                    tr { th scope="row" { "now" } td { (commands(&standing_words(stands, name))) } }
                }
                tr { th scope="row" { "last half hour" } td { (called_lately(last_half_hour)) } }
                tr {
                    th scope="row" { "waiting" }
                    td {
                        (waiting_count(waiting))
                        @if let Some(since) = waiting.oldest_since { ", the oldest since " (moment(since)) }
                    }
                }
                tr { th scope="row" { "added" } td { (moment(endpoint.added_at)) " by " (endpoint.by) } }
            }
        }
        h2 #waiting { "What waits" }
        @if word.is_empty() {
            p.empty { "Nothing." }
        } @else {
            table.stacked {
                thead { tr { th scope="col" { "fact" } th scope="col" { "of" } th scope="col" { "since" } th scope="col" { "what came last, and what comes next" } } }
                tbody { @for word in word { (row(word, name)) } }
            }
            @if *is_more { p.small { "There is more: those that have been awaited longest are shown. " code { "pulse deliveries " (name) " --limit N" } " lists more." } }
            (tables.link("waiting"))
        }
        h2 #given-up { "What was given up" }
        p {
            (name) " refused it, and would again: it is among the letters of the " a href="/dead-letters/deliver" { "deliver DLQ" } ". "
            code { "pulse deliveries " (name) " --failed" } " lists it, and " code { "pulse redrive deliver --endpoint " (name) } " brings it back."
        }
        (look_form(name))
        @if !matches!(stands, EndpointStanding::Removed { .. }) { (actions(name, stands)) }
    }
}

fn row(WordListed { delivery, next }: &WordListed, name: &EndpointName) -> Markup {
    let words = match next {
        // What holds all of them is told above.
        NextWord::Held { .. } => format!("It waits until {name} flows."),
        NextWord::StageHeld { .. } => "It waits until the deliver stage flows.".to_owned(),
        next => next_word(next, name, &Zone::UTC),
    };
    let cause = delivery.cause.as_ref().filter(|cause| !words.contains(cause.as_str()));
    html! {
        tr {
            (facts(delivery))
            td { (sentence(tried(delivery.calls), None)) @if let Some(cause) = cause { " " (cause) } " " (commands(&words)) }
        }
    }
}

/// What happened, of whom and since when.
fn facts(listed: &DeliveryListed) -> Markup {
    html! {
        th scope="row" { (listed.fact) br; small { code { (listed.id) } } }
        td data-head="of" {
            @match &listed.owner {
                Owner::Customer(id) => a href=(customer::path(id)) { (id) },
                Owner::Run(id) => { "run " a href=(run::path(*id)) { (id) } },
            }
            @if let (Owner::Customer(_), Some(run)) = (&listed.owner, listed.run) { " in " (RunAndItem { run, item: listed.item }) }
        }
        td data-head="since" { (moment(listed.since)) }
    }
}

fn look_form(name: &EndpointName) -> Markup {
    html! {
        form.act method="post" action=(path(name)) {
            button.quiet { "Look at what was given up" }
            p.small { "Receives up to " (grouped(LIMIT as u64)) " letters and puts them back; nothing else changes." }
        }
    }
}

fn actions(name: &EndpointName, stands: &EndpointStanding) -> Markup {
    html! {
        div.columns {
            form.act method="post" action=(format!("{}/pause", path(name))) {
                h2 { "Pause" }
                p { "Nothing is lost, however long it lasts. A call that is under way goes on." }
                label { "Why: others will read it" input type="text" name="note" required maxlength="300" autocomplete="off"; }
                label { "Ends by itself after, as in 90m, 6h or 2d; empty for until someone resumes it" input type="text" name="lasts" maxlength="10" autocomplete="off"; }
                button { "Pause " (name) }
            }
            @if !matches!(stands, EndpointStanding::Flows) {
                form.act method="post" action=(format!("{}/resume", path(name))) {
                    h2 { "Resume" }
                    p { "Ends a pause, that it asked never to be called again, and that it is taken to be out of order: it is judged anew." }
                    label { "Why: others will read it" input type="text" name="note" required maxlength="300" autocomplete="off"; }
                    button { "Resume " (name) }
                }
            }
        }
    }
}

/// What was given up, by a look at the letters.
pub(super) async fn given_up(
    State(console): Of,
    Path(name): Path<String>,
    tables: Tables,
) -> Result<Response, Failure> {
    let name = parse(&name)?;
    let question = DeliveryQuestion { endpoint: Some(name.clone()), failed: true, limit: LISTED };
    let report = console.app.deliveries(&question, &|| false).await?;
    tables.answer(&report, || vec![refused(&report)], || page(&console, &name, letters(&report, &name)))
}

fn refused(report: &DeliveriesReport) -> Table {
    Table::new("given-up", ["id", "owner", "fact", "since", "calls", "cause"], report.deliveries.iter().map(cells))
}

fn letters(report: &DeliveriesReport, name: &EndpointName) -> Markup {
    html! {
        h1 { "Endpoint " (name) ": what was given up" }
        @if report.deliveries.is_empty() {
            p.empty { "Nothing" @if report.is_more { ", of " (grouped(LIMIT as u64)) " letters that were looked at" } "." }
        } @else {
            table.stacked {
                thead { tr { th scope="col" { "fact" } th scope="col" { "of" } th scope="col" { "since" } th scope="col" { "why" } } }
                tbody {
                    @for listed in &report.deliveries {
                        tr {
                            (facts(listed))
                            td { (sentence(tried(listed.calls), None)) @if let Some(cause) = &listed.cause { " " (cause) } }
                        }
                    }
                }
            }
            @if report.is_more { p.small { "There may be more: at most " (LISTED) " are shown, of " (grouped(LIMIT as u64)) " letters that are looked at." } }
            (refused(report).link())
            p { "When the cause is mended, it is brought back, and told in its order." }
            (redrive_form(DlqName::Stage(StageName::Deliver), None, Some(name), "Redrive what was given up"))
        }
        p { a href=(path(name)) { "Back to " (name) } }
    }
}

#[derive(Deserialize)]
pub(super) struct PauseForm {
    note: String,
    lasts: String,
}

pub(super) async fn pause(
    State(console): Of,
    Path(name): Path<String>,
    Form(form): Form<PauseForm>,
) -> Result<Response, Failure> {
    let name = parse(&name)?;
    let note = why(&form.note)?;
    let lasts = match form.lasts.trim() {
        "" => None,
        lasts => Some(length(lasts).map_err(|error| Failure::wrong(format!("The time {error}.")))?),
    };
    if lasts.is_some_and(|lasts| lasts < Duration::from_mins(1) || lasts > Duration::from_hours(24 * 365)) {
        return Err(Failure::wrong(
            "A pause lasts a minute at least, and a year at most: without an end, leave the time empty.",
        ));
    }
    console.app.pause_endpoint(&name, &note, lasts).await?;
    done(&console, &name).await
}

#[derive(Deserialize)]
pub(super) struct ResumeForm {
    note: String,
}

pub(super) async fn resume(
    State(console): Of,
    Path(name): Path<String>,
    Form(form): Form<ResumeForm>,
) -> Result<Response, Failure> {
    let name = parse(&name)?;
    console.app.resume_endpoint(&name, &why(&form.note)?).await?;
    done(&console, &name).await
}

/// Its page shows it at once, and the overview within a minute or two.
async fn done(console: &Console, name: &EndpointName) -> Result<Response, Failure> {
    console.read.endpoints.forget().await;
    console.read.endpoint.forget(name).await;
    console.want_snapshot().await;
    Ok(Redirect::to(&path(name)).into_response())
}
