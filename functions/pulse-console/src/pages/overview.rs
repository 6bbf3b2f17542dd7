//! Where everything stands.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use pulse_app::words::{age, decimal, grouped, place, stage_lines};
use pulse_core::{
    bill::Prices,
    entry::{StageName, TallyKey},
    feedback::Reputation,
    overview::{Condition, StageOverview},
    snapshot::{Point, RunSnapshot, Snapshot, StagePoint},
};
use serde::Serialize;

use crate::{
    console::{Console, Of},
    failure::Failure,
    layout::{Page, Place, moment},
    plot::{Plot, Series},
    wanted::Wanted,
};

#[derive(Serialize)]
struct Shown<'a> {
    snapshot: Option<&'a Snapshot>,
    points: &'a [Point],
}

pub(super) async fn show(State(console): Of, wanted: Wanted) -> Result<Response, Failure> {
    let now = console.now();
    let snapshot = console.snapshot().await?;
    let points = match &snapshot {
        Some(snapshot) => console.points(snapshot).await?,
        None => Arc::default(),
    };
    let shown = Shown { snapshot: snapshot.as_deref(), points: &points };
    Ok(wanted.answer(&shown, || page(&console, &shown, now)))
}

fn page(console: &Console, shown: &Shown<'_>, now: Timestamp) -> Markup {
    let main = match shown.snapshot {
        None => html! {
            h1 { "Overview" }
            p.empty {
                "Nothing was counted yet. The tick function counts every five minutes; if nothing is here by then, look at \
                 its log, or at " code { "pulse doctor" } "."
            }
            (count_form(None))
        },
        Some(snapshot) => overview(snapshot, shown.points, now),
    };
    console.frame.page(&Page { title: "Overview".into(), place: Place::Overview, every: Some(5), main })
}

/// Counts everything now, for everyone who looks.
pub(super) async fn count(State(console): Of, wanted: Wanted) -> Result<Response, Failure> {
    let counted = console.app.count_now().await?;
    console.read.snapshot.forget().await;
    Ok(match wanted {
        Wanted::Json => Json(counted).into_response(),
        Wanted::Page if counted.kept => Redirect::to("/").into_response(),
        // Who may only look sees what was counted, and nobody else does.
        Wanted::Page => {
            let main = overview(&counted.snapshot, &[], console.now());
            console
                .frame
                .page(&Page { title: "Overview".into(), place: Place::Overview, every: None, main })
                .into_response()
        }
    })
}

/// A small sum of money.
fn cents(dollars: f64) -> String {
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

fn overview(snapshot: &Snapshot, points: &[Point], now: Timestamp) -> Markup {
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
        div.cards {
            @for stage in &snapshot.stages { (card(snapshot, stage)) }
            @if let Some(run) = &snapshot.run { (run_card(run)) }
        }
        (plots(snapshot, points))
        div.columns {
            (queues(snapshot))
            (recipients(snapshot))
            (causes(snapshot))
        }
        (count_form(snapshot.run.as_ref()))
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

fn run_card(run: &RunSnapshot) -> Markup {
    let all: u64 = run.places.values().sum();
    html! {
        section.card aria-labelledby="run" {
            h2 #run { a href=(format!("/runs/{}", run.run)) { "Run " (run.run) } }
            (bar(run, all))
            table {
                tbody {
                    @for (place_of, count) in &run.places {
                        tr { th scope="row" { (place(*place_of)) } td.number { (grouped(*count)) } }
                    }
                    tr.total { th scope="row" { "all entries" } td.number { (grouped(all)) } }
                }
            }
            p.small {
                "Counted " (moment(run.counted_at)) " for " (run.read_units) " read units"
                @if run.sent_since > 0 { "; about " (grouped(run.sent_since)) " mails were sent since" }
                "."
            }
        }
    }
}

/// The month filling up: what is done, what went wrong, and what is to come.
fn bar(run: &RunSnapshot, all: u64) -> Markup {
    let class = |key: &TallyKey| match key {
        TallyKey::Sent => "sent",
        TallyKey::Skipped(_) => "skipped",
        TallyKey::Failed(_) | TallyKey::Dropped => "failed",
        TallyKey::Indeterminate | TallyKey::Unconfirmed => "doubt",
        TallyKey::NotDue | TallyKey::Due(_) => "open",
    };
    let classes = ["sent", "skipped", "failed", "doubt", "open"];
    let parts = classes.map(|one| {
        let count: u64 = run.places.iter().filter(|(key, _)| class(key) == one).map(|(_, count)| count).sum();
        (one, count)
    });
    let share = |count: u64| count as f64 * 1_000.0 / all.max(1) as f64;
    let before = |until: usize| parts[..until].iter().map(|(_, count)| share(*count)).sum::<f64>();
    html! {
        svg.bar viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" {
            title { @for (name, count) in parts { (grouped(count)) " " (name) ", " } "of " (grouped(all)) }
            @for (number, (name, count)) in parts.into_iter().enumerate() {
                rect class=(name) x=(format!("{:.2}", before(number))) y="0" width=(format!("{:.2}", share(count))) height="24" {}
            }
        }
    }
}

fn plots(snapshot: &Snapshot, points: &[Point]) -> Markup {
    let Some(first) = points.first().filter(|_| points.len() > 1) else {
        return html! { p.empty { "Plots appear once a few snapshots are there: one is taken every five minutes." } };
    };
    let since = |at: Timestamp| at.duration_since(first.at).as_secs_f64();
    let to = points.last().map_or(1.0, |last| since(last.at)).max(1.0);
    let marks: Vec<_> = marks(first.at, to);
    let of = |stage: StageName, figure: fn(&StagePoint) -> f64| {
        let one = |point: &Point| Some((since(point.at), figure(point.stages.iter().find(|one| one.stage == stage)?)));
        points.iter().filter_map(one).collect::<Vec<_>>()
    };
    let series = |figure: fn(&StagePoint) -> f64| {
        StageName::ALL
            .iter()
            .map(|stage| Series {
                name: stage.as_str(),
                class: stage.as_str(),
                filled: false,
                points: of(*stage, figure),
            })
            .collect()
    };
    let plot = |title: &str, unit, series| {
        PreEscaped(
            Plot {
                title: title.into(),
                unit,
                to,
                marks: marks.clone(),
                series,
                limits: Vec::new(),
                shades: Vec::new(),
            }
            .html(),
        )
    };
    let run = snapshot.run.as_ref().map(|run| run.run);
    let of_run =
        |point: &Point| point.sent.filter(|(of, _)| Some(*of) == run).map(|(_, sent)| (since(point.at), sent as f64));
    let sent = points.iter().filter_map(of_run).collect();
    html! {
        section.plots aria-label="Plots of the last day" {
            div { h2 { "Answers a minute" } (plot("Answers of the providers a minute", "a minute", series(|point| point.answered_per_minute))) }
            div { h2 { "Messages that wait" } (plot("Messages that wait in the stages' queues", "messages", series(|point| point.waiting as f64))) }
            div { h2 { "The month" } (plot("Mails sent in the current run", "mails", vec![Series { name: "sent", class: "email", filled: true, points: sent }])) }
            div { h2 { "Calls that fail" } (plot("Of a hundred calls, how many fail", "%", series(|point| point.failing_percent as f64))) }
        }
    }
}

/// Whole hours, at most a dozen of them, and none that the edge would cut.
fn marks(first: Timestamp, to: f64) -> Vec<(f64, String)> {
    let hours = [1.0, 2.0, 3.0, 6.0, 12.0].into_iter().find(|hours| to / 3_600.0 / hours <= 12.0).unwrap_or(24.0);
    let step = hours * 3_600.0;
    let start = step - (first.as_second() as f64).rem_euclid(step);
    let count = (0..).map(|n| start + f64::from(n) * step).take_while(|at| *at <= to * 0.98);
    let label = |at: f64| first.saturating_add(Duration::from_secs_f64(at)).map(|at| at.strftime("%H:%M").to_string());
    count.filter_map(|at| Some((at, label(at).ok()?))).collect()
}

fn queues(snapshot: &Snapshot) -> Markup {
    html! {
        section {
            h2 { "Queues" }
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
        }
    }
}

fn recipients(snapshot: &Snapshot) -> Markup {
    let counts = snapshot.reputation;
    let rate = |part: u64| if counts.mails == 0 { 0.0 } else { part as f64 * 100.0 / counts.mails as f64 };
    let (class, word) = match snapshot.standing {
        Reputation::Good => ("good", "good"),
        Reputation::Doubtful => ("held", "doubtful"),
        Reputation::Bad => ("bad", "bad"),
    };
    html! {
        section {
            h2 { "Recipients, over seven days " span class=(format!("badge {class}")) { (word) } }
            table {
                tbody {
                    tr { th scope="row" { "mails of which something was told" } td.number { (grouped(counts.mails)) } td {} }
                    tr { th scope="row" { "complaints" } td.number { (grouped(counts.complaints)) } td.number { (decimal(rate(counts.complaints))) " %" } }
                    tr { th scope="row" { "hard bounces" } td.number { (grouped(counts.hard_bounces)) } td.number { (decimal(rate(counts.hard_bounces))) " %" } }
                }
            }
        }
    }
}

fn causes(snapshot: &Snapshot) -> Markup {
    html! {
        section {
            h2 { "Calls that failed, in the hour before" }
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
            }
        }
    }
}
