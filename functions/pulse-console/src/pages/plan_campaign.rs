//! Lanes against time for a campaign: what if.

use std::{num::NonZeroU32, str::FromStr as _, time::Duration};

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, PreEscaped, html};
use pulse_app::{
    PlannedCampaign,
    words::{decimal, grouped, lasting, length},
};
use pulse_core::{
    entry::StageName,
    plan::{Bound, Campaign, CampaignPoint, Utilisation},
};
use serde::Deserialize;

use crate::{
    console::Of,
    failure::{Failure, sentence},
    layout::{Page, Place},
    plot::{Limit, Plot, Series, ticks},
    tables::{Table, Tables},
    wanted::Wanted,
};

/// What is asked for: as `pulse plan --items` takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    items: NonZeroU32,
    each: String,
    within: String,
    stage: String,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            items: NonZeroU32::MIN.saturating_add(9_999),
            each: "3300ms".into(),
            within: "90m".into(),
            stage: StageName::Email.to_string(),
        }
    }
}

impl Question {
    fn planned(&self) -> Result<(Campaign, Duration, PlannedCampaign), String> {
        let stage = StageName::from_str(&self.stage).ok().filter(|stage| StageName::OF_ENTRIES.contains(stage));
        let stage = stage.ok_or_else(|| "The calls are of the email, the score or the call stage.".to_owned())?;
        let read = |text: &str, name| length(text.trim()).map_err(|error| format!("The time {name} {error}."));
        let (each, within) = (read(&self.each, "of a call")?, read(&self.within, "for all of them")?);
        let campaign = Campaign {
            stage,
            items: self.items,
            each,
            bound: Bound::Within { within, allowed: None },
            in_flight: None,
            call_timeout: None,
            utilisation: Utilisation::default(),
        };
        let planned = PlannedCampaign::of(&campaign).map_err(|error| sentence(error, None))?;
        Ok((campaign, within, planned))
    }
}

pub(super) async fn show(
    State(console): Of,
    tables: Tables,
    wanted: Wanted,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Failure> {
    let Query(question) = question.map_err(|_| Failure::wrong("A field holds no number, or one that is too large."))?;
    let planned = question.planned();
    if let (Wanted::Json | Wanted::Csv, Err(words)) = (wanted, &planned) {
        return Err(Failure::wrong(words.clone()));
    }
    let reckoned = planned.as_ref().ok().map(|(.., reckoned)| reckoned);
    tables.answer(&reckoned, || reckoned.into_iter().map(sheet).collect(), || {
        let main = html! {
            h1 { "Plan of a campaign" }
            p { "Lanes against time, for items that each take one call. Nothing is asked, and nothing changed. " a href="/plan" { "What the months take" } }
            (form(&question))
            @match &planned {
                Err(words) => p.note.bad role="alert" { (words) },
                Ok((campaign, within, planned)) => { (plan(&question, campaign, *within, planned)) (tables.link("frontier")) },
            }
        };
        console.frame.page(&Page { title: "Plan of a campaign".into(), place: Place::Plan, every: None, main })
    })
}

fn sheet(planned: &PlannedCampaign) -> Table {
    let rows = planned.plan.frontier.iter().map(|point| {
        let CampaignPoint { lanes, takes, in_time, .. } = point;
        let [count, invocations, in_flight] =
            [lanes.count(), lanes.maximum_concurrency(), lanes.in_flight()].map(|figure| figure.to_string());
        [count, invocations, in_flight, takes.as_secs_f64().to_string(), in_time.unwrap_or(true).to_string()]
    });
    Table::new("frontier", ["lanes", "maximum_concurrency", "in_flight", "takes_seconds", "in_time"], rows)
}

/// The fields, on the page of the months' plan as well.
pub(super) fn form(question: &Question) -> Markup {
    html! {
        form.fields method="get" action="/plan/campaign" {
            label { "items" input type="number" name="items" value=(question.items) min="1" max=(u32::MAX) required; }
            label { "a call, as in 60s or 20ms" input type="text" name="each" value=(question.each) maxlength="10" required; }
            label { "all within, as in 90m or 6h" input type="text" name="within" value=(question.within) maxlength="10" required; }
            label { "by the stage: email, score or call" input type="text" name="stage" value=(question.stage) maxlength="10" required; }
            button { "Reckon" }
        }
    }
}

fn plan(question: &Question, campaign: &Campaign, within: Duration, planned: &PlannedCampaign) -> Markup {
    let way = &planned.plan.way;
    let lanes = way.lanes;
    html! {
        p.note {
            strong { (grouped(lanes.count().into())) " lanes" } " are the fewest that end it within " (lasting(within)) ": it takes "
            (lasting(way.takes)) ". One after the other, all calls take " (lasting(planned.plan.in_sequence)) ". "
            code { "pulse lanes " (campaign.stage) " " (lanes.count()) " --in-flight " (lanes.in_flight()) }
        }
        (PreEscaped(drawn(campaign, within, &planned.plan.frontier).html()))
        table.narrow {
            thead { tr { th.number scope="col" { "lanes" } th scope="col" { "invocations × calls in flight" } th.number scope="col" { "takes" } th scope="col" { "in time" } } }
            tbody {
                @for CampaignPoint { lanes: with, takes, in_time, .. } in &planned.plan.frontier {
                    tr.total[*with == lanes] {
                        th.number scope="row" { (grouped(with.count().into())) }
                        td { (with.maximum_concurrency()) " × " (with.in_flight()) }
                        td.number { (lasting(*takes)) }
                        td { @match in_time { Some(false) => "too late", _ if *with == lanes => "the fewest in time", _ => "in time" } }
                    }
                }
            }
        }
        p.small {
            "At public prices it costs $" (format!("{:.2}", planned.bill.total)) " beside the months' runs, with these lanes; as a distributed map of Step Functions $"
            (format!("{:.2}", planned.distributed_map.total)) ". Planned with " (decimal(campaign.utilisation.of(100.0))) " % of the lanes. "
            code { "pulse plan --items " (campaign.items) " --each " (question.each.trim()) " --within " (question.within.trim()) " --stage " (campaign.stage) }
            " says what has to be set first, where calls are long."
        }
    }
}

/// A length of time on the axis: how many seconds its unit has, and what that is called.
fn unit(longest: Duration) -> (f64, &'static str) {
    match longest.as_secs() {
        0..180 => (1.0, "seconds"),
        180..10_800 => (60.0, "minutes"),
        10_800..259_200 => (3_600.0, "hours"),
        _ => (86_400.0, "days"),
    }
}

/// Lanes across, time upwards.
fn drawn(campaign: &Campaign, within: Duration, frontier: &[CampaignPoint]) -> Plot {
    let longest = frontier.iter().map(|point| point.takes).max().unwrap_or(within).max(within);
    let (seconds, unit) = unit(longest);
    let points: Vec<_> =
        frontier.iter().map(|point| (f64::from(point.lanes.count()), point.takes.as_secs_f64() / seconds)).collect();
    let to = points.last().map_or(1.0, |(lanes, _)| *lanes);
    let marks = ticks(to).into_iter().filter(|tick| *tick <= to * 0.98).map(|tick| (tick, format!("{tick} lanes")));
    let class = campaign.stage.as_str();
    Plot {
        title: format!("How long {} items take with how many lanes, in {unit}", grouped(campaign.items.get().into())),
        unit,
        to,
        marks: marks.collect(),
        series: vec![Series { name: "all items take", class, filled: false, points }],
        limits: vec![Limit { name: "allowed", class: "arrivals", y: within.as_secs_f64() / seconds }],
        shades: Vec::new(),
    }
}
