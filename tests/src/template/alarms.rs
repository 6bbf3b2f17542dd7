//! Alarms: what they look at, when they go off, and what they tell whoever is woken.

use serde_json::{Value, json};

use super::{Template, metrics, reference};

/// The commands that answer an alarm.
const COMMANDS: [&str; 11] =
    ["audit", "dlq", "endpoint", "lanes", "pause", "plan", "redrive", "resume", "run", "status", "why"];

/// The most that CloudWatch takes as a description (Amazon CloudWatch API Reference, `PutMetricAlarm`).
const DESCRIPTION: usize = 1_024;

/// A warning comes so long before the first waiting message expires.
const AHEAD_SECONDS: u64 = 3 * 86_400;

/// Every alarm says what has happened, and which command to run first.
#[must_use]
pub fn each_says_what_to_do_first(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, alarm) in alarms(template) {
        let text = alarm["AlarmDescription"].as_str().unwrap_or_default();
        let command = text.split_once(" First: `pulse ").and_then(|(_, rest)| rest.split_once('`'));
        let word = command.and_then(|(command, _)| command.split(' ').next()).unwrap_or_default();
        if !COMMANDS.contains(&word) {
            problems.push(format!("{id} names no command to run first: {text}"));
        }
        if text.len() > DESCRIPTION {
            problems.push(format!("{id} says more than {DESCRIPTION} characters"));
        }
    }
    problems
}

/// Every alarm goes off within an hour, takes what is missing for what it means, and tells whom the parameter names. One
/// that goes off for want of data waits until there can be some, once it is made: its periods and a few minutes, of the two
/// days that CloudWatch gives it (Amazon CloudWatch User Guide, "Alarm warm-up periods").
#[must_use]
pub fn each_is_sane(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, alarm) in alarms(template) {
        let number = |name: &str| alarm[name].as_u64();
        // CloudWatch keeps what it measures by the minute.
        if !matches!(number("Period"), Some(60 | 300 | 3_600)) {
            problems.push(format!("{id} looks every {:?} s, not every 60, 300 or 3600", number("Period")));
        }
        let after = number("Period").zip(number("EvaluationPeriods")).map(|(period, times)| period * times);
        if !after.is_some_and(|after| (60..=3_600).contains(&after)) {
            problems.push(format!("{id} goes off after {after:?} s, not within an hour"));
        }
        let warm_up = alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"].as_u64();
        let waits = after.map(|after| after / 60 + 5..=2_880).zip(warm_up);
        let is_in_time = waits.is_some_and(|(right, minutes)| right.contains(&minutes));
        if (alarm["ComparisonOperator"] == "LessThanThreshold") != is_in_time || (warm_up.is_some() && !is_in_time) {
            problems.push(format!("{id} goes off before there can be data, or too late: it waits {warm_up:?} minutes"));
        }
        let above = match alarm["ComparisonOperator"].as_str() {
            Some("GreaterThanThreshold") => number("Threshold").is_some(),
            Some("GreaterThanOrEqualToThreshold" | "LessThanThreshold") => number("Threshold").is_some_and(|n| n > 0),
            _ => false,
        };
        if !above {
            problems.push(format!("{id} has a threshold that is always or never passed"));
        }
        let missing = if alarm["ComparisonOperator"] == "LessThanThreshold" { "breaching" } else { "notBreaching" };
        if alarm["TreatMissingData"] != missing {
            problems.push(format!("{id} takes what is missing for {}, not {missing}", alarm["TreatMissingData"]));
        }
        let statistic = if metrics::is_a_count(alarm) { "Sum" } else { "Maximum" };
        if alarm["Statistic"] != statistic {
            problems.push(format!("{id} takes the {} of its metric, not the {statistic}", alarm["Statistic"]));
        }
        for actions in ["AlarmActions", "OKActions"] {
            let action = &alarm[actions][0]["Fn::If"];
            if action[0] != "HasAlarmTopic" || reference(&action[1]) != Some("AlarmTopicArn") {
                problems.push(format!("{id} has {actions} that don't tell AlarmTopicArn"));
            }
        }
    }
    problems
}

/// Every dead-letter queue is counted by the tick, which may do so, and has an alarm that goes off within a minute of the
/// first letter that is counted.
#[must_use]
pub fn each_dead_letter_queue_has_one(template: &Template) -> Vec<String> {
    let queues = template.resources("AWS::SQS::Queue");
    let dead = queues.filter(|(_, queue)| queue["RedriveAllowPolicy"].is_object());
    let tick = template.functions().into_iter().find(|(id, _)| *id == "TickFunction").map(|(_, tick)| tick);
    let variables = tick.as_ref().and_then(|tick| tick["Environment"]["Variables"].as_object());
    let role = template.at("/Resources/TickRole/Properties/Policies").map(Value::to_string).unwrap_or_default();
    let lacks = dead.filter(|(queue, _)| {
        let of = template.stages().iter().find(|stage| queue.strip_suffix("Dlq") == Some(&stage.id));
        let word = match (of, *queue) {
            (Some(stage), _) => &*stage.name,
            (None, "FeedbackDlq") => "feedback",
            (None, "UnsubscribeDlq") => "unsubscribe",
            (None, _) => metrics::SCHEDULES,
        };
        let is_heard = alarms(template).any(|(_, alarm)| {
            alarm["MetricName"] == "DeadLetters"
                && dimension(alarm, "Queue").is_some_and(|name| name == word)
                && (&alarm["Threshold"], &alarm["Period"], &alarm["EvaluationPeriods"])
                    == (&0.into(), &60.into(), &1.into())
        });
        let is_asked = variables.is_some_and(|all| all.values().any(|value| reference(value) == Some(queue)));
        let may_be = role.contains(&json!({ "Fn::GetAtt": [queue, "Arn"] }).to_string());
        !(is_heard && is_asked && may_be)
    });
    lacks.map(|(queue, _)| format!("nobody hears within a minute of what lands in {queue}")).collect()
}

/// Each stage has alarms for what is overdue and what will expire, if months or endpoints wait for it, its breaker, throttles, and invocations that fail; the
/// schedules, the tick, the audit, and mails that were accepted and then dropped have theirs.
#[must_use]
pub fn everything_that_can_stop_has_one(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let mut want = |metric: &str, dimensions: &[(&str, &str)], threshold: Option<u64>| {
        let found = alarms(template).any(|(_, alarm)| {
            alarm["MetricName"] == metric
                && threshold.is_none_or(|threshold| alarm["Threshold"] == threshold)
                && dimensions.iter().all(|(name, wanted)| {
                    dimension(alarm, name).is_some_and(|value| {
                        value == wanted || reference(value) == Some(*wanted) || value["Fn::GetAtt"][0] == *wanted
                    })
                })
        });
        if !found {
            problems.push(format!("nobody hears of {metric} of {dimensions:?}, threshold {threshold:?}"));
        }
    };
    for stage in template.stages() {
        let own = [("Stack", "AWS::StackName"), ("Stage", stage.name.as_str())];
        let function = format!("{}Function", stage.id);
        let kept = template.at(&format!("/Resources/{}Queue/Properties/MessageRetentionPeriod", stage.id));
        let kept = kept.and_then(|kept| template.number(kept)).unwrap_or(0);
        if metrics::has_oldest_due(&stage.name) {
            want("OldestDue", &own, Some(6 * 3_600));
            want("OldestDue", &own, Some(kept.saturating_sub(AHEAD_SECONDS)));
        }
        want("BreakerOpen", &own, Some(1));
        want("Throttles", &[("FunctionName", &function)], Some(0));
        want("Errors", &[("FunctionName", &function)], Some(0));
    }
    for metric in ["InvocationDroppedCount", "InvocationsFailedToBeSentToDeadLetterCount", "TargetErrorCount"] {
        want(metric, &[("ScheduleGroup", "ScheduleGroup")], Some(0));
    }
    want("Dropped", &[("Stack", "AWS::StackName")], Some(0));
    want("Forged", &[("Stack", "AWS::StackName")], None);
    want("Reputation", &[("Stack", "AWS::StackName")], None);
    want("LateCampaigns", &[("Stack", "AWS::StackName")], Some(1));
    want("5XXError", &[("ApiName", "AWS::StackName")], Some(0));
    want("Errors", &[("FunctionName", "FeedbackFunction")], Some(0));
    for (queue, longest) in [("FeedbackQueue", 3_600), ("UnsubscribeQueue", 600)] {
        want("ApproximateAgeOfOldestMessage", &[("QueueName", queue)], Some(longest));
    }
    for function in ["TickFunction", "AuditFunction"] {
        want("Invocations", &[("FunctionName", function)], Some(1));
        want("Errors", &[("FunctionName", function)], Some(0));
    }
    problems
}

pub(super) fn alarms(template: &Template) -> impl Iterator<Item = (&str, &Value)> {
    template.resources("AWS::CloudWatch::Alarm")
}

fn dimension<'a>(alarm: &'a Value, name: &str) -> Option<&'a Value> {
    let dimensions = alarm["Dimensions"].as_array()?;
    dimensions.iter().find(|dimension| dimension["Name"] == name).map(|dimension| &dimension["Value"])
}
