//! One customer: who they are, what happened, and what comes next.

use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, html};
use pulse_app::words::{Row, Sheet, Suppressed, holder, next_sentences};
use pulse_core::{
    customer::CustomerId,
    entry::{Entry, Progress},
    why::Timeline,
};

use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment_in},
    wanted::Wanted,
};

/// Seconds after which it looks again: each look takes some eight read units.
const EVERY: u32 = 60;

/// Where a customer's page is. An id has only letters, digits and a few marks that need no encoding.
pub(super) fn path(id: &CustomerId) -> String {
    format!("/customers/{id}")
}

pub(super) async fn show(State(console): Of, Path(id): Path<String>, wanted: Wanted) -> Result<Response, Failure> {
    let id = CustomerId::parse(&id).map_err(|error| Failure::wrong(format!("{error}.")))?;
    let story = console.app.why_customer(&id, None).await?;
    Ok(wanted.answer(&story, || {
        // The id is the operator's own key, and no name: it may stand in a title.
        let title = format!("Customer {id}");
        console.frame.page(&Page { title, place: Place::Other, every: Some(EVERY), main: page(&story) })
    }))
}

fn page(story: &Timeline) -> Markup {
    let Timeline { profile, schedule, activities, suppression, at, .. } = story;
    let suppressed = suppression.as_deref().map_or(Suppressed::Untold, Suppressed::By);
    let sheet = Sheet { profile, schedule: schedule.as_ref(), activities, suppressed, now: *at };
    html! {
        div.heading {
            h1 { "Customer " (profile.id) }
            p.asof { "As of " (moment_in(*at, &profile.zone)) }
        }
        section.note {
            h2 { "What comes next" }
            @for sentence in next_sentences(story) { p { (commands(&sentence)) } }
        }
        div.columns {
            section { h2 { "Profile" } (rows(&sheet.profile())) }
            section {
                h2 { "Stages" }
                table {
                    tbody {
                        @for stage in &story.stages {
                            tr {
                                th scope="row" { (stage.stage) }
                                td {
                                    @match &stage.holder { Some(held) => (commands(&holder(held, &profile.zone))), None => "flows" }
                                    @if let Some(waiting) = stage.waiting { ", about " (waiting) " waiting" }
                                }
                            }
                        }
                    }
                }
            }
        }
        h2 { "Months" }
        @if story.entries.is_empty() { p.empty { "None yet." } }
        @for (number, entry) in story.entries.iter().enumerate() {
            details open[number == 0] {
                summary { "Run " (entry.id().run) " " span class=(badge(entry)) { (entry.state()) } }
                (rows(&sheet.entry(entry)))
            }
        }
        h2 { "Notes" }
        @if activities.is_empty() { p.empty { "None." } }
        ul.notes {
            @for activity in activities { li { (moment_in(activity.at, &profile.zone)) " " (activity.what) } }
        }
    }
}

fn badge(entry: &Entry) -> &'static str {
    match entry.progress() {
        Progress::Done { .. } => "badge good",
        Progress::Failed { .. } => "badge bad",
        Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => "badge held",
        Progress::Waiting | Progress::Claimed { .. } | Progress::Skipped { .. } => "badge",
    }
}

fn rows(rows: &[Row]) -> Markup {
    html! { table.facts { tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } } } } }
}

/// A sentence with its commands set as such.
pub(super) fn commands(sentence: &str) -> Markup {
    html! {
        @for (number, part) in sentence.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
