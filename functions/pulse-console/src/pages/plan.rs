//! How many lanes a roster takes, how long a backlog, and what it costs: what if.

use std::{num::NonZeroU32, time::Duration};

use axum::{
    extract::{Query, State},
    response::Response,
};
use maud::{Markup, html};
use pulse_app::{
    Planned,
    words::{console_costs, decimal, endpoint_costs, grouped, lasting},
};
use pulse_core::plan::{Calls, Demand, PlanError, StagePlan, Utilisation};
use serde::{Deserialize, Serialize};

use super::plan_campaign;
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place},
    tables::{Table, Tables},
    wanted::Wanted,
};

/// What is asked for: as `pulse plan` takes it, and the same where nothing is said.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    customers: u32,
    days: NonZeroU32,
    score_latency: f64,
    email_latency: f64,
    score_in_flight: u32,
    email_in_flight: u32,
    utilisation: f64,
    backlog: u64,
    /// In hours. A form that is sent leaves an empty field empty.
    within: String,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            customers: 600_000,
            days: NonZeroU32::MIN.saturating_add(29),
            score_latency: 2.4,
            email_latency: 3.3,
            score_in_flight: 4,
            email_in_flight: 4,
            utilisation: 0.8,
            backlog: 0,
            within: String::new(),
        }
    }
}

impl Question {
    fn planned(&self) -> Result<Planned, String> {
        Planned::of(&self.demand()?).map_err(words)
    }

    fn demand(&self) -> Result<Demand, String> {
        let seconds = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("{seconds} is no number of seconds, as in 2.4."))
        };
        let within = match self.within.trim() {
            "" => None,
            hours => {
                let hours: f64 =
                    hours.parse().map_err(|_| "The time for the backlog is a number of hours.".to_owned())?;
                Some(seconds(hours * 3_600.0)?)
            }
        };
        if self.customers == 0 || self.days.get() > 400 {
            return Err("There is one customer at least, and a period is 400 days at most.".into());
        }
        Ok(Demand {
            customers: self.customers,
            days: self.days,
            score: Calls::new(seconds(self.score_latency)?, self.score_in_flight).map_err(words)?,
            email: Calls::new(seconds(self.email_latency)?, self.email_in_flight).map_err(words)?,
            backlog: self.backlog,
            within,
            utilisation: Utilisation::parse(self.utilisation).map_err(words)?,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err has it")]
fn words(error: PlanError) -> String {
    format!("{error}.")
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
    let reckoned = planned.as_ref().ok();
    tables.answer(&reckoned, || reckoned.into_iter().flat_map(sheets).collect(), || {
        let main = html! {
            h1 { "Plan" }
            p { "How many lanes a roster takes, how long a backlog, and what it costs. Nothing is asked, and nothing changed." }
            (form(&question))
            @match &planned {
                Err(words) => p.note.bad role="alert" { (words) },
                Ok(planned) => { (plan(&question, planned)) div.csvs { (tables.link("bill")) (tables.link("lanes")) } },
            }
            h2 #campaign { "A campaign: lanes against time" }
            (plan_campaign::form(&plan_campaign::Question::default()))
        };
        console.frame.page(&Page { title: "Plan".into(), place: Place::Plan, every: None, main })
    })
}

fn sheets(planned: &Planned) -> Vec<Table> {
    let Planned { plan, bill, .. } = planned;
    let priced = bill.lines.iter().map(|line| {
        let [quantity, cost] = [line.quantity, line.cost].map(|figure| figure.to_string());
        [line.what.to_string(), quantity, line.unit.to_string(), cost]
    });
    let total = ["all together".to_owned(), String::new(), String::new(), bill.total.to_string()];
    let stages = [&plan.score, &plan.email].map(|stage| {
        let lanes = [stage.needed, stage.lanes.count(), stage.lanes.maximum_concurrency(), stage.lanes.in_flight()];
        let [needed, count, invocations, in_flight] = lanes.map(|figure| figure.to_string());
        let [busy, rate] = [stage.busy, stage.calls_a_second].map(|figure| figure.to_string());
        [stage.stage.to_string(), needed, count, invocations, in_flight, busy, rate]
    });
    let head = ["stage", "needed", "to_set", "maximum_concurrency", "in_flight", "busy", "calls_a_second"];
    vec![
        Table::new("bill", ["what", "quantity", "unit", "dollars"], priced.chain([total])),
        Table::new("lanes", head, stages),
    ]
}

fn form(question: &Question) -> Markup {
    let fields: [(&str, &str, String, &str); 8] = [
        ("customers", "customers", question.customers.to_string(), "1"),
        ("days", "days in which each is due once", question.days.to_string(), "1"),
        ("score_latency", "seconds a scoring call", question.score_latency.to_string(), "any"),
        ("email_latency", "seconds a send", question.email_latency.to_string(), "any"),
        ("score_in_flight", "scoring calls in flight", question.score_in_flight.to_string(), "1"),
        ("email_in_flight", "sends in flight", question.email_in_flight.to_string(), "1"),
        ("utilisation", "share of the lanes to plan with", question.utilisation.to_string(), "any"),
        ("backlog", "customers who are late", question.backlog.to_string(), "1"),
    ];
    html! {
        form.fields method="get" action="/plan" {
            @for (name, label, value, step) in fields {
                label { (label) input type="number" name=(name) value=(value) step=(step) min="0" required; }
            }
            label { "hours for the late ones" input type="number" name="within" value=(question.within) step="any" min="0"; }
            button { "Reckon" }
        }
    }
}

fn plan(question: &Question, planned: &Planned) -> Markup {
    let Planned { plan, bill, console, endpoint } = planned;
    html! {
        div.columns {
            section {
                h2 { "Time" }
                table.facts {
                    tbody {
                        tr { th scope="row" { "due" } td { (decimal(plan.due_a_day)) " a day" } }
                        tr { th scope="row" { "in sequence" } td { (decimal(plan.in_sequence_a_day)) " a day" } }
                        tr { th scope="row" { "a day's customers" } td { (lasting(plan.day_takes)) " if they all wait" } }
                        @if question.backlog > 0 {
                            tr {
                                th scope="row" { (grouped(question.backlog)) " late ones" }
                                td { (plan.backlog_takes.map_or_else(|| "never done: the lanes have no headroom".into(), lasting)) }
                            }
                        }
                    }
                }
            }
            (stage("Scoring", &plan.score))
            (stage("Email", &plan.email))
        }
        h2 { "Bill for " (question.days) " days, at public prices" }
        table {
            thead { tr { th scope="col" { "what" } th.number scope="col" { "quantity" } th scope="col" { "unit" } th.number scope="col" { "cost" } } }
            tbody {
                @for line in &bill.lines {
                    tr { th scope="row" { (line.what) } td.number { (decimal(line.quantity)) } td { (line.unit) } td.number { "$" (format!("{:.2}", line.cost)) } }
                }
                tr.total { th scope="row" { "all together" } td {} td {} td.number { "$" (format!("{:.2}", bill.total)) } }
            }
        }
        p.small { (console_costs(console)) }
        p.small { (endpoint_costs(endpoint)) }
    }
}

fn stage(name: &str, stage: &StagePlan) -> Markup {
    let lanes = stage.lanes;
    html! {
        section {
            h2 { (name) }
            table.facts {
                tbody {
                    tr { th scope="row" { "lanes needed" } td { (grouped(stage.needed.into())) } }
                    tr { th scope="row" { "to set" } td { (grouped(lanes.count().into())) " = " (lanes.maximum_concurrency()) " × " (lanes.in_flight()) } }
                    tr { th scope="row" { "busy" } td { (decimal(stage.busy * 100.0)) " %" } }
                    tr { th scope="row" { "the provider sees" } td { (decimal(stage.calls_a_second)) " calls a second at most" } }
                }
            }
            p.small { code { "pulse lanes " (stage.stage) " " (lanes.count()) " --in-flight " (lanes.in_flight()) } }
        }
    }
}
