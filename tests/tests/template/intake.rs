use std::fs;

use anyhow::Result;
use pulse_template::Sources;
use pulse_tests::template::intake;
use serde_json::json;

use crate::{add, arn, cut, keeps, set};

#[test]
fn nobody_but_ses_and_the_api_puts_anything_on_the_intakes_queues() -> Result<()> {
    let publish = "MailEventsTopicPolicy/PolicyDocument/Statement/0";
    let queue = "FeedbackQueuePolicy/PolicyDocument/Statement/1";
    let edits = [
        set(&format!("{publish}/Principal"), "*"),
        cut(&format!("{publish}/Condition/StringEquals/aws:SourceAccount")),
        set(&format!("{publish}/Condition/StringEquals/aws:SourceArn/Fn::Sub/0"), "*"),
        set("MailEventsToTopic/EventDestination/MatchingEventTypes", json!(["bounce"])),
        set("MailEventsToTopic/EventDestination/Enabled", false),
        set("MailEventsSubscription/RawMessageDelivery", false),
        set("MailEventsSubscription/Endpoint", arn("UnsubscribeQueue")),
        cut("MailEventsSubscription/RedrivePolicy"),
        cut(&format!("{queue}/Condition")),
        set(&format!("{queue}/Condition/ArnEquals/aws:SourceArn"), "*"),
        set(&format!("{queue}/Principal"), "*"),
        set("FeedbackDlqPolicy/PolicyDocument/Statement/1/Effect", "Deny"),
        set("IntakeRole/Policies/0/PolicyDocument/Statement/0/Action", "sqs:*"),
        set("IntakeRole/Policies/0/PolicyDocument/Statement/0/Resource/0", arn("ScoreQueue")),
    ];
    keeps(intake::topics_and_api_alone_put_in, edits)
}

#[test]
fn all_that_is_posted_is_taken_whole_and_nothing_else_writes() -> Result<()> {
    let shipped = pulse_tests::template::Template::shipped()?;
    let template = "HooksPost/Integration/RequestTemplates/application~1json";
    let text = shipped.at(&format!("/Resources/{}", template.replacen('/', "/Properties/", 1)));
    let text = text.and_then(serde_json::Value::as_str).expect("a template").to_owned();
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        set(template, text.replace(from, to))
    };
    let blamed_for_all = "#set($context.responseOverride.status = 400)\n{}";
    let edits = [
        set("UnsubscribeGet/Integration/Type", "AWS"),
        set("UnsubscribePost/HttpMethod", "ANY"),
        set("UnsubscribePost/Integration/PassthroughBehavior", "WHEN_NO_MATCH"),
        set("UnsubscribePost/Integration/RequestTemplates", json!({ "application/json": text })),
        swap("v:$util.urlEncode($input.params('webhook-id'))", "$util.urlEncode($input.params('webhook-id'))"),
        swap("$util.urlEncode($input.params('webhook-id'))", "$input.params('webhook-id')"),
        swap("$util.urlEncode($input.params('provider'))", "$input.params('provider')"),
        swap("$util.urlEncode($input.body)", "$input.body"),
        swap("MessageBody=v:", "MessageBody="),
        swap("&MessageGroupId=hooks", ""),
        swap("GroupId=hooks", "GroupId=$input.params('provider')"),
        swap("Name=received-at", "Name=route"),
        swap("v:$context.requestTimeEpoch", "$context.requestTimeEpoch"),
        set("UnsubscribePost/Integration/Uri/Fn::Sub", "arn:aws:apigateway:x:sqs:path/1/${FeedbackQueue.QueueName}"),
        set("PartnersPost/Integration/IntegrationResponses/1/StatusCode", "200"),
        add("PartnersPost/Integration/IntegrationResponses/1", "SelectionPattern", json!("5xx")),
        set("PartnersPost/Integration/IntegrationResponses/1/ResponseTemplates/application~1json", "{}"),
        set("HooksPost/Integration/IntegrationResponses/1/ResponseTemplates/application~1json", blamed_for_all),
        set("HooksPost/Integration/IntegrationResponses/0/ResponseTemplates/application~1json", blamed_for_all),
        add("IntakeStage", "AccessLogSetting", json!({ "Format": "$context.path" })),
        set("IntakeStage/MethodSettings/3/ThrottlingRateLimit", 100_000),
        set("IntakeStage/MethodSettings/1/ResourcePath", "/hooks/{provider}"),
        set("IntakeStage/MethodSettings/0/LoggingLevel", "INFO"),
        set("IntakeStage/MethodSettings/2/DataTraceEnabled", true),
    ];
    keeps(intake::each_way_in_is_taken_whole, edits)
}

#[test]
fn keys_outlive_the_stack_and_go_with_its_ledger() -> Result<()> {
    let edits = [
        cut("/Resources/Keys/DeletionPolicy"),
        set("/Resources/Keys/UpdateReplacePolicy", "Delete"),
        cut("/Resources/Keys/Condition"),
        set("Keys/GenerateSecretString/PasswordLength", 16),
        set("Keys/GenerateSecretString/GenerateStringKey", "key"),
        cut("/Rules/KeysGoWithTheirLedger"),
    ];
    keeps(intake::keys_stay_with_the_ledger, edits)
}

#[test]
fn an_opt_out_is_read_at_once() -> Result<()> {
    let edits = [
        set("FeedbackFunction/Events/Unsubscribe/Properties/MaximumBatchingWindowInSeconds", 20),
        set("FeedbackFunction/Events/Feedback/Properties/MaximumBatchingWindowInSeconds", 60),
    ];
    keeps(intake::an_opt_out_waits_for_nothing, edits)
}

#[test]
fn a_change_of_the_api_makes_another_deployment_of_it() -> Result<()> {
    let shipped = Sources::shipped().render()?;
    keeps(intake::each_change_is_deployed, [set("IntakeStage/DeploymentId/Ref", "IntakeDeployment")])?;
    let folder = tempfile::tempdir()?;
    crate::sources::copy(&pulse_template::sources(), folder.path())?;
    let page = folder.path().join("unsubscribe.html.j2");
    fs::write(&page, fs::read_to_string(&page)?.replace("Stop these emails?", "Stop them?"))?;
    let changed = Sources::in_folder(folder.path()).render()?;
    let deployment = |text: &str| {
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("  IntakeDeployment")).map(str::to_owned).collect();
        assert_eq!(lines.len(), 1);
        lines
    };
    assert_ne!(deployment(&shipped), deployment(&changed));
    Ok(())
}
