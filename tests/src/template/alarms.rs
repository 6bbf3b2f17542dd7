//! Alarms: what they look at, when they go off, and what they tell whoever is woken.

use pulse_core::{
    audit::AuditTrouble,
    feedback::Reputation,
    ports::{DlqName, IntakeQueue},
    run::RunId,
    stage::StageName,
    troubles::Trouble,
};
use serde_json::{Value, json};

use super::{Template, metrics, reference};

/// The commands that answer an alarm.
const COMMANDS: [&str; 11] =
    ["audit", "dlq", "endpoint", "lanes", "pause", "plan", "redrive", "resume", "run", "status", "why"];

/// The most that CloudWatch takes as a description (Amazon CloudWatch API Reference, `PutMetricAlarm`).
const DESCRIPTION: usize = 1_024;

/// Names of dimensions, each with what its value refers to.
type Dimensions = [(&'static str, &'static str)];

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
        let statistic = match alarm["ComparisonOperator"].as_str() {
            Some("LessThanThreshold") => "SampleCount",
            _ if metrics::is_a_count(alarm) => "Sum",
            _ => "Maximum",
        };
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

/// Every dead-letter queue is counted by the tick, which may do so, and one alarm hears within a minute of the first letter that is
/// counted in any of them.
#[must_use]
pub fn each_dead_letter_queue_is_heard(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let is_heard = alarms(template).any(|(_, alarm)| {
        alarm["MetricName"] == "DeadLetters"
            && dimensions(alarm) == [("Stack", "AWS::StackName")]
            && (&alarm["Threshold"], &alarm["Period"], &alarm["EvaluationPeriods"])
                == (&0.into(), &60.into(), &1.into())
    });
    if !is_heard {
        problems.push("nobody hears of dead letters within a minute".to_owned());
    }
    let queues = template.resources("AWS::SQS::Queue");
    let dead = queues.filter(|(_, queue)| queue["RedriveAllowPolicy"].is_object());
    let tick = template.functions().into_iter().find(|(id, _)| *id == "TickFunction").map(|(_, tick)| tick);
    let variables = tick.as_ref().and_then(|tick| tick["Environment"]["Variables"].as_object());
    let role = template.at("/Resources/TickRole/Properties/Policies").map(Value::to_string).unwrap_or_default();
    let lacks = dead.filter(|(queue, _)| {
        let is_asked = variables.is_some_and(|all| all.values().any(|value| reference(value) == Some(queue)));
        let may_be = role.contains(&json!({ "Fn::GetAtt": [queue, "Arn"] }).to_string());
        !(is_asked && may_be)
    });
    problems.extend(lacks.map(|(queue, _)| format!("nobody counts what lands in {queue}")));
    problems
}

/// What can stop has an alarm: what is overdue, a provider that is out of order, troubles, ticks that don't end, functions that fail
/// or are throttled, schedules that are given up, opt-outs that nobody reads, and an API that refuses.
#[must_use]
pub fn everything_that_can_stop_has_one(template: &Template) -> Vec<String> {
    let stack: &Dimensions = &[("Stack", "AWS::StackName")];
    let wanted: [(&str, &Dimensions, &str, u64); 10] = [
        ("DeadLetters", stack, "GreaterThanThreshold", 0),
        ("OldestDue", stack, "GreaterThanThreshold", 6 * 3_600),
        ("BreakerOpen", stack, "GreaterThanOrEqualToThreshold", 1),
        ("Troubles", stack, "GreaterThanOrEqualToThreshold", 1),
        // Which only a tick writes, at its end.
        ("OldestDue", stack, "LessThanThreshold", 1),
        ("Errors", &[], "GreaterThanThreshold", 0),
        ("Throttles", &[], "GreaterThanThreshold", 0),
        ("InvocationDroppedCount", &[("ScheduleGroup", "ScheduleGroup")], "GreaterThanThreshold", 0),
        ("ApproximateAgeOfOldestMessage", &[("QueueName", "UnsubscribeQueue")], "GreaterThanThreshold", 600),
        ("5XXError", &[("ApiName", "AWS::StackName")], "GreaterThanThreshold", 0),
    ];
    let lacks = wanted.into_iter().filter(|(metric, of, comparison, threshold)| {
        !alarms(template).any(|(_, alarm)| {
            alarm["MetricName"] == *metric
                && alarm["ComparisonOperator"] == *comparison
                && alarm["Threshold"] == *threshold
                && dimensions(alarm) == *of
        })
    });
    lacks
        .map(|(metric, of, comparison, threshold)| {
            format!("nobody hears of {metric} of {of:?}, {comparison} {threshold}")
        })
        .collect()
}

/// The tick warns before messages expire by the retention that their queues have, and may read where audits stand.
#[must_use]
pub fn the_tick_finds_troubles(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let tick = template.functions().into_iter().find(|(id, _)| *id == "TickFunction").map(|(_, tick)| tick);
    let warns_by = tick.and_then(|tick| template.number(&tick["Environment"]["Variables"]["QUEUE_RETENTION_SECONDS"]));
    for stage in template.stages() {
        let kept = template.at(&format!("/Resources/{}Queue/Properties/MessageRetentionPeriod", stage.id));
        let kept = kept.and_then(|kept| template.number(kept));
        if kept.is_none() || kept != warns_by {
            problems
                .push(format!("the {} queue keeps messages for {kept:?}, and tick warns by {warns_by:?}", stage.name));
        }
    }
    let policies = template.at("/Resources/TickRole/Properties/Policies").and_then(Value::as_array);
    let statements =
        policies.into_iter().flatten().filter_map(|of| of["PolicyDocument"]["Statement"].as_array()).flatten();
    let reads = |one: &Value| one["Sid"] == "KeepTheLedger" && one["Action"].to_string().contains("dynamodb:GetItem");
    if !statements.clone().any(reads) {
        problems.push("tick may not read where audits stand".to_owned());
    }
    problems
}

/// Each trouble says which command to run first.
#[must_use]
pub fn each_trouble_says_what_to_do_first() -> Vec<String> {
    let stages = StageName::ALL
        .iter()
        .flat_map(|&stage| [Trouble::Broken(stage), Trouble::Overdue(stage), Trouble::Expiring(stage)]);
    let run = RunId::parse("spring").ok().map(Trouble::LateCampaign);
    let all = stages
        .chain(DlqName::all().map(Trouble::DeadLetters))
        .chain([Reputation::Doubtful, Reputation::Bad].map(Trouble::Reputation))
        .chain(run)
        .chain(AuditTrouble::ALL.iter().copied().map(Trouble::Audit))
        .chain(IntakeQueue::ALL.iter().copied().map(Trouble::Unread))
        .chain([Trouble::Dropped, Trouble::Forged]);
    let says = |trouble: &Trouble| {
        let first = trouble.first();
        let command = first.strip_prefix("`pulse ").and_then(|rest| rest.split_once('`')).map(|(command, _)| command);
        let word = command.and_then(|command| command.split(' ').next()).unwrap_or_default().to_owned();
        COMMANDS.contains(&&*word)
    };
    all.filter(|trouble| !says(trouble)).map(|trouble| format!("{trouble:?} names no command to run first")).collect()
}

pub(super) fn alarms(template: &Template) -> impl Iterator<Item = (&str, &Value)> {
    template.resources("AWS::CloudWatch::Alarm")
}

/// An alarm's dimensions, by name, each with what its value refers to.
fn dimensions(alarm: &Value) -> Vec<(&str, &str)> {
    let all = alarm["Dimensions"].as_array().into_iter().flatten();
    all.map(|dimension| {
        let value = &dimension["Value"];
        let of = reference(value).or(value["Fn::GetAtt"][0].as_str()).or(value.as_str());
        (dimension["Name"].as_str().unwrap_or_default(), of.unwrap_or_default())
    })
    .collect()
}
