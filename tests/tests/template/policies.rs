use anyhow::Result;
use pulse_tests::template::policies;
use serde_json::json;

use crate::{add, arn, cut, keeps, set};

#[test]
fn each_function_runs_with_a_role_of_its_own() -> Result<()> {
    let edits = [
        cut("ScoreFunction/Role"),
        set("EmailFunction/Role", arn("ScoreRole")),
        add("EmailFunction", "Policies", json!(["AmazonSQSFullAccess"])),
        add("EmailRole", "ManagedPolicyArns", json!(["arn:aws:iam::aws:policy/AmazonSQSFullAccess"])),
    ];
    keeps(policies::each_function_has_its_own_role, edits)
}

#[test]
fn nothing_is_allowed_by_a_wildcard() -> Result<()> {
    let work = "ScoreRole/Policies/1/PolicyDocument/Statement";
    let secret = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0/Resource";
    let audit = "AuditRole/Policies/1/PolicyDocument/Statement";
    let send = "EmailRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0";
    let edits = [
        set(&format!("{work}/0/Action"), "sqs:*"),
        set(&format!("{work}/0/Resource"), "*"),
        set(&format!("{work}/2/Action/0"), "dynamodb:Get*"),
        add(&format!("{work}/1"), "NotResource", arn("ScoreQueue")),
        set(secret, json!({ "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:secret:*" })),
        set(&format!("{send}/Resource/1/Fn::If/1"), "*"),
        set(&format!("{audit}/3/Resource/Fn::Sub"), "arn:${AWS::Partition}:scheduler:*:*:schedule/*"),
        set(&format!("{audit}/3/Action/0"), "scheduler:ListSchedules"),
        set(&format!("{audit}/2/Action"), "scheduler:GetSchedule"),
        set(&format!("{audit}/2/Action"), json!(["scheduler:ListSchedules", "scheduler:GetSchedule"])),
        set(
            "TickRole/Policies/1/PolicyDocument/Statement/2/Resource/Fn::Sub",
            "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*",
        ),
        // Denied on AWS, whatever the group.
        set(&format!("{audit}/2/Resource"), json!({ "Fn::Sub": "arn:aws:scheduler:${AWS::Region}:schedule/group/*" })),
        cut("SchedulerRole/Policies/0/PolicyDocument/Statement/0/Resource"),
        cut("SchedulerRole/Policies"),
    ];
    keeps(policies::nothing_is_allowed_by_wildcard, edits)
}

#[test]
fn roles_are_taken_on_by_the_one_service_that_they_are_for() -> Result<()> {
    let scheduler = "SchedulerRole/AssumeRolePolicyDocument/Statement/0/Condition";
    let edits = [
        set("ScoreRole/AssumeRolePolicyDocument/Statement/0/Principal", "*"),
        cut(scheduler),
        cut(&format!("{scheduler}/StringEquals/aws:SourceArn")),
        cut(&format!("{scheduler}/StringEquals/aws:SourceAccount")),
    ];
    keeps(policies::roles_trust_one_service, edits)
}
