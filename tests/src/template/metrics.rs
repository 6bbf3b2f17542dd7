//! Metrics: those that exist, and that alarms and the dashboard show no others.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use pulse_core::{
    entry::Plan,
    stage::{Moves, StageName},
};
use serde_json::Value;

use super::{Template, alarms::alarms};

/// Every metric that every stack has and anything here looks at: its namespace, its name, and the names of its dimensions.
///
/// `Pulse` is what the functions log in the embedded metric format. The others are in the guides of their services:
/// "Available CloudWatch metrics for Amazon SQS", "Amazon API Gateway dimensions and metrics", "Types of metrics for Lambda
/// functions", which are of all functions where there is no dimension, and "Monitoring Amazon EventBridge Scheduler with Amazon
/// CloudWatch".
pub const METRICS: [(&str, &str, &[&str]); 22] = [
    ("Pulse", "OldestDue", &["Stack"]),
    ("Pulse", "BreakerOpen", &["Stack"]),
    ("Pulse", "DeadLetters", &["Stack"]),
    ("Pulse", "Troubles", &["Stack"]),
    ("Pulse", "LanesInUse", &["Stack", "Stage"]),
    ("Pulse", "ProviderLatency", &["Stack", "Stage"]),
    ("Pulse", "ProviderFailures", &["Stack", "Stage"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", &["QueueName"]),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"]),
    ("AWS/ApiGateway", "Count", &["ApiName"]),
    ("AWS/ApiGateway", "5XXError", &["ApiName"]),
    ("AWS/Lambda", "Invocations", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &[]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &[]),
    ("AWS/Lambda", "ConcurrentExecutions", &["FunctionName"]),
    ("AWS/Scheduler", "InvocationAttemptCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "InvocationDroppedCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "TargetErrorCount", &["ScheduleGroup"]),
];

/// Those that a stack has with `DetailedMetrics` alone. No alarm may look at them.
pub const DETAILS: [(&str, &str, &[&str]); 13] = [
    ("Pulse", "OldestDue", &["Stack", "Stage"]),
    ("Pulse", "BreakerOpen", &["Stack", "Stage"]),
    ("Pulse", "Paused", &["Stack", "Stage"]),
    ("Pulse", "DeadLetters", &["Stack", "Queue"]),
    ("Pulse", "Scored", &["Stack"]),
    ("Pulse", "Sent", &["Stack"]),
    ("Pulse", "Skipped", &["Stack"]),
    ("Pulse", "Failed", &["Stack"]),
    ("Pulse", "Unknown", &["Stack"]),
    ("Pulse", "Dropped", &["Stack"]),
    ("Pulse", "Forged", &["Stack"]),
    ("Pulse", "Reputation", &["Stack"]),
    ("Pulse", "LateCampaigns", &["Stack"]),
];

/// Metrics, and alarms, that CloudWatch gives free of charge (Amazon CloudWatch pricing, "Free tier").
const FREE: usize = 10;

/// The dashboard of what is measured with `DetailedMetrics` alone.
const DETAILS_DASHBOARD: &str = "DetailsDashboard";

/// What the scheduler's dead-letter queue is called as a dimension, where others are called as their stages.
const SCHEDULES: &str = "schedules";

/// What the intake's are called.
const INTAKE: [&str; 2] = ["feedback", "unsubscribe"];

/// Whether it is measured what is due longest of a stage: not of one that only campaigns have, whose lateness is their own.
fn has_oldest_due(stage: &str) -> bool {
    stage.parse().is_ok_and(|stage: StageName| Plan::MONTHLY.has(stage) || stage.spec().moves == Moves::Deliveries)
        || stage.parse::<StageName>().is_err()
}

/// A stack has ten alarms and ten metrics of its own at most, as many as are free of charge, and the bill counts them: those of
/// each month's stages and of the stack. The deliver stage's are measured only where there are endpoints, and those of stages that
/// only a parameter gives have a bill of their own.
#[must_use]
pub fn there_are_no_more_than_are_free(template: &Template) -> Vec<String> {
    let given: Vec<_> = template.stages().iter().filter(|stage| stage.condition.is_some()).collect();
    let own = own_metrics(template, &METRICS);
    let of_given = |of: Option<&str>| given.iter().any(|stage| of == Some(stage.name.as_str()));
    let by_months = own.iter().filter(|(_, of)| !of_given(*of) && *of != Some(StageName::Deliver.as_str())).count();
    // An alarm costs by the metrics that it looks at.
    let looked_at = alarms(template).map(|(_, alarm)| alarm["Metrics"].as_array().map_or(1, Vec::len)).sum();
    let mut problems = Vec::new();
    for (what, there) in [("metrics", by_months), ("alarms", looked_at)] {
        if there > FREE {
            problems.push(format!("there are {there} {what}, of which {FREE} are free of charge"));
        }
    }
    let counted = [
        (
            "metrics of given stages",
            own.iter().filter(|(_, of)| of_given(*of)).count(),
            given.len() * pulse_core::bill::GIVEN_METRICS as usize,
        ),
        ("metrics", by_months, pulse_core::bill::METRICS as usize),
        ("alarms", looked_at, pulse_core::bill::ALARMS as usize),
    ];
    let wrong = counted.into_iter().filter(|(_, there, billed)| there != billed);
    problems.extend(wrong.map(|(what, there, billed)| format!("there are {there} {what}, and the bill has {billed}")));
    problems
}

/// Alarms look at metrics that exist.
#[must_use]
pub fn alarms_look_at_what_is_measured(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, alarm) in alarms(template) {
        let dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
        let dimensions: Vec<_> = dimensions.filter_map(|dimension| dimension["Name"].as_str()).collect();
        let (namespace, name) = (alarm["Namespace"].as_str(), alarm["MetricName"].as_str());
        if !is_among(&METRICS, namespace, name, &dimensions) {
            problems.push(format!("{id} looks at {namespace:?} {name:?} of {dimensions:?}, which nobody measures"));
        }
    }
    problems
}

/// The dashboards show metrics that exist, of resources that exist, with all that are Pulse's own, and every alarm. What isn't
/// always measured is on the dashboard alone that is only there then.
#[must_use]
pub fn the_dashboard_shows_what_is_measured(template: &Template) -> Vec<String> {
    let widgets = match widgets(template) {
        Ok(widgets) => widgets,
        Err(error) => return vec![format!("the dashboard can't be read: {error:#}")],
    };
    let mut problems = Vec::new();
    let mut own = own_metrics(template, &METRICS);
    own.extend(own_metrics(template, &DETAILS));
    for (dashboard, widget) in &widgets {
        let measured: &[_] = if dashboard == DETAILS_DASHBOARD { &DETAILS } else { &METRICS };
        for metric in widget["metrics"].as_array().into_iter().flatten() {
            let parts: Vec<_> = metric.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let [namespace, name, dimensions @ ..] = parts.as_slice() else {
                problems.push(format!("{metric} is no metric"));
                continue;
            };
            let (names, values): (Vec<_>, Vec<_>) =
                dimensions.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default())).unzip();
            if !is_among(measured, Some(namespace), Some(name), &names) {
                problems.push(format!("{dashboard} shows {metric}, which nobody measures then"));
            }
            problems.extend(values.iter().filter_map(|value| unknown(template, value)));
            let of = names.iter().position(|dimension| matches!(*dimension, "Stage" | "Queue")).map(|at| values[at]);
            own.remove(&(*name, of));
        }
        if widget["metrics"].is_array() && widget["region"] != "${AWS::Region}" {
            problems.push(format!("{} is shown of another region", widget["title"]));
        }
    }
    problems.extend(own.iter().map(|(name, of)| format!("the dashboard doesn't show {name} of {of:?}")));
    let condition = template.at(&format!("/Resources/{DETAILS_DASHBOARD}/Condition"));
    if condition.is_none_or(|condition| condition != "MeasuresDetails") {
        problems.push(format!("{DETAILS_DASHBOARD} is there without what it shows"));
    }
    let shown: Vec<_> =
        widgets.iter().flat_map(|(_, widget)| widget["alarms"].as_array().into_iter().flatten()).collect();
    for (id, _) in alarms(template) {
        if !shown.iter().any(|alarm| **alarm == format!("${{{id}.Arn}}")) {
            problems.push(format!("the dashboard doesn't show {id}"));
        }
    }
    problems
}

/// The metrics that are Pulse's own, each with its stage or queue if it is of one.
fn own_metrics<'a>(
    template: &'a Template,
    metrics: &[(&'static str, &'static str, &[&str])],
) -> BTreeSet<(&'static str, Option<&'a str>)> {
    let mut own = BTreeSet::new();
    for (_, name, by) in metrics.iter().filter(|(of, _, _)| *of == "Pulse") {
        let by_queue = by.contains(&"Queue");
        if by_queue || by.contains(&"Stage") {
            let stages = template.stages().iter().map(|stage| stage.name.as_str());
            own.extend(
                stages.filter(|stage| *name != "OldestDue" || has_oldest_due(stage)).map(|stage| (*name, Some(stage))),
            );
            own.extend(
                by_queue.then_some([SCHEDULES, INTAKE[0], INTAKE[1]]).into_iter().flatten().map(|of| (*name, Some(of))),
            );
        } else {
            own.insert((*name, None));
        }
    }
    own
}

/// Whether an alarm's metric counts what happened in its period. The others say how things stand.
pub(super) fn is_a_count(alarm: &Value) -> bool {
    alarm["MetricName"] == "Troubles"
        || matches!(alarm["Namespace"].as_str(), Some("AWS/Lambda" | "AWS/Scheduler" | "AWS/ApiGateway"))
}

fn is_among(
    metrics: &[(&str, &str, &[&str])],
    namespace: Option<&str>,
    name: Option<&str>,
    dimensions: &[&str],
) -> bool {
    metrics.iter().any(|(of, metric, by)| Some(*of) == namespace && Some(*metric) == name && *by == dimensions)
}

/// What is wrong with a dimension's value: a stage that there isn't, or a resource.
fn unknown(template: &Template, value: &str) -> Option<String> {
    let Some(place) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        let is_stage = template.stages().iter().any(|stage| stage.name == value);
        return (!is_stage && value != SCHEDULES && !INTAKE.contains(&value))
            .then(|| format!("there is no stage {value}"));
    };
    let id = place.split('.').next().unwrap_or_default();
    let known = place.starts_with("AWS::") || template.at(&format!("/Resources/{id}")).is_some();
    (!known).then(|| format!("there is no resource {id}"))
}

/// The widgets of all dashboards, each with its dashboard.
fn widgets(template: &Template) -> Result<Vec<(String, Value)>> {
    let mut widgets = Vec::new();
    for (id, dashboard) in template.resources("AWS::CloudWatch::Dashboard") {
        let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().context("its body is no text")?;
        let body: Value = serde_json::from_str(body)?;
        let of_one = body["widgets"].as_array().context("it has no widgets")?;
        widgets.extend(of_one.iter().map(|widget| (id.to_owned(), widget["properties"].clone())));
    }
    ensure!(!widgets.is_empty(), "there is none");
    Ok(widgets)
}
