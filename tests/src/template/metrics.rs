//! Metrics: those that exist, and that alarms and the dashboard show no others.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use pulse_core::{
    entry::Plan,
    stage::{Moves, StageName},
};
use serde_json::Value;

use super::{Template, alarms::alarms};

/// Every metric that anything here looks at: its namespace, its name, and the names of its dimensions.
///
/// `Pulse` is what the functions log in the embedded metric format. The others are in the guides of their services:
/// "Available CloudWatch metrics for Amazon SQS", "Amazon API Gateway dimensions and metrics", "Types of metrics for Lambda
/// functions", and "Monitoring Amazon
/// EventBridge Scheduler with Amazon CloudWatch".
pub const METRICS: [(&str, &str, &[&str]); 29] = [
    ("Pulse", "OldestDue", &["Stack", "Stage"]),
    ("Pulse", "BreakerOpen", &["Stack", "Stage"]),
    ("Pulse", "Paused", &["Stack", "Stage"]),
    ("Pulse", "LanesInUse", &["Stack", "Stage"]),
    ("Pulse", "ProviderLatency", &["Stack", "Stage"]),
    ("Pulse", "ProviderFailures", &["Stack", "Stage"]),
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
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", &["QueueName"]),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"]),
    ("AWS/ApiGateway", "Count", &["ApiName"]),
    ("AWS/ApiGateway", "5XXError", &["ApiName"]),
    ("AWS/Lambda", "Invocations", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/Lambda", "ConcurrentExecutions", &["FunctionName"]),
    ("AWS/Scheduler", "InvocationAttemptCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "InvocationDroppedCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "InvocationsFailedToBeSentToDeadLetterCount", &["ScheduleGroup"]),
    ("AWS/Scheduler", "TargetErrorCount", &["ScheduleGroup"]),
];

/// What the scheduler's dead-letter queue is called as a dimension, where others are called as their stages.
pub(super) const SCHEDULES: &str = "schedules";

/// What the intake's are called.
const INTAKE: [&str; 2] = ["feedback", "unsubscribe"];

/// Whether it is measured what is due longest of a stage: not of one that only campaigns have, whose lateness is their own.
pub(super) fn has_oldest_due(stage: &str) -> bool {
    stage.parse().is_ok_and(|stage: StageName| Plan::MONTHLY.has(stage) || stage.spec().moves == Moves::Deliveries)
        || stage.parse::<StageName>().is_err()
}

/// The bill counts the alarms and the metrics that there are, but for those of stages that only a parameter gives, those of dead letters, of dropped mails, of what was
/// forged, of a bad reputation and of late campaigns, as most months have none, and those of the deliver stage, as most stacks have no endpoint.
#[must_use]
pub fn the_bill_counts_them(template: &Template) -> Vec<String> {
    let given: Vec<_> = template.stages().iter().filter(|stage| stage.condition.is_some()).collect();
    let measured = own_metrics(template)
        .into_iter()
        .filter(|(name, _)| !["DeadLetters", "Dropped", "Forged", "Reputation", "LateCampaigns"].contains(name))
        .filter(|(_, of)| *of != Some(StageName::Deliver.as_str()))
        .filter(|(_, of)| !given.iter().any(|stage| *of == Some(stage.name.as_str())))
        .count();
    let always = alarms(template).filter(|(id, _)| !given.iter().any(|stage| id.starts_with(&*stage.id)));
    let counted = [
        (
            "metrics of given stages",
            own_metrics(template)
                .into_iter()
                .filter(|(name, of)| {
                    *name != "DeadLetters" && given.iter().any(|stage| *of == Some(stage.name.as_str()))
                })
                .count(),
            given.len() * pulse_core::bill::GIVEN_METRICS as usize,
        ),
        (
            "alarms of given stages",
            alarms(template).filter(|(id, _)| given.iter().any(|stage| id.starts_with(&*stage.id))).count(),
            given.len() * pulse_core::bill::GIVEN_ALARMS as usize,
        ),
        ("metrics", measured, pulse_core::bill::METRICS as usize),
        ("alarms", always.count(), pulse_core::bill::ALARMS as usize),
    ];
    let wrong = counted.into_iter().filter(|(_, there, billed)| there != billed);
    wrong.map(|(what, there, billed)| format!("there are {there} {what}, and the bill has {billed}")).collect()
}

/// Alarms look at metrics that exist.
#[must_use]
pub fn alarms_look_at_what_is_measured(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, alarm) in alarms(template) {
        let dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
        let dimensions: Vec<_> = dimensions.filter_map(|dimension| dimension["Name"].as_str()).collect();
        let (namespace, name) = (alarm["Namespace"].as_str(), alarm["MetricName"].as_str());
        if !is_measured(namespace, name, &dimensions) {
            problems.push(format!("{id} looks at {namespace:?} {name:?} of {dimensions:?}, which nobody measures"));
        }
    }
    problems
}

/// The dashboards show metrics that exist, of resources that exist, with all that are Pulse's own, and every alarm.
#[must_use]
pub fn the_dashboard_shows_what_is_measured(template: &Template) -> Vec<String> {
    let widgets = match widgets(template) {
        Ok(widgets) => widgets,
        Err(error) => return vec![format!("the dashboard can't be read: {error:#}")],
    };
    let mut problems = Vec::new();
    let mut own = own_metrics(template);
    for widget in &widgets {
        for metric in widget["metrics"].as_array().into_iter().flatten() {
            let parts: Vec<_> = metric.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let [namespace, name, dimensions @ ..] = parts.as_slice() else {
                problems.push(format!("{metric} is no metric"));
                continue;
            };
            let (names, values): (Vec<_>, Vec<_>) =
                dimensions.chunks(2).map(|pair| (pair[0], pair.get(1).copied().unwrap_or_default())).unzip();
            if !is_measured(Some(namespace), Some(name), &names) {
                problems.push(format!("the dashboard shows {metric}, which nobody measures"));
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
    let shown: Vec<_> = widgets.iter().flat_map(|widget| widget["alarms"].as_array().into_iter().flatten()).collect();
    for (id, _) in alarms(template) {
        if !shown.iter().any(|alarm| **alarm == format!("${{{id}.Arn}}")) {
            problems.push(format!("the dashboard doesn't show {id}"));
        }
    }
    problems
}

/// The metrics that are Pulse's own, each with its stage or queue if it is of one.
fn own_metrics(template: &Template) -> BTreeSet<(&'static str, Option<&str>)> {
    let mut own = BTreeSet::new();
    for (_, name, by) in METRICS.iter().filter(|(of, _, _)| *of == "Pulse") {
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
    alarm["MetricName"] == "Forged"
        || matches!(alarm["Namespace"].as_str(), Some("AWS/Lambda" | "AWS/Scheduler" | "AWS/ApiGateway"))
}

fn is_measured(namespace: Option<&str>, name: Option<&str>, dimensions: &[&str]) -> bool {
    METRICS.iter().any(|(of, metric, by)| Some(*of) == namespace && Some(*metric) == name && *by == dimensions)
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

fn widgets(template: &Template) -> Result<Vec<Value>> {
    let mut widgets = Vec::new();
    for (_, dashboard) in template.resources("AWS::CloudWatch::Dashboard") {
        let body = dashboard["DashboardBody"]["Fn::Sub"].as_str().context("its body is no text")?;
        let body: Value = serde_json::from_str(body)?;
        let of_one = body["widgets"].as_array().context("it has no widgets")?;
        widgets.extend(of_one.iter().map(|widget| widget["properties"].clone()));
    }
    ensure!(!widgets.is_empty(), "there is none");
    Ok(widgets)
}
