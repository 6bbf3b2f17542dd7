//! The other systems that are told of what happens.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use maud::{Markup, html};
use pulse_app::{
    EndpointListed, EndpointShown, EndpointsReport, GivenUpCounts,
    words::{
        asked_for, called_lately, endpoint_lanes, endpoint_next, endpoint_standing, grouped, holder, waiting_count,
    },
};
use pulse_core::{
    customer::Zone,
    delivery::{EndpointName, EndpointStanding},
    entry::StageName,
    ports::DlqName,
    why::HoldReason,
};
use serde::Serialize;

use super::{
    customer::commands,
    letters::{LIMIT, named},
};
use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
};

/// Where an endpoint's page is. A name has only letters, digits and hyphens.
pub(super) fn path(name: &EndpointName) -> String {
    format!("/endpoints/{name}")
}

pub(super) fn parse(name: &str) -> Result<EndpointName, Failure> {
    EndpointName::parse(name).map_err(|error| Failure::wrong(format!("{error}.")).see("/endpoints", "To the endpoints"))
}

/// What of an endpoint everyone may see who looks: in which secret its keys are isn't.
pub(super) fn without_secret(listed: EndpointListed) -> EndpointListed {
    EndpointListed { endpoint: EndpointShown { secret: None, ..listed.endpoint }, ..listed }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: &'a EndpointsReport,
    /// About how many letters there are of word that was given up, to whichever endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_up: Option<&'a GivenUpCounts>,
}

pub(super) async fn all(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    answer(&console, &tables, None).await
}

/// Looks at the letters of what was given up, to tell to whom. To look at them means to receive them, so that is a button.
pub(super) async fn count(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let given_up = console.app.given_up_counts(&|| false).await?;
    answer(&console, &tables, Some(&given_up)).await
}

async fn answer(console: &Console, tables: &Tables, given_up: Option<&GivenUpCounts>) -> Result<Response, Failure> {
    let read = async {
        let report = console.app.endpoints().await?;
        let endpoints = report.endpoints.into_iter().map(without_secret).collect();
        Ok::<_, Failure>(Arc::new(EndpointsReport { endpoints, ..report }))
    };
    let report = console.read.endpoints.get(console.now(), read).await?;
    // Where the queues can't be asked, the rest is told all the more.
    let depths = console.depths().await.inspect_err(|error| tracing::info!(%error, "letters aren't told of")).ok();
    let of_deliver = Some(DlqName::Stage(StageName::Deliver));
    let dead_letters =
        depths.and_then(|depths| depths.iter().find(|depth| named(depth) == of_deliver).map(|one| one.waiting));
    let shown = Shown { report: &report, dead_letters, given_up };
    tables.answer(
        &shown,
        || vec![sheet(&shown)],
        || {
            let link = given_up.is_none().then(|| tables.link("endpoints"));
            let main = page(&shown, link);
            console.frame.page(&Page { title: "Endpoints".into(), place: Place::Endpoints, every: None, main })
        },
    )
}

fn sheet(shown: &Shown<'_>) -> Table {
    let head = [
        "endpoint",
        "kind",
        "place",
        "facts",
        "keeps",
        "bodies",
        "lanes",
        "lanes_used",
        "state",
        "waiting",
        "is_more",
        "oldest_since",
        "calls",
        "failures",
    ];
    let rows = shown.report.endpoints.iter().map(|listed| {
        let EndpointListed { endpoint, lanes_used, standing, waiting, last_half_hour } = listed;
        let facts: Vec<_> = endpoint.facts.iter().map(ToString::to_string).collect();
        [
            endpoint.endpoint.to_string(),
            endpoint.kind.to_owned(),
            endpoint.place.clone(),
            facts.join(" "),
            endpoint.keeps.to_string(),
            endpoint.bodies.to_string(),
            endpoint.lanes.to_string(),
            lanes_used.to_string(),
            standing.word().to_owned(),
            waiting.deliveries.to_string(),
            waiting.is_more.to_string(),
            waiting.oldest_since.map(|since| since.to_string()).unwrap_or_default(),
            last_half_hour.calls.to_string(),
            last_half_hour.failures.to_string(),
        ]
    });
    Table::new("endpoints", head, rows)
}

fn page(shown: &Shown<'_>, csv: Option<Markup>) -> Markup {
    let Shown { report, dead_letters, given_up } = shown;
    html! {
        div.heading { h1 { "Endpoints" } p.asof { "As of " (moment(report.at)) } }
        p { "Other systems that are told of what happens. Whatever holds one up, its word is kept on the ledger, without end." }
        (stage_note(report.stage_held.as_ref()))
        @if report.endpoints.is_empty() {
            p.empty { "No other system is told of anything: " code { "pulse endpoint add" } " adds one." }
        } @else {
            table.stacked {
                thead {
                    tr {
                        th scope="col" { "endpoint" } th scope="col" { "told of" } th scope="col" { "how it stands" }
                        th.number scope="col" { "waiting" }
                        @if given_up.is_some() { th.number scope="col" { "given up" } }
                        th scope="col" { "what to do next" }
                    }
                }
                tbody { @for listed in &report.endpoints { (row(listed, *given_up)) } }
            }
            p.small { "Of what waits for one of them, a thousand deliveries are counted at most." }
            @if let Some(csv) = csv { (csv) }
        }
        @match (given_up, dead_letters) {
            (Some(given_up), _) if given_up.is_more => p.small {
                "What was given up is told by dead letters, of which " (grouped(LIMIT as u64)) " were looked at, and there are more."
            },
            (Some(_), _) => p.small { "What was given up is told by the dead letters: all of them were looked at." },
            (None, Some(0)) => p { "Nothing that an endpoint was to be told was given up." },
            (None, letters) => {
                p {
                    @if let Some(letters) = letters { "About " strong { (grouped(*letters)) } (if *letters == 1 { " letter is" } else { " letters are" }) " in the " } @else { "What was given up is in the " }
                    a href="/dead-letters/deliver" { "deliver DLQ" } ", of what was given up: an endpoint refused it, and would again. " code { "pulse deliveries --failed" } " lists it."
                }
                form.act method="post" action="/endpoints" {
                    button.quiet { "Count what was given up, by endpoint" }
                    p.small { "Receives up to " (grouped(LIMIT as u64)) " letters and puts them back; nothing else changes." }
                }
            },
        }
    }
}

/// What holds all of them.
pub(super) fn stage_note(held: Option<&HoldReason>) -> Markup {
    html! {
        @if let Some(held) = held {
            p.note.bad { "Nobody is told anything: the " a href="/stages/deliver" { "deliver stage" } " " (commands(&holder(held, &Zone::UTC))) "." }
        }
    }
}

fn row(listed: &EndpointListed, given_up: Option<&GivenUpCounts>) -> Markup {
    let EndpointListed { endpoint, lanes_used, standing: stands, waiting, last_half_hour } = listed;
    let name = &endpoint.endpoint;
    html! {
        tr {
            th scope="row" {
                a href=(path(name)) { (name) } br;
                small { (endpoint.kind) " at " (endpoint.place) "; " (endpoint_lanes(endpoint, *lanes_used)) }
            }
            td data-head="told of" { (asked_for(endpoint)) }
            td {
                (standing(stands)) " "
                @if !matches!(stands, EndpointStanding::Flows) { (commands(&standing_words(stands, name))) br; }
                small { "In the last half hour " (called_lately(last_half_hour)) "." }
            }
            td.number data-head="waiting" {
                (waiting_count(waiting))
                @if let Some(since) = waiting.oldest_since { " " br; small { "since " (moment(since)) } }
            }
            @if let Some(given_up) = given_up {
                td.number data-head="given up" { (grouped(given_up.by_endpoint.get(name).copied().unwrap_or_default())) }
            }
            td data-head="what to do next" { (commands(&endpoint_next(listed))) }
        }
    }
}

/// How an endpoint stands, as a sentence.
pub(super) fn standing_words(standing: &EndpointStanding, name: &EndpointName) -> String {
    format!("It {}.", endpoint_standing(standing, name, &Zone::UTC))
}

pub(super) fn standing(standing: &EndpointStanding) -> Markup {
    let class = match standing {
        EndpointStanding::Flows => "badge good",
        EndpointStanding::Paused { .. } | EndpointStanding::Tried { .. } => "badge held",
        EndpointStanding::Gone { .. } | EndpointStanding::Broken { .. } => "badge bad",
        EndpointStanding::Removed { .. } => "badge",
    };
    html! { span class=(class) { (standing.word()) } }
}
