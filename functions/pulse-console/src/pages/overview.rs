//! Where everything stands.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{Markup, html};
use pulse_app::{
    ReputationReport,
    words::{age, campaign_state, endpoint_unwell, grouped, place, stage_lines},
};
use pulse_core::{
    bill::Prices,
    campaign::Campaign,
    overview::{Condition, StageOverview},
    snapshot::{Point, RunSnapshot, Snapshot},
};
use serde::Serialize;

use super::{bar::bar, campaigns, endpoints, feedback, plots};
use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
    wanted::Wanted,
};

#[derive(Serialize)]
struct Shown<'a> {
    snapshot: Option<&'a Snapshot>,
    points: &'a [Point],
    /// Those that aren't over.
    campaigns: &'a [Campaign],
}

pub(super) async fn show(State(console): Of, tables: Tables) -> Result<Response, Failure> {
    let now = console.now();
    let snapshot = console.snapshot().await?;
    let points = match &snapshot {
        Some(snapshot) => console.points(snapshot).await?,
        None => Arc::default(),
    };
    let campaigns = console.live_campaigns().await?;
    let shown = Shown { snapshot: snapshot.as_deref(), points: &points, campaigns: &campaigns };
    tables.answer(&shown, || sheets(&shown), || page(&console, &shown, now, &tables))
}

fn sheets(shown: &Shown<'_>) -> Vec<Table> {
    let Some(snapshot) = shown.snapshot else { return Vec::new() };
    let places = snapshot.run.iter().flat_map(|run| &run.places);
    let depths = snapshot.queues.iter();
    let causes = snapshot.causes.iter();
    let mut all = plots::tables(shown.points);
    all.extend([
        Table::new("places", ["where", "entries"], places.map(|(key, count)| [place(*key), count.to_string()])),
        Table::new(
            "queues",
            ["queue", "waiting", "in_flight"],
            depths.map(|depth| [depth.queue.clone(), depth.waiting.to_string(), depth.in_flight.to_string()]),
        ),
        Table::new(
            "causes",
            ["cause", "stage", "calls"],
            causes.map(|one| [one.cause.to_string(), one.stage.to_string(), one.count.to_string()]),
        ),
    ]);
    all
}

fn page(console: &Console, shown: &Shown<'_>, now: Timestamp, tables: &Tables) -> Markup {
    let main = match shown.snapshot {
        None => html! {
            h1 { "Overview" }
            (running(shown.campaigns))
            p.empty {
                "Nothing was counted yet. The tick function counts every five minutes; if nothing is here by then, look at \
                 its log, or at " code { "pulse doctor" } "."
            }
            (count_form(None))
        },
        Some(snapshot) => overview(snapshot, shown, now, Some(tables)),
    };
    console.frame.page(&Page { title: "Overview".into(), place: Place::Overview, every: Some(5), main })
}

/// Counts everything now, for everyone who looks.
pub(super) async fn count(State(console): Of, wanted: Wanted) -> Result<Response, Failure> {
    let counted = console.app.count_now().await?;
    console.read.snapshot.forget().await;
    Ok(match wanted {
        Wanted::Json => Json(counted).into_response(),
        Wanted::Page | Wanted::Csv if counted.kept => Redirect::to("/").into_response(),
        // Who may only look sees what was counted, and nobody else does.
        Wanted::Page | Wanted::Csv => {
            let campaigns = console.live_campaigns().await?;
            let shown = Shown { snapshot: Some(&counted.snapshot), points: &[], campaigns: &campaigns };
            let main = overview(&counted.snapshot, &shown, console.now(), None);
            console
                .frame
                .page(&Page { title: "Overview".into(), place: Place::Overview, every: None, main })
                .into_response()
        }
    })
}

/// A small sum of money.
pub(super) fn cents(dollars: f64) -> String {
    if dollars < 0.000_1 {
        "less than a hundredth of a cent".to_owned()
    } else {
        format!("{:.2} cents", dollars * 100.0)
    }
}

/// The button, with what it costs.
fn count_form(run: Option<&RunSnapshot>) -> Markup {
    html! {
        form.act method="post" action="/" {
            button.quiet { "Count now" }
            p.small {
                "Exact, for everyone who looks. "
                @if let Some(run) = run {
                    "It took " (run.read_units) " read units last, which cost " (cents(Prices::default().of_reads(run.read_units))) "."
                } @else {
                    "It takes some 29,250 read units for 600,000 customers, which cost " (cents(29_250.0 * Prices::default().reads / 1e6)) "."
                }
            }
        }
    }
}

/// Of what isn't kept there are no tables to be asked for.
fn overview(snapshot: &Snapshot, shown: &Shown<'_>, now: Timestamp, tables: Option<&Tables>) -> Markup {
    let link = |name| tables.map(|tables| tables.link(name));
    html! {
        div.heading {
            h1 { "Overview" }
            p.asof { "As of " (moment(snapshot.at)) }
        }
        @if Duration::try_from(now.duration_since(snapshot.at)).is_ok_and(|age| age > STALE) {
            p.note.bad role="alert" {
                "These figures are " (age(now, snapshot.at)) " old: the tick function counts every five minutes, and doesn't. \
                 Look at its log, and at " code { "pulse doctor" } "."
            }
        }
        @let dead: Vec<_> = snapshot.queues.iter().filter(|depth| depth.dead_letters && depth.waiting > 0).collect();
        @if !dead.is_empty() {
            p.note.bad {
                "Dead letters: "
                @for (number, depth) in dead.iter().enumerate() {
                    @if number > 0 { ", " }
                    (grouped(depth.waiting)) " in the " (depth.queue)
                }
                ". " a href="/dead-letters" { "See why" } "."
            }
        }
        @if !snapshot.endpoints.is_empty() {
            p.note.held {
                "Endpoints: "
                @for (number, unwell) in snapshot.endpoints.iter().enumerate() {
                    @if number > 0 { "; " }
                    a href=(endpoints::path(&unwell.endpoint)) { (unwell.endpoint) } " " (endpoint_unwell(unwell))
                }
                ". Nothing that it is to be told is lost."
            }
        }
        (running(shown.campaigns))
        div.cards {
            @for stage in &snapshot.stages { (card(snapshot, stage)) }
            @if let Some(run) = &snapshot.run { (run_card(run, link("places"))) }
        }
        (plots::of(snapshot, shown.points, &link))
        div.columns {
            (queues(snapshot, link("queues")))
            (recipients(snapshot))
            (causes(snapshot, link("causes")))
        }
        (count_form(snapshot.run.as_ref()))
    }
}

/// The campaigns that aren't over.
fn running(campaigns: &[Campaign]) -> Markup {
    let is_held = campaigns.iter().any(|campaign| campaign.paused.is_some() || campaign.abandoned_at.is_some());
    html! {
        @if !campaigns.is_empty() {
            p.note.held[is_held] {
                "Campaigns: "
                @for (number, campaign) in campaigns.iter().enumerate() {
                    @if number > 0 { "; " }
                    a href=(campaigns::path(campaign.run)) { (campaign.run) } ": " (campaign_state(campaign))
                }
                "."
            }
        }
    }
}

/// Tick counts every five minutes: after three rounds without, something is wrong.
const STALE: Duration = Duration::from_mins(16);

fn card(snapshot: &Snapshot, stage: &StageOverview) -> Markup {
    let lanes = snapshot.lanes.iter().find(|lanes| lanes.stage == stage.stage);
    html! {
        section.card aria-labelledby=(stage.stage) {
            h2 id=(stage.stage) { a href=(format!("/stages/{}", stage.stage)) { "Stage " (stage.stage) } " " (condition(stage.condition)) }
            dl {
                @if let Some(lanes) = lanes {
                    div { dt { "lanes" } dd { (lanes.count()) " = " (lanes.maximum_concurrency) " × " (lanes.in_flight) } }
                }
                @for line in stage_lines(stage, snapshot.at) {
                    div.bad[line.is_alarming] { dt { (line.label) } dd { (line.text) } }
                }
            }
        }
    }
}

pub(super) fn condition(condition: Condition) -> Markup {
    let class = match condition {
        Condition::Running => "good",
        Condition::Broken => "bad",
        Condition::Pausing | Condition::Paused | Condition::Resuming => "held",
    };
    html! { span class=(format!("badge {class}")) { (condition) } }
}

fn run_card(run: &RunSnapshot, csv: Option<Markup>) -> Markup {
    let all: u64 = run.places.values().sum();
    html! {
        section.card aria-labelledby="run" {
            h2 #run { a href=(format!("/runs/{}", run.run)) { "Run " (run.run) } }
            (bar(&run.places, 0))
            table {
                tbody {
                    @for (place_of, count) in &run.places {
                        tr { th scope="row" { (place(*place_of)) } td.number { (grouped(*count)) } }
                    }
                    tr.total { th scope="row" { "all entries" } td.number { (grouped(all)) } }
                }
            }
            @if let Some(csv) = csv { (csv) }
            p.small {
                "Counted " (moment(run.counted_at)) " for " (run.read_units) " read units"
                @if run.sent_since > 0 { "; about " (grouped(run.sent_since)) " mails were sent since" }
                "."
            }
        }
    }
}

fn queues(snapshot: &Snapshot, csv: Option<Markup>) -> Markup {
    html! {
        section {
            h2 #queues { "Queues" }
            table {
                thead { tr { th scope="col" { "queue" } th.number scope="col" { "waiting" } th.number scope="col" { "in flight" } } }
                tbody {
                    @for depth in &snapshot.queues {
                        tr.bad[depth.dead_letters && depth.waiting > 0] {
                            th scope="row" { @if depth.dead_letters { a href="/dead-letters" { (depth.queue) } } @else { (depth.queue) } }
                            td.number { (grouped(depth.waiting)) }
                            td.number { (grouped(depth.in_flight)) }
                        }
                    }
                }
            }
            @if let Some(csv) = csv { (csv) }
        }
    }
}

fn recipients(snapshot: &Snapshot) -> Markup {
    html! {
        section {
            h2 #recipients { a href="/feedback" { "Recipients, over seven days" } " " (feedback::standing(snapshot.standing)) }
            (feedback::recipients(&ReputationReport::of(snapshot)))
        }
    }
}

fn causes(snapshot: &Snapshot, csv: Option<Markup>) -> Markup {
    html! {
        section {
            h2 #causes { "Calls that failed, in the hour before" }
            @if snapshot.causes.is_empty() {
                p.empty { "None." }
            } @else {
                table {
                    thead { tr { th scope="col" { "cause" } th scope="col" { "stage" } th.number scope="col" { "calls" } } }
                    tbody {
                        @for cause in &snapshot.causes {
                            tr { td { (cause.cause) } td { (cause.stage) } td.number { (grouped(cause.count)) } }
                        }
                    }
                }
                @if let Some(csv) = csv { (csv) }
            }
        }
    }
}
