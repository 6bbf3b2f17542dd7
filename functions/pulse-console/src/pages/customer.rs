//! One customer: who they are, what happened, and what comes next.

use axum::{
    Form, Json,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{Markup, html};
use pulse_app::{
    ReplayOrder,
    words::{Row, Sheet, Suppressed, endpoint_sentences, holder, next_sentences, preview},
};
use pulse_core::{
    customer::CustomerId,
    entry::{Entry, EntryId, ItemId, Progress},
    run::RunId,
    settlement::SettlementOutcome,
    why::Timeline,
};
use serde::Deserialize;

use super::{campaigns, mail, stage::note};
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
        console.frame.page(&Page {
            title,
            place: Place::Other,
            every: Some(EVERY),
            main: page(&story, console.letters.is_some()),
        })
    }))
}

fn page(story: &Timeline, has_letters: bool) -> Markup {
    let Timeline { profile, schedule, activities, suppression, at, .. } = story;
    let suppressed = suppression.as_deref().map_or(Suppressed::Untold, Suppressed::By);
    let sheet = Sheet { profile, schedule: schedule.as_ref(), activities, suppressed, now: *at };
    let (in_campaigns, months): (Vec<_>, Vec<_>) = story.entries.iter().partition(|entry| entry.id().run.is_campaign());
    html! {
        div.heading {
            h1 { "Customer " (profile.id) }
            p.asof { "As of " (moment_in(*at, &profile.zone)) }
        }
        section.note {
            h2 #next { "What comes next" }
            @for sentence in next_sentences(story) { p { (commands(&sentence)) } }
        }
        @if !story.endpoints.is_empty() {
            section {
                h2 #endpoints { "What other systems know" }
                @for told in &story.endpoints {
                    @for sentence in endpoint_sentences(told, &profile.zone) { p { (commands(&sentence)) } }
                }
            }
        }
        div.columns {
            section { h2 #profile { "Profile" } (rows(&sheet.profile())) }
            section {
                h2 #stages { "Stages" }
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
        h2 #months { "Months" }
        @if months.is_empty() { p.empty { "None yet." } }
        @for (number, entry) in months.into_iter().enumerate() {
            details id=(format!("run-{}", entry.id().run)) open[number == 0 || can_be_settled(entry) || can_be_queued(entry, *at)] {
                summary { "Run " (entry.id().run) " " span class=(badge(entry)) { (entry.state()) } }
                (rows(&sheet.entry(entry)))
                @if has_letters && !profile.is_forgotten() { p { (mail_link(entry)) } }
                (actions(entry, *at))
            }
        }
        @if !in_campaigns.is_empty() {
            h2 #campaigns { "Campaigns" }
            @for entry in in_campaigns {
                @let run = entry.id().run;
                details id=(anchor(entry.id())) open[can_be_settled(entry)] {
                    summary { "Campaign " (entry.id().within()) " " span class=(badge(entry)) { (entry.state()) } }
                    (rows(&sheet.entry(entry)))
                    p { a href=(campaigns::path(run)) { "To campaign " (run) } }
                    (actions(entry, *at))
                }
            }
        }
        h2 #notes { "Notes" }
        @if activities.is_empty() { p.empty { "None." } }
        ul.notes {
            @for activity in activities { li { (moment_in(activity.at, &profile.zone)) " " (activity.what) } }
        }
    }
}

fn mail_link(entry: &Entry) -> Markup {
    let (id, has_score) = (entry.id(), entry.score().is_some());
    html! {
        a href=(mail::path(&id.customer, id.run, has_score)) {
            (if has_score { "See its mail" } else { "See its mail with a pretended score" })
        }
    }
}

/// What an operator can do about an entry: what is in doubt can be settled, what isn't done be queued again.
fn actions(entry: &Entry, now: Timestamp) -> Markup {
    let EntryId { customer, run, item } = entry.id();
    let hidden = html! {
        input type="hidden" name="run" value=(run);
        @if let Some(item) = item { input type="hidden" name="item" value=(item); }
    };
    let action = |what| format!("{}/{what}", path(customer));
    html! {
        @if can_be_settled(entry) {
            form.act method="post" action=(action("settle")) {
                (hidden)
                label { "How it is known: kept with the customer" input type="text" name="note" required maxlength="300" autocomplete="off"; }
                label { "The provider's id of the mail, if it was sent" input type="text" name="sent" maxlength="200" autocomplete="off"; }
                button name="outcome" value="sent" { "It was sent" }
                " " button.careful name="outcome" value="not-sent" { @if run.is_campaign() { "It wasn't" } @else { "It wasn't: send it" } }
            }
        } @else if can_be_queued(entry, now) {
            form.act method="post" action=(action("replay")) {
                (hidden)
                button { "What would be done now?" }
                " " button.careful name="again" value="yes" { "Queue it again" }
            }
        }
    }
}

fn can_be_settled(entry: &Entry) -> bool {
    matches!(entry.progress(), Progress::Indeterminate { .. } | Progress::Unconfirmed { .. })
}

/// What isn't due, skipped or sent takes force, which is for the command line. A campaign sends its entries' messages itself.
fn can_be_queued(entry: &Entry, now: Timestamp) -> bool {
    if entry.id().run.is_campaign() {
        return false;
    }
    match entry.progress() {
        Progress::Failed { .. } => !entry.is_closed_by_feedback(),
        _ => entry.is_open() && entry.due() <= now,
    }
}

#[derive(Deserialize)]
pub(super) struct ReplayForm {
    run: String,
    item: Option<String>,
    again: Option<String>,
}

pub(super) async fn replay(
    State(console): Of,
    Path(id): Path<String>,
    wanted: Wanted,
    Form(form): Form<ReplayForm>,
) -> Result<Response, Failure> {
    let entry = entry(&id, &form.run, form.item.as_deref())?;
    let order = if form.again.is_some() { ReplayOrder::Again } else { ReplayOrder::Preview };
    let replayed = console.app.replay(&entry, &order).await?;
    if replayed.requeued.is_some() {
        return Ok(Redirect::to(&path(&entry.customer)).into_response());
    }
    if wanted == Wanted::Json {
        return Ok(Json(&replayed).into_response());
    }
    let profile = console.app.profile(&entry.customer).await?;
    let main = html! {
        h1 { "Customer " (entry.customer) ", run " (entry.within()) }
        p.note { "If its message came now, the entry " (preview(&replayed.prospect.preview, &profile.zone)) "." }
        p { a href=(path(&entry.customer)) { "Back to the customer" } }
    };
    Ok(console
        .frame
        .page(&Page { title: format!("Customer {id}"), place: Place::Other, every: None, main })
        .into_response())
}

#[derive(Deserialize)]
pub(super) struct SettleForm {
    run: String,
    item: Option<String>,
    note: String,
    sent: String,
    outcome: String,
}

pub(super) async fn settle(
    State(console): Of,
    Path(id): Path<String>,
    Form(form): Form<SettleForm>,
) -> Result<Response, Failure> {
    let entry = entry(&id, &form.run, form.item.as_deref())?;
    let note = note(&form.note)?.ok_or_else(|| Failure::wrong("To settle it takes words that say how it is known."))?;
    let outcome = match (&*form.outcome, form.sent.trim()) {
        ("not-sent", "") => SettlementOutcome::NotSent,
        ("not-sent", _) => return Err(Failure::wrong("A mail that wasn't sent has no id: leave the field empty.")),
        ("sent", "") => return Err(Failure::wrong("A mail that was sent has an id at its provider: fill it in.")),
        ("sent", provider_id) => SettlementOutcome::Sent { provider_id: provider_id.to_owned() },
        _ => return Err(Failure::wrong("A mail was sent, or it wasn't.")),
    };
    console.app.settle(&entry, &outcome, &note).await?;
    Ok(Redirect::to(&path(&entry.customer)).into_response())
}

fn entry(id: &str, run: &str, item: Option<&str>) -> Result<EntryId, Failure> {
    let wrong = |error| Failure::wrong(format!("{error}."));
    let (customer, run) = (CustomerId::parse(id).map_err(wrong)?, RunId::parse(run).map_err(wrong)?);
    Ok(EntryId { customer, run, item: item.map(ItemId::parse).transpose().map_err(wrong)? })
}

/// Where an entry in a campaign stands on the page. No run has the sign in front of the item.
fn anchor(EntryId { run, item, .. }: &EntryId) -> String {
    item.map_or_else(|| format!("campaign-{run}"), |item| format!("campaign-{run}.{item}"))
}

fn badge(entry: &Entry) -> &'static str {
    match entry.progress() {
        Progress::Done { .. } => "badge good",
        Progress::Failed { .. } | Progress::Abandoned { .. } => "badge bad",
        Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => "badge held",
        Progress::Waiting | Progress::Claimed { .. } | Progress::Skipped { .. } | Progress::Cancelled { .. } => "badge",
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
