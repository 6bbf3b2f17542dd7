//! The dead letters, by cause.

use std::str::FromStr as _;

use axum::{
    Form, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{Markup, html};
use pulse_app::{DeadLettersOf, words::grouped};
use pulse_core::{
    dead_letters::CauseFilter,
    delivery::EndpointName,
    entry::StageName,
    orders::{OrderAction, OrderPreview},
    ports::{Depth, DlqName},
    snapshot::Snapshot,
};
use serde::Deserialize;

use super::{customer, endpoints, orders, stage::note};
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
    wanted::Wanted,
};

/// The most letters that are looked at: each is received and put back, which takes a while.
pub(super) const LIMIT: usize = 1_000;

/// How many there are. To look at them means to receive them, so that is a button.
pub(super) async fn all(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let depths = console.depths().await?;
    let dead: Vec<_> = depths.iter().filter(|depth| depth.dead_letters).collect();
    let rows = || dead.iter().map(|one| [one.queue.clone(), one.waiting.to_string(), one.in_flight.to_string()]);
    tables.answer(&dead, || vec![Table::new("queues", ["queue", "letters", "in_flight"], rows())], || {
        let main = html! {
            h1 { "Dead letters" }
            p { "What was given up after several tries. Nothing is lost: it stays fourteen days, and can be brought back." }
            table {
                thead { tr { th scope="col" { "queue" } th.number scope="col" { "letters" } th scope="col" { "being looked at" } } }
                tbody {
                    @for (depth, queue) in dead.iter().filter_map(|depth| Some((depth, named(depth)?))) {
                        tr.bad[depth.waiting > 0] {
                            th scope="row" { a href=(path(queue)) { (depth.queue) } }
                            td.number { (grouped(depth.waiting)) }
                            td { @if depth.in_flight > 0 { (grouped(depth.in_flight)) } }
                        }
                    }
                }
            }
            (tables.link("queues"))
        };
        console.frame.page(&Page { title: "Dead letters".into(), place: Place::Letters, every: Some(10), main })
    })
}

fn path(queue: DlqName) -> String {
    format!("/dead-letters/{queue}")
}

/// The queue that a depth is of: it is called as in "score DLQ".
pub(super) fn named(depth: &Depth) -> Option<DlqName> {
    let name = depth.queue.strip_suffix(" DLQ")?;
    DlqName::from_str(if name == "schedule" { "schedules" } else { name }).ok()
}

fn parse(queue: &str) -> Result<DlqName, Failure> {
    DlqName::from_str(queue).map_err(|_| {
        Failure::unknown("There is no such dead-letter queue: all are on one list.")
            .see("/dead-letters", "To the dead letters")
    })
}

/// Of which cause alone: so that what is found can be handed on.
#[derive(Deserialize)]
pub(super) struct Only {
    cause: Option<String>,
}

/// What the snapshot has of it.
pub(super) async fn of(
    State(console): Of,
    Path(queue): Path<String>,
    Query(Only { cause }): Query<Only>,
    wanted: Wanted,
) -> Result<Response, Failure> {
    let queue = parse(&queue)?;
    let snapshot = console.snapshot().await?;
    let letters = snapshot.as_deref().and_then(|snapshot| depth(snapshot, queue));
    Ok(wanted.answer(&letters, || {
        let main = html! {
            h1 { "Dead letters: " (queue) }
            @if let (Some(letters), Some(snapshot)) = (letters, &snapshot) {
                p { "There were " (grouped(letters.waiting)) " at " (moment(snapshot.at)) "." }
            }
            @if let Some(cause) = &cause {
                div.note {
                    h2 { "Those of one cause" }
                    p { (cause) }
                    (redrive_form(queue, Some(cause), None, "Redrive these"))
                }
            }
            (look_form(queue))
        };
        console.frame.page(&Page { title: format!("Dead letters: {queue}"), place: Place::Letters, every: None, main })
    }))
}

/// Where letters of one cause are, to be handed on: a cause has no personal data in it.
fn path_of(queue: DlqName, cause: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(cause.as_bytes()).collect();
    format!("{}?cause={encoded}", path(queue))
}

fn depth(snapshot: &Snapshot, queue: DlqName) -> Option<&Depth> {
    snapshot.queues.iter().find(|depth| named(depth) == Some(queue))
}

fn look_form(queue: DlqName) -> Markup {
    html! {
        form.act method="post" action=(path(queue)) {
            button { "Look at the letters, by cause" }
            p.small { "Receives up to " (grouped(LIMIT as u64)) " of them and puts them back; nothing else changes." }
        }
    }
}

pub(super) async fn look(State(console): Of, Path(queue): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let queue = parse(&queue)?;
    let found = console.app.dead_letters(Some(queue), LIMIT, &|| false).await?;
    tables.answer(
        &found,
        || vec![by_cause(&found)],
        || {
            let main = html! {
                h1 { "Dead letters: " (queue) }
                @for found in &found { (causes(found)) }
                @if found.iter().any(|found| found.report.looked_at > 0) { (by_cause(&found).link()) }
                (look_form(queue))
            };
            console.frame.page(&Page {
                title: format!("Dead letters: {queue}"),
                place: Place::Letters,
                every: None,
                main,
            })
        },
    )
}

fn by_cause(found: &[DeadLettersOf]) -> Table {
    let rows = found.iter().flat_map(|found| {
        found.report.causes.iter().map(|group| {
            let detail = group.detail.as_ref().map(ToString::to_string).unwrap_or_default();
            let [first, last] = [group.first, group.last].map(|at| at.to_string());
            [found.queue.to_string(), group.cause.to_string(), detail, group.count.to_string(), first, last]
        })
    });
    Table::new("causes", ["queue", "cause", "detail", "letters", "first_queued", "last_queued"], rows)
}

fn causes(found: &DeadLettersOf) -> Markup {
    let report = &found.report;
    if report.looked_at == 0 {
        return html! { p.empty { "There are none." } };
    }
    html! {
        p {
            (grouped(report.looked_at as u64)) " were looked at" @if report.more { ", and there are more" } "."
        }
        table {
            thead {
                tr {
                    th scope="col" { "cause" } th.number scope="col" { "letters" } th scope="col" { "first queued" }
                    th scope="col" { "last queued" } th scope="col" { "some of them" } th scope="col" { span.hidden { "what to do" } }
                }
            }
            tbody {
                @for group in &report.causes {
                    tr {
                        td { a href=(path_of(found.queue, group.cause.as_str())) { (group.cause) } @if let Some(detail) = &group.detail { br; small { (detail) } } }
                        td.number { (grouped(group.count as u64)) }
                        td { (moment(group.first)) }
                        td { (moment(group.last)) }
                        td { @for example in &group.examples { a href=(customer::path(&example.customer)) { (example.customer) } " " } }
                        td { (redrive_form(found.queue, Some(group.cause.as_str()), None, "Redrive these")) }
                    }
                }
            }
        }
        (redrive_form(found.queue, None, None, "Redrive all of them"))
    }
}

/// Leads to what a redrive would come to: of letters of one cause, or of word for one endpoint.
pub(super) fn redrive_form(
    queue: DlqName,
    cause: Option<&str>,
    endpoint: Option<&EndpointName>,
    words: &str,
) -> Markup {
    html! {
        form method="post" action=(format!("{}/redrive", path(queue))) {
            @if let Some(cause) = cause { input type="hidden" name="cause" value=(cause); }
            @if let Some(endpoint) = endpoint { input type="hidden" name="endpoint" value=(endpoint); }
            button { (words) "…" }
        }
    }
}

/// What a redrive is asked for by. The first form has no preview; what it leads to has one, and asks once more.
#[derive(Deserialize)]
pub(super) struct RedriveForm {
    cause: Option<String>,
    endpoint: Option<String>,
    note: Option<String>,
    at: Option<Timestamp>,
    expected: Option<u64>,
    fingerprint: Option<String>,
}

/// Shows what would be moved, or has it moved: what is ordered is bound to what was shown.
pub(super) async fn redrive(
    State(console): Of,
    Path(queue): Path<String>,
    wanted: Wanted,
    Form(form): Form<RedriveForm>,
) -> Result<Response, Failure> {
    let queue = parse(&queue)?;
    let cause = form
        .cause
        .as_deref()
        .map(CauseFilter::parse)
        .transpose()
        .map_err(|error| Failure::wrong(format!("{error}.")))?;
    let endpoint = form.endpoint.as_deref().map(endpoints::parse).transpose()?;
    if endpoint.is_some() && queue != DlqName::Stage(StageName::Deliver) {
        return Err(Failure::wrong("Word for an endpoint is among the letters of the deliver stage alone."));
    }
    let action = OrderAction::Redrive { queue, cause, endpoint: endpoint.clone(), rate: None };
    if let (Some(at), Some(expected), Some(fingerprint)) = (form.at, form.expected, form.fingerprint) {
        let preview = OrderPreview { at, expected, what: action.to_string(), fingerprint };
        let given = console.app.give(action, note(form.note.as_deref().unwrap_or_default())?, preview).await?;
        return Ok(Redirect::to(&orders::path(&given.order.id)).into_response());
    }
    let preview = console.app.preview_order(&action, &mut |_| {}, &|| false).await?;
    if wanted == Wanted::Json {
        return Ok(Json(&preview).into_response());
    }
    let main = html! {
        h1 { "Dead letters: " (queue) }
        (confirmation(queue, form.cause.as_deref(), endpoint.as_ref(), &preview))
    };
    let page = Page { title: format!("Dead letters: {queue}"), place: Place::Letters, every: None, main };
    Ok(console.frame.page(&page).into_response())
}

fn confirmation(
    queue: DlqName,
    cause: Option<&str>,
    endpoint: Option<&EndpointName>,
    preview: &OrderPreview,
) -> Markup {
    let back = endpoint.map_or_else(|| path(queue), endpoints::path);
    let done = match queue {
        DlqName::Stage(StageName::Deliver) => "the endpoint has that word by now",
        _ => "their mail is sent or their customer has left",
    };
    if preview.expected == 0 {
        return html! { p.note.held { "There is nothing to move: none of them would be dealt with." } };
    }
    html! {
        form.act.note method="post" action=(format!("{}/redrive", path(queue))) {
            h2 { "To " (preview.what) "?" }
            p { strong { (grouped(preview.expected)) } " letters are dealt with: they go back to " (queue.taker()) ", but for those of which nothing is left to do, as " (done) ": these are deleted. No more than that, and none that came after " (moment(preview.at)) "." }
            p { "The tick function carries it out, in steps; it goes on when you leave, and can be cancelled." }
            @if let Some(cause) = cause { input type="hidden" name="cause" value=(cause); }
            @if let Some(endpoint) = endpoint { input type="hidden" name="endpoint" value=(endpoint); }
            input type="hidden" name="at" value=(preview.at);
            input type="hidden" name="expected" value=(preview.expected);
            input type="hidden" name="fingerprint" value=(preview.fingerprint);
            label { "Why: others will read it" input type="text" name="note" maxlength="300" autocomplete="off"; }
            button { "Redrive " (grouped(preview.expected)) }
            " " a href=(back) { "Leave them" }
        }
    }
}
