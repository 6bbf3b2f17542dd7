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
        set(&format!("{send}/Resource/1"), "*"),
        set(&format!("{send}/Resource/0/Fn::Sub"), "arn:${AWS::Partition}:ses:*:${AWS::AccountId}:identity/*"),
        set(&format!("{send}/Action"), "ses:*"),
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
fn mails_go_out_as_nobody_but_the_sender() -> Result<()> {
    let send = "EmailRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0";
    let condition = format!("{send}/Condition");
    let from = format!("{condition}/StringEquals/ses:FromAddress");
    let edits = [
        cut(&condition),
        cut(&from),
        set(&condition, json!({ "StringEqualsIfExists": { "ses:FromAddress": { "Ref": "Sender" } } })),
        set(&from, json!({ "Ref": "Sender" })),
        set(&from, json!({ "Fn::Sub": "*@${Sender}" })),
        set(&format!("{from}/Fn::Select/0"), 1),
        set(&format!("{send}/Resource/0/Fn::Sub"), "arn:aws:ses:us-east-1:1:identity/example.com"),
        set("EmailRole/Policies/2/Fn::If/1", json!({})),
    ];
    keeps(policies::mails_go_out_as_their_sender_alone, edits)
}

#[test]
fn a_customer_s_key_decrypts_the_secrets_that_are_read_and_nothing_else() -> Result<()> {
    let decrypt = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/1/Fn::If/1";
    let edits = [
        cut(&format!("{decrypt}/Condition")),
        cut(&format!("{decrypt}/Condition/StringEquals")),
        set(&format!("{decrypt}/Condition/StringLike/kms:EncryptionContext:SecretARN/Fn::Sub"), "*"),
        set(&format!("{decrypt}/Resource"), "*"),
        set(&format!("{decrypt}/Action"), "kms:*"),
        set("EmailRole/Policies/3/Fn::If/1/PolicyDocument/Statement/1", json!({})),
    ];
    keeps(policies::keys_decrypt_the_one_secret_that_is_read, edits)
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
