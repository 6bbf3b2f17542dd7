//! One campaign: where its entries stand, what happened to it and what comes next, and holding and cancelling it.

use std::{sync::Arc, time::Duration};

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::{
    CampaignShown,
    words::{audience, campaign_event, campaign_next, campaign_places, grouped, lasting, stage_use},
};
use pulse_core::{
    bill::Bill,
    campaign::{Audience, Campaign, CampaignReport, CampaignState},
    customer::Zone,
    entry::TallyKey,
    run::RunId,
};
use serde::Deserialize;

use super::{
    bar::bar,
    campaigns::{parse, path, state, told},
    customer::commands,
    stage::{note, why},
};
use crate::{
    console::{Console, Of},
    failure::{Failure, sentence},
    layout::{Page, Place, moment},
    tables::{Table, Tables},
    wanted::Wanted,
};

/// How often a campaign is counted that someone looks at, in seconds.
const EVERY: u64 = 20;

/// A read unit finds some thirty entries: this many a second cost less than a cent an hour.
const ENTRIES_A_SECOND: u64 = 500;

/// How long its figures are shown, and after how long its page looks again: the larger it is, the more costs counting it.
fn fresh_for(shown: &CampaignShown) -> Duration {
    let entries = shown.closed.values().sum::<u64>() + shown.open.iter().map(|place| place.entries).sum::<u64>();
    Duration::from_secs((entries / ENTRIES_A_SECOND).max(EVERY))
}

pub(super) async fn show(State(console): Of, Path(name): Path<String>, tables: Tables) -> Result<Response, Failure> {
    let run = parse(&name)?;
    let read = async { Ok::<_, Failure>(Arc::new(console.app.campaign(run).await?)) };
    let age = |shown: &Arc<CampaignShown>| fresh_for(shown);
    let shown = console.read.campaign.get_while(&run, console.now(), age, read).await?;
    tables.answer(
        &*shown,
        || sheets(&shown),
        || {
            let every = u32::try_from(fresh_for(&shown).as_secs()).ok().filter(|_| !shown.campaign.state.is_over());
            page(&console, run, every, sheet(&shown, &tables))
        },
    )
}

fn page(console: &Console, run: RunId, every: Option<u32>, main: Markup) -> Markup {
    console.frame.page(&Page { title: format!("Campaign {run}"), place: Place::Campaigns, every, main })
}

/// Where its entries stand: what adds up to what was sealed.
fn places(shown: &CampaignShown) -> Vec<(String, i64)> {
    let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
    let counted = campaign_places(shown).into_iter().map(|(place, entries)| (place, count(entries)));
    let moving = Some(("moving".to_owned(), shown.uncounted)).filter(|(_, entries)| *entries != 0);
    counted.chain(moving).collect()
}

fn sheets(shown: &CampaignShown) -> Vec<Table> {
    let places = places(shown).into_iter().map(|(place, entries)| [place, entries.to_string()]);
    let events = shown
        .records
        .iter()
        .map(|record| [record.number.to_string(), record.at.to_string(), campaign_event(&record.event)]);
    let causes = shown.campaign.finished.iter().flat_map(|(report, _)| &report.causes);
    vec![
        Table::new("places", ["where", "entries"], places),
        Table::new("events", ["number", "at", "what"], events),
        Table::new(
            "causes",
            ["cause", "entries"],
            causes.map(|(cause, entries)| [cause.to_string(), entries.to_string()]),
        ),
    ]
}

fn sheet(shown: &CampaignShown, tables: &Tables) -> Markup {
    let CampaignShown { campaign, at, .. } = shown;
    html! {
        div.heading { h1 { "Campaign " (campaign.run) " " (state(campaign)) } p.asof { "Counted " (moment(*at)) } }
        @if let Some(next) = next(shown) {
            section.note { h2 #next { "What comes next" } p { (commands(&next)) } }
        }
        div.columns {
            section { h2 #entries { "Where its entries stand" } (entries(shown)) (tables.link("places")) }
            section { h2 #asked { "What was asked for" } (request(campaign)) }
        }
        @if let Some((report, _)) = &campaign.finished { (finished(report, shown.bill.as_ref(), tables)) }
        h2 #events { "What happened" }
        table.narrow {
            thead { tr { th scope="col" { "when" } th scope="col" { "what" } } }
            tbody {
                @for record in &shown.records { tr { th.digest scope="row" { (moment(record.at)) } td { (campaign_event(&record.event)) } } }
            }
        }
        (tables.link("events"))
        (actions(campaign))
    }
}

/// What it waits for; and of one that is over, how those are written to whom it didn't reach.
fn next(shown: &CampaignShown) -> Option<String> {
    let run = shown.campaign.run;
    campaign_next(shown, &Zone::UTC).or_else(|| {
        let is_unreached = |key: &TallyKey| {
            matches!(key, TallyKey::Failed(_) | TallyKey::Dropped | TallyKey::Abandoned | TallyKey::Cancelled)
        };
        let unreached: u64 =
            shown.closed.iter().filter(|(key, _)| is_unreached(key)).map(|(_, entries)| entries).sum();
        // Cut short while it was planned, it has no entries of these.
        let unplanned = match (&shown.campaign.request.audience, shown.campaign.sealed) {
            (Audience::Given { entries, .. }, Some((seal, _))) => entries.saturating_sub(seal.count),
            _ => 0,
        };
        let unreached = unreached + unplanned;
        (unreached > 0).then(|| {
            format!(
                "It is over, and didn't reach {}: `pulse run start NAME --unreached-of {run} ..` writes to these alone.",
                grouped(unreached)
            )
        })
    })
}

fn entries(shown: &CampaignShown) -> Markup {
    let closed: u64 = shown.closed.values().sum();
    let places = places(shown);
    let all: i64 = places.iter().map(|(_, entries)| entries).sum();
    let open = u64::try_from(all).unwrap_or_default().saturating_sub(closed);
    html! {
        (bar(&shown.closed, open))
        table {
            tbody {
                @for (place, entries) in &places { tr { th scope="row" { (place) } td.number { (signed(*entries)) } } }
                tr.total {
                    th scope="row" { @if shown.campaign.sealed.is_some() { "all that were sealed" } @else { "so far: it isn't sealed yet" } }
                    td.number { (signed(all)) }
                }
            }
        }
        @if shown.uncounted != 0 { p.small { "Entries move while they are counted: those are counted a little later." } }
    }
}

fn signed(count: i64) -> String {
    format!("{}{}", if count < 0 { "-" } else { "" }, grouped(count.unsigned_abs()))
}

fn request(campaign: &Campaign) -> Markup {
    let request = &campaign.request;
    let steps: Vec<_> = request.plan.steps().map(|step| step.to_string()).collect();
    html! {
        table.facts {
            tbody {
                tr { th scope="row" { "for" } td { (audience(campaign)) @if let Some(most) = request.at_most { ", " (grouped(most)) " at most" } } }
                tr { th scope="row" { "steps" } td { (steps.join(", ")) } }
                tr { th scope="row" { "priority" } td { (request.priority) } }
                tr { th scope="row" { "deadline" } td { @match request.deadline { Some(deadline) => (moment(deadline)), None => "none" } } }
                tr { th scope="row" { "frequency cap" } td { @match request.cap { Some(cap) => { (cap) ", over all runs" }, None => "none" } } }
                @if let Some(a_day) = request.a_day { tr { th scope="row" { "a day" } td { (grouped(a_day.get())) " at most" } } }
                tr { th scope="row" { "asked for" } td { (told(&campaign.requested)) } }
            }
        }
    }
}

fn finished(report: &CampaignReport, bill: Option<&Bill>, tables: &Tables) -> Markup {
    html! {
        h2 #report { "What came of it" }
        p { (sentence(report.outcome.to_string().replace('-', " "), None)) " Planned within " (lasting(report.planned_within)) ", ran for " (lasting(report.ran_for)) "." }
        @if !report.stages.is_empty() {
            ul { @for used in &report.stages { li { (stage_use(used)) } } }
        }
        @if let Some(bill) = bill {
            p { "About $" (format!("{:.2}", bill.total)) " at public prices, reckoned without faults, beside the months' runs." }
        }
        @if !report.causes.is_empty() {
            table.narrow {
                thead { tr { th scope="col" { "why entries failed or were abandoned" } th.number scope="col" { "entries" } } }
                tbody { @for (cause, entries) in &report.causes { tr { td { (cause) } td.number { (grouped(*entries)) } } } }
            }
            (tables.link("causes"))
        }
    }
}

/// Whether it can still be held and cancelled.
fn is_stoppable(campaign: &Campaign) -> bool {
    campaign.state <= CampaignState::Running && campaign.cancelled.is_none()
}

fn actions(campaign: &Campaign) -> Markup {
    let run = campaign.run;
    html! {
        @if is_stoppable(campaign) {
            div.columns {
                @if campaign.paused.is_none() {
                    form.act method="post" action=(format!("{}/pause", path(run))) {
                        h2 { "Pause" }
                        p { "Within seconds nothing more of it is begun, and nothing is lost. What is under way ends as it would." }
                        label { "Why: others will read it" input type="text" name="note" required maxlength="300" autocomplete="off"; }
                        button { "Pause " (run) }
                    }
                } @else {
                    form.act method="post" action=(format!("{}/resume", path(run))) {
                        h2 { "Resume" }
                        p { "It goes on where it is, and never starts over." }
                        label { "Why it may go on: others will read it" input type="text" name="note" maxlength="300" autocomplete="off"; }
                        button { "Resume " (run) }
                    }
                }
                form.act method="post" action=(format!("{}/cancel", path(run))) {
                    h2 { "Cancel" }
                    p { "Ends it before its time, for good. It shows what that comes to first." }
                    button.careful { "Cancel " (run) "…" }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Noted {
    note: String,
}

pub(super) async fn pause(
    State(console): Of,
    Path(name): Path<String>,
    Form(form): Form<Noted>,
) -> Result<Response, Failure> {
    let run = parse(&name)?;
    console.app.pause_campaign(run, &why(&form.note)?).await?;
    done(&console, run).await
}

pub(super) async fn resume(
    State(console): Of,
    Path(name): Path<String>,
    Form(form): Form<Noted>,
) -> Result<Response, Failure> {
    let run = parse(&name)?;
    console.app.resume_campaign(run, note(&form.note)?.as_ref()).await?;
    done(&console, run).await
}

/// The first form has no words; what it leads to has, and asks once more.
#[derive(Deserialize)]
pub(super) struct CancelForm {
    note: Option<String>,
}

/// Shows what it would come to, or cancels it.
pub(super) async fn cancel(
    State(console): Of,
    Path(name): Path<String>,
    wanted: Wanted,
    Form(form): Form<CancelForm>,
) -> Result<Response, Failure> {
    let run = parse(&name)?;
    if let Some(words) = form.note {
        console.app.cancel_campaign(run, &why(&words)?).await?;
        return done(&console, run).await;
    }
    let shown = console.app.campaign(run).await?;
    if !is_stoppable(&shown.campaign) {
        let state = shown.campaign.state;
        return Err(Failure::refused(format!(
            "Campaign {run} is {state}, or was cancelled already: nothing is left to cancel."
        )));
    }
    Ok(wanted.answer(&shown, || page(&console, run, None, confirmation(&shown))))
}

fn confirmation(shown: &CampaignShown) -> Markup {
    let run = shown.campaign.run;
    let open: u64 = shown.open.iter().map(|place| place.entries).sum();
    let sent = shown.closed.get(&TallyKey::Sent).copied().unwrap_or_default();
    html! {
        h1 { "Campaign " (run) }
        form.act.note method="post" action=(format!("{}/cancel", path(run))) {
            h2 { "To cancel it for good?" }
            p { strong { (grouped(open)) } " entries are open: those that no worker has in hand are closed as cancelled within minutes, and never sent." }
            p { strong { (grouped(sent)) } " are sent: what the provider has accepted can't be called back." }
            p { "It can't be undone. To have it wait instead, pause it." }
            label { "Why: others will read it" input type="text" name="note" required maxlength="300" autocomplete="off"; }
            button.careful { "Cancel " (run) }
            " " a href=(path(run)) { "Leave it" }
        }
    }
}

/// All pages show it at once.
async fn done(console: &Console, run: RunId) -> Result<Response, Failure> {
    console.read.campaign.forget(&run).await;
    console.read.campaigns.forget().await;
    console.read.live_campaigns.forget().await;
    Ok(Redirect::to(&path(run)).into_response())
}
