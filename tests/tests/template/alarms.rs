use anyhow::Result;
use pulse_tests::template::{Template, alarms, metrics};
use serde_json::{Value, json};

use crate::{Edit, add, cut, keeps, set};

#[test]
fn every_alarm_says_which_command_to_run_first() -> Result<()> {
    let edits = [
        cut("ScoreDlqAlarm/AlarmDescription"),
        set("EmailDlqAlarm/AlarmDescription", "There are dead letters."),
        set("TickSilentAlarm/AlarmDescription", "It is silent. First: `pulse panic` helps."),
        set("TickSilentAlarm/AlarmDescription", format!("Silent. First: `pulse status`.{}", " So it is.".repeat(110))),
    ];
    keeps(alarms::each_says_what_to_do_first, edits)
}

#[test]
fn every_alarm_goes_off_in_time_and_not_for_nothing() -> Result<()> {
    let edits = [
        set("ScoreOldestDueAlarm/Period", 3_600),
        set("EmailBreakerAlarm/EvaluationPeriods", 100),
        cut("EmailBreakerAlarm/Threshold"),
        set("EmailBreakerAlarm/Threshold", 0),
        set("ScoreDlqAlarm/ComparisonOperator", "LessThanThreshold"),
        set("ScoreDlqAlarm/TreatMissingData", "breaching"),
        set("TickSilentAlarm/TreatMissingData", "notBreaching"),
        set("TickSilentAlarm/Threshold", 0),
        cut("TickSilentAlarm/WarmUpConfiguration"),
        set("TickSilentAlarm/WarmUpConfiguration/WarmUpPeriodDurationInMinutes", 5),
        set("AuditSilentAlarm/WarmUpConfiguration/WarmUpPeriodDurationInMinutes", 2_881),
        set("AuditSilentAlarm/EvaluationPeriods", 2),
        add("ScoreDlqAlarm", "WarmUpConfiguration", json!({ "WarmUpPeriodDurationInMinutes": 15 })),
        set("ScoreThrottlesAlarm/Statistic", "Maximum"),
        set("EmailExpiryAlarm/Statistic", "Sum"),
        cut("ScheduleDroppedAlarm/AlarmActions"),
        set("ScheduleDroppedAlarm/OKActions", json!([])),
    ];
    keeps(alarms::each_is_sane, edits)
}

#[test]
fn every_dead_letter_queue_has_an_alarm() -> Result<()> {
    let edits = [
        cut("/Resources/ScheduleDlqAlarm"),
        cut("/Resources/UnsubscribeDlqAlarm"),
        cut("TickFunction/Environment/Variables/FEEDBACK_DLQ_URL"),
        set("ScoreDlqAlarm/MetricName", "NumberOfMessagesSent"),
        set("ScoreDlqAlarm/Threshold", 100),
        set("ScoreDlqAlarm/Period", 300),
        set("EmailDlqAlarm/Dimensions/1/Value", "score"),
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
    keeps(alarms::each_dead_letter_queue_has_one, edits)
}

#[test]
fn whatever_can_stop_has_an_alarm() -> Result<()> {
    let mut edits: Vec<Edit> = Vec::new();
    let shipped = Template::shipped()?;
    for (id, _) in shipped.resources("AWS::CloudWatch::Alarm").filter(|(id, _)| !id.ends_with("DlqAlarm")) {
        edits.push(cut(&format!("/Resources/{id}")));
    }
    // Five of each stage, less the two that the call stage has no use for; three of the schedules, two of the tick, two of the
    // audit, one of mails that were dropped, one of the reputation, one of late campaigns, and five of the intake.
    assert_eq!(edits.len(), 5 * shipped.stages().len() - 2 + 15);
    edits.extend([
        // Three days ahead of what the queue keeps.
        set("ScoreQueue/MessageRetentionPeriod", 1_000_000),
        set("EmailExpiryAlarm/Threshold", 864_000),
        set("ScoreBreakerAlarm/Dimensions/1/Value", "email"),
        set("ScoreThrottlesAlarm/Dimensions/0/Value/Ref", "EmailFunction"),
        set("UnsubscribeWaitsAlarm/Threshold", 3_600),
        set("FeedbackWaitsAlarm/Dimensions/0/Value/Fn::GetAtt/0", "ScoreQueue"),
    ]);
    keeps(alarms::everything_that_can_stop_has_one, edits)
}

#[test]
fn alarms_look_at_metrics_that_exist() -> Result<()> {
    let edits = [
        set("ScoreOldestDueAlarm/MetricName", "OldestDueEntry"),
        set("ScoreOldestDueAlarm/Namespace", "pulse"),
        cut("ScoreOldestDueAlarm/Dimensions"),
        set("ScheduleDroppedAlarm/Dimensions/0/Name", "GroupName"),
        set("ScheduleDroppedAlarm/MetricName", "FailedInvocations"),
    ];
    keeps(metrics::alarms_look_at_what_is_measured, edits)
}

#[test]
fn the_bill_has_what_they_cost() -> Result<()> {
    keeps(metrics::the_bill_counts_them, [cut("/Resources/TickErrorsAlarm")])
}

#[test]
fn the_dashboard_shows_every_alarm_and_metrics_that_exist() -> Result<()> {
    let body = "Dashboard/DashboardBody/Fn::Sub";
    let shipped = Template::shipped()?;
    let text = shipped.at(&format!("/Resources/Dashboard/Properties/{}", "DashboardBody/Fn::Sub"));
    let text = text.and_then(Value::as_str).expect("a body").to_owned();
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        set(body, text.replace(from, to))
    };
    let edits = [
        cut("/Resources/Dashboard"),
        set(body, "{"),
        swap("\"OldestDue\"", "\"Oldest\""),
        swap(
            "\"LanesInUse\", \"Stack\", \"${AWS::StackName}\", \"Stage\", \"score\"",
            "\"LanesInUse\", \"Stack\", \"${AWS::StackName}\", \"Stage\", \"email\"",
        ),
        swap("${EmailQueue.QueueName}", "${MailQueue.QueueName}"),
        swap("\"Queue\", \"schedules\"", "\"Queue\", \"score\""),
        swap("\"Stage\", \"score\"", "\"Stage\", \"scoring\""),
        swap("${TickSilentAlarm.Arn}", "${TickFunction.Arn}"),
        swap("${AWS::Region}", "us-east-1"),
        swap("[\"Pulse\", \"Unknown\", \"Stack\", \"${AWS::StackName}\"]", "[\"Pulse\"]"),
        swap("\"AWS/Lambda\", \"ConcurrentExecutions\", ", "\"AWS/SQS\", \"ConcurrentExecutions\", "),
    ];
    keeps(metrics::the_dashboard_shows_what_is_measured, edits)
}
