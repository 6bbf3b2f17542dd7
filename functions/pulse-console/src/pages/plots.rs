//! The overview's plots.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use pulse_app::words::decimal;
use pulse_core::{
    entry::StageName,
    snapshot::{Flow, Point, Snapshot, StagePoint, flow},
};

use crate::{
    plot::{Limit, Plot, Series},
    tables::Table,
};

/// Of how long it is told in words what came.
const AN_HOUR: Duration = Duration::from_hours(1);

/// Plots of what changes all the time.
pub(super) fn of(snapshot: &Snapshot, points: &[Point], csv: &dyn Fn(&'static str) -> Option<Markup>) -> Markup {
    let (Some(first), Some(last)) = (points.first().filter(|_| points.len() > 1), points.last()) else {
        return html! { p.empty { "Plots appear once a few snapshots are there: one is taken every five minutes." } };
    };
    let day = Day { points, first: first.at, to: seconds(first.at, last.at).max(1.0) };
    html! {
        section.plots aria-label="Plots of the last day" {
            @for stage in day.stages() { (day.flow(stage)) }
            div { h2 #latency { "Seconds a call" } (day.plot("How long a call to each provider takes on average", "seconds", day.series(latency))) }
            div { h2 #waiting { "Messages that wait" } (day.plot("Messages that wait in the stages' queues", "messages", day.series(|point| Some(point.waiting as f64)))) }
            div { h2 #month { "The month" } (day.plot("Mails sent in the current run", "mails", day.month(snapshot))) }
            div { h2 #failing { "Calls that fail" } (day.plot("Of a hundred calls, how many fail", "%", day.series(|point| Some(point.failing_percent as f64)))) }
        }
        @if let (Some(points), Some(month)) = (csv("points"), csv("month")) { div.csvs { (points) (month) } }
    }
}

/// What the plots are drawn of.
pub(super) fn tables(points: &[Point]) -> Vec<Table> {
    let number = |number: Option<f64>| number.map(|number| format!("{number:.3}")).unwrap_or_default();
    let of_stage = |stage: &StageName| {
        let flows: BTreeMap<_, _> = flow(points, *stage).into_iter().map(|flow| (flow.at, flow)).collect();
        let row = |point: &Point| {
            let (flow, one) = (flows.get(&point.at), point.stages.iter().find(|one| one.stage == *stage)?);
            Some([
                point.at.to_string(),
                stage.to_string(),
                one.waiting.to_string(),
                one.in_flight.to_string(),
                number(flow.map(|flow| flow.arrived_per_minute)),
                number(Some(one.answered_per_minute)),
                number(one.carried_per_minute()),
                one.failing_percent.to_string(),
                one.latency_ms.map(|ms| ms.to_string()).unwrap_or_default(),
                one.lanes.map(|lanes| lanes.to_string()).unwrap_or_default(),
            ])
        };
        points.iter().filter_map(row).collect::<Vec<_>>()
    };
    let head = [
        "at",
        "stage",
        "waiting",
        "in_flight",
        "arrived_per_minute",
        "answered_per_minute",
        "carried_per_minute",
        "failing_percent",
        "latency_ms",
        "lanes",
    ];
    let sent = points.iter().filter_map(|point| {
        let (run, sent) = point.sent?;
        Some([point.at.to_string(), run.to_string(), sent.to_string()])
    });
    vec![
        Table::new("points", head, StageName::ALL.iter().flat_map(of_stage)),
        Table::new("month", ["at", "run", "sent"], sent),
    ]
}

fn latency(point: &StagePoint) -> Option<f64> {
    Some(point.latency_ms? as f64 / 1_000.0)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The points, and the axis that all plots share.
struct Day<'a> {
    points: &'a [Point],
    first: Timestamp,
    to: f64,
}

impl Day<'_> {
    fn plot(&self, title: &str, unit: &'static str, series: Vec<Series>) -> Markup {
        self.limited(title, unit, series, Vec::new())
    }

    fn limited(&self, title: &str, unit: &'static str, series: Vec<Series>, limits: Vec<Limit>) -> Markup {
        let (title, marks) = (title.to_owned(), marks(self.first, self.to));
        PreEscaped(Plot { title, unit, to: self.to, marks, series, limits, shades: Vec::new() }.html())
    }

    /// Those of which something is known.
    fn stages(&self) -> impl Iterator<Item = StageName> {
        let is_known =
            |stage: StageName| self.points.iter().any(|point| point.stages.iter().any(|one| one.stage == stage));
        StageName::ALL.iter().copied().filter(move |stage| is_known(*stage))
    }

    fn series(&self, figure: impl Fn(&StagePoint) -> Option<f64>) -> Vec<Series> {
        let of = |stage: StageName| {
            let one = |point: &Point| {
                let figure = figure(point.stages.iter().find(|one| one.stage == stage)?)?;
                Some((seconds(self.first, point.at), figure))
            };
            let points = self.points.iter().filter_map(one).collect();
            Series { name: stage.as_str(), class: stage.as_str(), filled: false, points }
        };
        self.stages().map(of).collect()
    }

    fn month(&self, snapshot: &Snapshot) -> Vec<Series> {
        let run = snapshot.run.as_ref().map(|run| run.run);
        let of_run = |point: &Point| {
            let (_, sent) = point.sent.filter(|(of, _)| Some(*of) == run)?;
            Some((seconds(self.first, point.at), sent as f64))
        };
        let points = self.points.iter().filter_map(of_run).collect();
        vec![Series { name: "sent", class: "email", filled: true, points }]
    }

    /// What came to a stage and what was answered, against what its lanes carry.
    fn flow(&self, stage: StageName) -> Markup {
        let flows = flow(self.points, stage);
        let series = |name, class, filled, figure: fn(&Flow) -> f64| Series {
            name,
            class,
            filled,
            points: flows.iter().map(|flow| (seconds(self.first, flow.at), figure(flow))).collect(),
        };
        let carried = flows.iter().rev().find_map(|flow| flow.carried_per_minute);
        let limit = carried.map(|y| Limit { name: "what the lanes carry", class: stage.as_str(), y: rounded(y) });
        let all = vec![
            series("came", "arrivals", true, |flow| flow.arrived_per_minute),
            series("answered", stage.as_str(), false, |flow| flow.answered_per_minute),
        ];
        let title = format!("What came to the {stage} stage a minute, and what its lanes carry");
        html! {
            div {
                h2 id=(format!("flow-{stage}")) { "What came to the " (stage) " stage" }
                (self.limited(&title, "a minute", all, limit.into_iter().collect()))
                (told(&flows, self.points.iter().rev().find_map(|point| known(point, stage))))
            }
        }
    }
}

/// The stage's last figures of which it is known what its lanes carry.
fn known(point: &Point, stage: StageName) -> Option<&StagePoint> {
    point.stages.iter().find(|one| one.stage == stage && one.carried_per_minute().is_some())
}

/// The last hour in words.
fn told(flows: &[Flow], known: Option<&StagePoint>) -> Markup {
    let since = flows.last().and_then(|last| last.at.checked_sub(AN_HOUR).ok());
    let last: Vec<_> = flows.iter().filter(|flow| since.is_some_and(|since| flow.at > since)).collect();
    let came = last.iter().map(|flow| flow.arrived_per_minute).sum::<f64>() / last.len().max(1) as f64;
    html! {
        p.small {
            "About " (decimal(rounded(came))) " a minute came over the last hour"
            @if let Some((lanes, seconds, carried)) = known.and_then(|point| Some((point.lanes?, latency(point)?, point.carried_per_minute()?))) {
                "; " (lanes) " lanes at " (decimal(seconds)) " s a call carry " (decimal(rounded(carried)))
            }
            "."
        }
    }
}

/// As exact as something can be said that is reckoned of a few minutes.
fn rounded(figure: f64) -> f64 {
    if figure < 10.0 { (figure * 10.0).round() / 10.0 } else { figure.round() }
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
