use anyhow::Result;
use pulse_tests::template::queues;
use serde_json::json;

use crate::{arn, cut, keeps, set};

#[test]
fn visibility_outlasts_six_timeouts_and_the_window() -> Result<()> {
    let edits = [
        set("ScoreQueue/VisibilityTimeout", 1_800),
        cut("EmailQueue/VisibilityTimeout"),
        set("/Globals/Function/Timeout", 301),
        set("EmailFunction/Events/Queue/Properties/MaximumBatchingWindowInSeconds", 61),
        set("UnsubscribeQueue/VisibilityTimeout", 360),
    ];
    keeps(queues::visibility_outlasts_the_function, edits)
}

#[test]
fn every_queue_has_a_dead_letter_queue_that_admits_it() -> Result<()> {
    let edits = [
        cut("ScoreQueue/RedrivePolicy"),
        cut("/Resources/EmailDlq"),
        cut("ScheduleDlq/RedriveAllowPolicy"),
        set("ScoreQueue/RedrivePolicy/deadLetterTargetArn", arn("EmailDlq")),
        set("ScoreDlq/RedriveAllowPolicy/redrivePermission", "denyAll"),
        set("EmailQueue/QueueName", json!({ "Fn::Sub": "${AWS::StackName}-mail" })),
    ];
    keeps(queues::each_queue_has_a_dead_letter_queue, edits)
}

#[test]
fn dead_letters_are_kept_longer_than_what_they_came_from() -> Result<()> {
    let edits = [
        set("ScoreQueue/MessageRetentionPeriod", 1_209_600),
        cut("EmailQueue/MessageRetentionPeriod"),
        set("EmailDlq/MessageRetentionPeriod", 864_000),
        set("FeedbackQueue/MessageRetentionPeriod", 864_000),
        set("UnsubscribeQueue/MessageRetentionPeriod", 86_400),
        set("UnsubscribeDlq/MessageRetentionPeriod", 345_600),
        cut("ScheduleDlq/MessageRetentionPeriod"),
    ];
    keeps(queues::dead_letters_are_kept_longest, edits)
}

#[test]
fn five_receives_are_meant_everywhere() -> Result<()> {
    let edits = [
        set("ScoreQueue/RedrivePolicy/maxReceiveCount", 4),
        set("EmailQueue/RedrivePolicy/maxReceiveCount", 6),
        set("FeedbackQueue/RedrivePolicy/maxReceiveCount", 5),
        set("FeedbackFunction/Environment/Variables/MAX_RECEIVE_COUNT", "5"),
        set("/Globals/Function/Environment/Variables/MAX_RECEIVE_COUNT", "3"),
        cut("/Globals/Function/Environment/Variables/MAX_RECEIVE_COUNT"),
    ];
    keeps(queues::receive_counts_agree, edits)
}

#[test]
fn every_queue_is_encrypted_at_rest_and_on_the_way() -> Result<()> {
    let statement = |path: &str| format!("ScoreQueuePolicy/PolicyDocument/Statement/0/{path}");
    let edits = [
        cut("ScheduleDlq/SqsManagedSseEnabled"),
        cut("/Resources/EmailDlqPolicy"),
        set("ScoreQueuePolicy/Queues/0/Ref", "ScoreDlq"),
        set(&statement("Effect"), "Allow"),
        set(&statement("Action"), "sqs:SendMessage"),
        set(&statement("Resource"), arn("EmailQueue")),
        cut(&statement("Condition/Bool")),
        set(&statement("Condition/Bool/aws:SecureTransport"), true),
        set(&statement("Condition/NotIpAddress/aws:SourceIp"), "0.0.0.0/0"),
    ];
    keeps(queues::each_queue_is_encrypted, edits)
}
