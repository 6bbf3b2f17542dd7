use anyhow::Result;
use pulse_tests::template::{Template, alarms, metrics};
use serde_json::{Value, json};

use crate::{Edit, add, cut, keeps, set};

#[test]
fn every_alarm_says_which_command_to_run_first() -> Result<()> {
    let edits = [
        cut("DeadLettersAlarm/AlarmDescription"),
        set("BreakerAlarm/AlarmDescription", "A provider is down."),
        set("TickAlarm/AlarmDescription", "It is silent. First: `pulse panic` helps."),
        set("TickAlarm/AlarmDescription", format!("Silent. First: `pulse status`.{}", " So it is.".repeat(110))),
    ];
    keeps(alarms::each_says_what_to_do_first, edits)?;
    assert_eq!(alarms::each_trouble_says_what_to_do_first(), Vec::<String>::new());
    Ok(())
}

#[test]
fn every_alarm_goes_off_in_time_and_not_for_nothing() -> Result<()> {
    let edits = [
        set("OverdueAlarm/Period", 3_600),
        set("BreakerAlarm/EvaluationPeriods", 100),
        cut("BreakerAlarm/Threshold"),
        set("BreakerAlarm/Threshold", 0),
        set("DeadLettersAlarm/ComparisonOperator", "LessThanThreshold"),
        set("DeadLettersAlarm/TreatMissingData", "breaching"),
        set("TickAlarm/TreatMissingData", "notBreaching"),
        set("TickAlarm/Threshold", 0),
        // The longest wait is mostly zero.
        set("TickAlarm/Statistic", "Maximum"),
        cut("TickAlarm/WarmUpConfiguration"),
        set("TickAlarm/WarmUpConfiguration/WarmUpPeriodDurationInMinutes", 5),
        set("TickAlarm/WarmUpConfiguration/WarmUpPeriodDurationInMinutes", 2_881),
        set("TickAlarm/EvaluationPeriods", 20),
        add("DeadLettersAlarm", "WarmUpConfiguration", json!({ "WarmUpPeriodDurationInMinutes": 15 })),
        set("ThrottlesAlarm/Statistic", "Maximum"),
        set("TroubleAlarm/Statistic", "Maximum"),
        set("OverdueAlarm/Statistic", "Sum"),
        cut("SchedulerAlarm/AlarmActions"),
        set("SchedulerAlarm/OKActions", json!([])),
    ];
    keeps(alarms::each_is_sane, edits)
}

#[test]
fn letters_of_every_dead_letter_queue_are_heard() -> Result<()> {
    let edits = [
        cut("/Resources/DeadLettersAlarm"),
        cut("TickFunction/Environment/Variables/FEEDBACK_DLQ_URL"),
        set("DeadLettersAlarm/MetricName", "NumberOfMessagesSent"),
        set("DeadLettersAlarm/Threshold", 100),
        set("DeadLettersAlarm/Period", 300),
        add(
            "DeadLettersAlarm",
            "Dimensions",
            json!([{ "Name": "Stack", "Value": { "Ref": "AWS::StackName" } }, { "Name": "Queue", "Value": "score" }]),
        ),
        cut("TickFunction/Environment/Variables/SCHEDULE_DLQ_URL"),
        set("TickRole/Policies/1/PolicyDocument/Statement/6/Resource/1/Fn::GetAtt/0", "ScoreDlq"),
        add(
            "/Resources",
            "OtherDlq",
            json!({
                "Type": "AWS::SQS::Queue", "Properties": { "RedriveAllowPolicy": { "redrivePermission": "denyAll" } },
            }),
        ),
    ];
    keeps(alarms::each_dead_letter_queue_is_heard, edits)
}

#[test]
fn whatever_can_stop_has_an_alarm() -> Result<()> {
    let mut edits: Vec<Edit> = Vec::new();
    let shipped = Template::shipped()?;
    for (id, _) in shipped.resources("AWS::CloudWatch::Alarm") {
        edits.push(cut(&format!("/Resources/{id}")));
    }
    assert_eq!(edits.len(), 10);
    edits.extend([
        set("OverdueAlarm/Threshold", 864_000),
        // It would hear of one stage alone, and of one function.
        add(
            "BreakerAlarm",
            "Dimensions",
            json!([{ "Name": "Stack", "Value": { "Ref": "AWS::StackName" } }, { "Name": "Stage", "Value": "score" }]),
        ),
        add("ErrorsAlarm", "Dimensions", json!([{ "Name": "FunctionName", "Value": { "Ref": "EmailFunction" } }])),
        set("UnsubscribeWaitsAlarm/Threshold", 3_600),
        set("UnsubscribeWaitsAlarm/Dimensions/0/Value/Fn::GetAtt/0", "ScoreQueue"),
        // Others than the tick write it.
        set("TickAlarm/MetricName", "Troubles"),
    ]);
    keeps(alarms::everything_that_can_stop_has_one, edits)
}

#[test]
fn the_tick_may_find_what_is_to_be_told_and_knows_when_messages_expire() -> Result<()> {
    let edits = [
        set("ScoreQueue/MessageRetentionPeriod", 1_000_000),
        set("TickFunction/Environment/Variables/QUEUE_RETENTION_SECONDS", "604800"),
        cut("TickFunction/Environment/Variables/QUEUE_RETENTION_SECONDS"),
        set("TickRole/Policies/1/PolicyDocument/Statement/7/Action", json!(["dynamodb:PutItem", "dynamodb:Query"])),
    ];
    keeps(alarms::the_tick_finds_troubles, edits)
}

#[test]
fn alarms_look_at_metrics_that_exist() -> Result<()> {
    let edits = [
        set("OverdueAlarm/MetricName", "OldestDueEntry"),
        set("OverdueAlarm/Namespace", "pulse"),
        cut("OverdueAlarm/Dimensions"),
        // Those that are metrics with DetailedMetrics alone.
        set("TroubleAlarm/MetricName", "Forged"),
        add(
            "BreakerAlarm",
            "Dimensions",
            json!([{ "Name": "Stack", "Value": { "Ref": "AWS::StackName" } }, { "Name": "Stage", "Value": "score" }]),
        ),
        set("SchedulerAlarm/Dimensions/0/Name", "GroupName"),
        set("SchedulerAlarm/MetricName", "FailedInvocations"),
    ];
    keeps(metrics::alarms_look_at_what_is_measured, edits)
}

#[test]
fn there_are_ten_metrics_and_ten_alarms_and_the_bill_has_them() -> Result<()> {
    let shipped = Template::shipped()?;
    let eleventh = shipped.at("/Resources/ErrorsAlarm").cloned().unwrap_or_default();
    let mut of_two = eleventh.clone();
    of_two["Properties"]["Metrics"] = json!([{ "Id": "one" }, { "Id": "two" }]);
    let edits = [
        cut("/Resources/TickAlarm"),
        add("/Resources", "EleventhAlarm", eleventh),
        // It costs by the metrics that it looks at.
        set("/Resources/ErrorsAlarm", of_two),
    ];
    keeps(metrics::there_are_no_more_than_are_free, edits)
}

#[test]
fn the_dashboard_shows_every_alarm_and_metrics_that_exist() -> Result<()> {
    let shipped = Template::shipped()?;
    let swap_in = |dashboard: &str, from: &str, to: &str| {
        let body = format!("{dashboard}/DashboardBody/Fn::Sub");
        let text = shipped.at(&format!("/Resources/{dashboard}/Properties/DashboardBody/Fn::Sub"));
        let text = text.and_then(Value::as_str).expect("a body");
        assert!(text.contains(from), "{from}");
        set(&body, text.replace(from, to))
    };
    let swap = |from: &str, to: &str| swap_in("Dashboard", from, to);
    let edits = [
        cut("/Resources/Dashboard"),
        cut("/Resources/DetailsDashboard"),
        cut("/Resources/DetailsDashboard/Condition"),
        set("Dashboard/DashboardBody/Fn::Sub", "{"),
        swap("\"OldestDue\"", "\"Oldest\""),
        swap(
            "\"LanesInUse\", \"Stack\", \"${AWS::StackName}\", \"Stage\", \"score\"",
            "\"LanesInUse\", \"Stack\", \"${AWS::StackName}\", \"Stage\", \"email\"",
        ),
        swap("${EmailQueue.QueueName}", "${MailQueue.QueueName}"),
        swap_in("DetailsDashboard", "\"Queue\", \"schedules\"", "\"Queue\", \"score\""),
        swap("\"Stage\", \"score\"", "\"Stage\", \"scoring\""),
        swap("${TickAlarm.Arn}", "${TickFunction.Arn}"),
        swap("${AWS::Region}", "us-east-1"),
        swap_in("DetailsDashboard", "[\"Pulse\", \"Unknown\", \"Stack\", \"${AWS::StackName}\"]", "[\"Pulse\"]"),
        // What is a metric with DetailedMetrics alone.
        swap("\"Troubles\"", "\"Forged\""),
        swap("\"AWS/Lambda\", \"ConcurrentExecutions\", ", "\"AWS/SQS\", \"ConcurrentExecutions\", "),
    ];
    keeps(metrics::the_dashboard_shows_what_is_measured, edits)
}
