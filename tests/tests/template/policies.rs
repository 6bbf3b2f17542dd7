use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Result;
use pulse_tests::{
    emulator::workspace,
    template::{Template, policies},
};
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
    let secret = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0/Fn::If/2/Resource";
    let parameter = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0/Fn::If/1/Resource";
    let audit = "AuditRole/Policies/1/PolicyDocument/Statement";
    let send = "EmailRole/Policies/2/Fn::If/1/PolicyDocument/Statement/0";
    let edits = [
        set(&format!("{work}/0/Action"), "sqs:*"),
        set(&format!("{work}/0/Resource"), "*"),
        set(&format!("{work}/3/Action/0"), "dynamodb:Get*"),
        add(&format!("{work}/1"), "NotResource", arn("ScoreQueue")),
        set(secret, json!({ "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:secret:*" })),
        set(parameter, json!({ "Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/*" })),
        set("DeliverRole/Policies/2/PolicyDocument/Statement/2/Action", "ssm:Get*"),
        set(&format!("{send}/Resource/1"), "*"),
        set(&format!("{send}/Resource/0/Fn::Sub"), "arn:${AWS::Partition}:ses:*:${AWS::AccountId}:identity/*"),
        set(&format!("{send}/Action"), "ses:*"),
        set(&format!("{audit}/4/Resource/Fn::Sub"), "arn:${AWS::Partition}:scheduler:*:*:schedule/*"),
        set(&format!("{audit}/4/Action/0"), "scheduler:ListSchedules"),
        set(&format!("{audit}/3/Action"), "scheduler:GetSchedule"),
        set(&format!("{audit}/3/Action"), json!(["scheduler:ListSchedules", "scheduler:GetSchedule"])),
        set(
            "TickRole/Policies/1/PolicyDocument/Statement/2/Resource/Fn::Sub",
            "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*",
        ),
        // Denied on AWS, whatever the group.
        set(&format!("{audit}/3/Resource"), json!({ "Fn::Sub": "arn:aws:scheduler:${AWS::Region}:schedule/group/*" })),
        set("DoctorPolicy/PolicyDocument/Statement/0/Action/0", "lambda:GetFunction"),
        set("DoctorPolicy/PolicyDocument/Statement/1/Action/0", "ses:DeleteEmailIdentity"),
        set("DoctorPolicy/PolicyDocument/Statement/4/Action/0", "iam:PassRole"),
        cut("SchedulerRole/Policies/0/PolicyDocument/Statement/0/Resource"),
        set(
            "DeliverRole/Policies/2/PolicyDocument/Statement/0/Resource/Fn::Sub",
            "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${AWS::StackName}/*",
        ),
        cut("SchedulerRole/Policies"),
        set("OperatorPolicy/PolicyDocument/Statement/0/Action", "cloudformation:*"),
        set("ReadOnlyPolicy/PolicyDocument/Statement/1/Resource", "*"),
    ];
    keeps(policies::nothing_is_allowed_by_wildcard, edits)
}

#[test]
fn endpoints_of_the_account_are_those_that_parameters_name_one_by_one() -> Result<()> {
    let of = |policy: usize| format!("DeliverRole/Policies/{policy}/Fn::If");
    let statement = |policy: usize| format!("{}/1/PolicyDocument/Statement/0", of(policy));
    let topics = r"^(|arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_*-]{1,256})$";
    let edits = [
        set(&format!("{}/0", of(3)), "HasEndpointBuses"),
        set(&format!("{}/2", of(4)), json!({})),
        set(&format!("{}/Resource", statement(3)), json!(["arn:aws:sns:eu-west-1:1:facts"])),
        set(&format!("{}/Resource/Fn::Split/1/Ref", statement(4)), "EndpointTopicArns"),
        set("/Parameters/EndpointTopicArns/AllowedPattern", topics),
        set("/Parameters/EndpointBusArns/AllowedPattern", "^.*$"),
        set("/Parameters/EndpointBusArns/Default", "arn:aws:events:eu-west-1:1:event-bus/default"),
        set("/Conditions/HasEndpointTopics", json!({ "Fn::Equals": ["", ""] })),
    ];
    keeps(policies::endpoints_are_named_one_by_one, edits)
}

#[test]
fn whoever_writes_down_what_happens_may_queue_word_of_it() -> Result<()> {
    let edits = [
        set("ScoreRole/Policies/1/PolicyDocument/Statement/2/Action", "sqs:ReceiveMessage"),
        set("EmailRole/Policies/1/PolicyDocument/Statement/2/Resource", arn("EmailQueue")),
        set("DeliverRole/Policies/1/PolicyDocument/Statement/1/Resource", arn("EmailQueue")),
        cut("FeedbackRole/Policies/1/PolicyDocument/Statement/1/Resource"),
        set("TickRole/Policies/1/PolicyDocument/Statement/3/Resource/2", arn("ScoreQueue")),
        set("OperatorPolicy/PolicyDocument/Statement/2/Resource/2", arn("ScoreQueue")),
        set("ConsoleOperatorRole/Policies/0/PolicyDocument/Statement/7/Resource/2", arn("ScoreQueue")),
    ];
    keeps(policies::word_is_queued_by_who_makes_facts, edits)
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
    let decrypt = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/1/Fn::If/1/Fn::If/2";
    let of_parameter = "ScoreRole/Policies/2/Fn::If/1/PolicyDocument/Statement/1/Fn::If/1/Fn::If/1";
    let edits = [
        cut(&format!("{decrypt}/Condition")),
        cut(&format!("{decrypt}/Condition/StringEquals")),
        set(&format!("{decrypt}/Condition/StringLike/kms:EncryptionContext:SecretARN/Fn::If/2/Fn::Sub"), "*"),
        cut(&format!("{of_parameter}/Condition/StringLike")),
        set(&format!("{of_parameter}/Condition/StringEquals/kms:ViaService/Fn::Sub"), "secretsmanager.x"),
        set(&format!("{decrypt}/Resource"), "*"),
        set(&format!("{decrypt}/Action"), "kms:*"),
        set("EmailRole/Policies/3/Fn::If/1/PolicyDocument/Statement/1", json!({})),
    ];
    keeps(policies::keys_decrypt_the_one_secret_that_is_read, edits)
}

#[test]
fn people_s_policies_have_room_in_what_iam_takes() -> Result<()> {
    let long = vec![json!({ "Fn::GetAtt": ["ScoreDlq", "Arn"] }); 20];
    let edits = [set("OperatorPolicy/PolicyDocument/Statement/3/Resource", json!(long))];
    keeps(policies::policies_have_room, edits)
}

#[test]
fn each_statement_has_a_name_of_its_own() -> Result<()> {
    let edits = [
        cut("ScoreRole/Policies/0/PolicyDocument/Statement/0/Sid"),
        set("OperatorPolicy/PolicyDocument/Statement/1/Sid", "FindTheStack"),
    ];
    keeps(policies::each_statement_has_a_name, edits)
}

#[test]
fn the_list_of_statements_that_programs_carry_is_the_template_s() -> Result<()> {
    let line = |(id, sid, actions): (String, String, Vec<String>)| format!("{id} {sid} {}\n", actions.join(" "));
    let expected: BTreeSet<_> = policies::statements(&Template::shipped()?).into_iter().map(line).collect();
    let text = fs::read_to_string(pulse_template::statements_list())?;
    let carried: BTreeSet<_> = text.split_inclusive('\n').map(str::to_owned).collect();
    assert_eq!(carried, expected, "write it anew with `cargo run -p pulse-template`");
    Ok(())
}

/// What the code calls, by the name that the SDK has for it, or AWS where there is no client of the SDK's, and the permission that
/// it takes.
const CALLS: [(&str, &str); 53] = [
    ("GetParameter", "ssm:GetParameter"),
    ("GetParameterHistory", "ssm:GetParameterHistory"),
    ("PutParameter", "ssm:PutParameter"),
    ("change_message_visibility", "sqs:ChangeMessageVisibility"),
    ("change_message_visibility_batch", "sqs:ChangeMessageVisibility"),
    ("create_schedule", "scheduler:CreateSchedule"),
    ("create_secret", "secretsmanager:CreateSecret"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("delete_message", "sqs:DeleteMessage"),
    ("delete_message_batch", "sqs:DeleteMessage"),
    ("delete_schedule", "scheduler:DeleteSchedule"),
    ("describe_event_bus", "events:DescribeEventBus"),
    ("describe_stack_events", "cloudformation:DescribeStackEvents"),
    ("describe_stacks", "cloudformation:DescribeStacks"),
    ("get_account", "ses:GetAccount"),
    ("get_account_settings", "lambda:GetAccountSettings"),
    ("get_configuration_set", "ses:GetConfigurationSet"),
    ("get_email_identity", "ses:GetEmailIdentity"),
    ("get_event_source_mapping", "lambda:GetEventSourceMapping"),
    ("get_function_concurrency", "lambda:GetFunctionConcurrency"),
    ("get_function_configuration", "lambda:GetFunctionConfiguration"),
    ("get_item", "dynamodb:GetItem"),
    ("get_policy", "iam:GetPolicy"),
    ("get_policy_version", "iam:GetPolicyVersion"),
    ("get_queue_attributes", "sqs:GetQueueAttributes"),
    ("get_role", "iam:GetRole"),
    ("get_schedule", "scheduler:GetSchedule"),
    ("get_schedule_group", "scheduler:GetScheduleGroup"),
    ("get_secret_value", "secretsmanager:GetSecretValue"),
    ("invoke", "lambda:InvokeFunction"),
    ("list_aws_default_service_quotas", "servicequotas:ListAWSDefaultServiceQuotas"),
    ("list_message_move_tasks", "sqs:ListMessageMoveTasks"),
    ("list_schedules", "scheduler:ListSchedules"),
    ("list_service_quotas", "servicequotas:ListServiceQuotas"),
    ("publish", "sns:Publish"),
    ("purge_queue", "sqs:PurgeQueue"),
    ("put_events", "events:PutEvents"),
    ("put_function_concurrency", "lambda:PutFunctionConcurrency"),
    ("put_item", "dynamodb:PutItem"),
    ("put_secret_value", "secretsmanager:PutSecretValue"),
    ("query", "dynamodb:Query"),
    ("receive_message", "sqs:ReceiveMessage"),
    ("scan", "dynamodb:Scan"),
    ("send_email", "ses:SendEmail"),
    ("send_message", "sqs:SendMessage"),
    ("send_message_batch", "sqs:SendMessage"),
    ("simulate_principal_policy", "iam:SimulatePrincipalPolicy"),
    ("start_message_move_task", "sqs:StartMessageMoveTask"),
    ("transact_write_items", "dynamodb:PutItem"),
    ("update_event_source_mapping", "lambda:UpdateEventSourceMapping"),
    ("update_function_configuration", "lambda:UpdateFunctionConfiguration"),
    ("update_item", "dynamodb:UpdateItem"),
    ("update_schedule", "scheduler:UpdateSchedule"),
];

#[test]
fn each_call_of_the_code_is_allowed_by_a_statement() -> Result<()> {
    let allowed: BTreeSet<_> =
        policies::statements(&Template::shipped()?).into_iter().flat_map(|(_, _, actions)| actions).collect();
    let mut called = BTreeSet::new();
    for part in [
        "pulse-aws",
        "pulse-endpoints",
        "pulse-providers",
        "score",
        "call",
        "email",
        "deliver",
        "tick",
        "audit",
        "console",
    ] {
        called.extend(calls_in(&workspace().root().join("functions").join(part).join("src"))?);
    }
    assert!(called.len() > 20, "{called:?}");
    let missing: Vec<_> = called.iter().filter(|action| !allowed.contains(**action)).collect();
    assert!(missing.is_empty(), "no statement of the template allows {missing:?}");
    Ok(())
}

/// Providers' refusals are worded by the providers, which know no template.
#[test]
fn the_statements_that_providers_name_are_there() -> Result<()> {
    let sids: BTreeSet<_> = policies::statements(&Template::shipped()?).into_iter().map(|(_, sid, _)| sid).collect();
    let named = [
        ("pulse-providers/src/ses/errors.rs", "SendMails"),
        ("pulse-providers/src/secret.rs", "ReadTheSecret"),
        ("pulse-providers/src/secret.rs", "ReadTheParameter"),
        ("pulse-providers/src/secret/operators_keys.rs", "ReadKeys"),
        ("pulse-providers/src/secret/operators_keys.rs", "ReadKeysParameter"),
        ("pulse-providers/src/ses/account.rs", "ExamineTheAccount"),
        ("pulse-providers/src/ses/account.rs", "ExamineTheSender"),
        ("pulse-endpoints/src/key_cache.rs", "ReadEndpointKeys"),
        ("pulse-endpoints/src/key_cache.rs", "ReadEndpointKeysParameter"),
        ("pulse-endpoints/src/key_secrets.rs", "KeepEndpointParameters"),
        ("pulse-endpoints/src/key_secrets.rs", "KeepEndpointKeys"),
        ("pulse-endpoints/src/topics.rs", "PublishToTopics"),
        ("pulse-endpoints/src/buses.rs", "PutOntoBuses"),
    ];
    for (file, sid) in named {
        let text = fs::read_to_string(workspace().root().join("functions").join(file))?;
        assert!(text.contains(sid) && sids.contains(sid), "{file} doesn't name {sid}");
    }
    Ok(())
}

fn calls_in(folder: &Path) -> Result<BTreeSet<&'static str>> {
    let mut called = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            called.extend(calls_in(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path)?;
            let calls = |name| text.contains(&format!(".{name}()")) || text.contains(&format!("call(\"{name}\","));
            let made = CALLS.iter().filter(|(name, _)| calls(name));
            called.extend(made.map(|(_, action)| *action));
        }
    }
    Ok(called)
}

#[test]
fn roles_are_taken_on_by_the_one_service_that_they_are_for() -> Result<()> {
    let scheduler = "SchedulerRole/AssumeRolePolicyDocument/Statement/0/Condition";
    let edits = [
        set("ScoreRole/AssumeRolePolicyDocument/Statement/0/Principal", "*"),
        cut(scheduler),
        cut(&format!("{scheduler}/StringEquals/aws:SourceArn")),
        cut(&format!("{scheduler}/StringEquals/aws:SourceAccount")),
        set("ConsoleOperatorRole/AssumeRolePolicyDocument/Statement/0/Principal", "*"),
        set("ConsoleOperatorRole/AssumeRolePolicyDocument/Statement/0/Principal/AWS", arn("TickRole")),
    ];
    keeps(policies::roles_trust_one_service, edits)
}
