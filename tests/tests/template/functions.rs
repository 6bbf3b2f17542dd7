use anyhow::Result;
use pulse_tests::template::{functions, parameters};
use serde_json::json;

use crate::{add, cut, keeps, set};

#[test]
fn batches_are_bounded_and_fail_in_part() -> Result<()> {
    let edits = [
        cut("ScoreFunction/Events/Queue/Properties/FunctionResponseTypes"),
        set("EmailFunction/Events/Queue/Properties/BatchSize", 1_500),
        set("FeedbackFunction/Events/Feedback/Properties/BatchSize", 101),
        set("EmailFunction/Events/Queue/Properties/MaximumBatchingWindowInSeconds", 0),
    ];
    keeps(functions::batches_are_partial_and_bounded, edits)
}

#[test]
fn reserved_concurrency_is_never_below_the_mappings_maximum() -> Result<()> {
    let edits = [
        set("ScoreFunction/ReservedConcurrentExecutions", json!({ "Ref": "ScoreMaximumConcurrency" })),
        set("ScoreFunction/ReservedConcurrentExecutions/Fn::If/1", 1),
        set("ScoreFunction/ReservedConcurrentExecutions/Fn::If/1/Ref", "EmailMaximumConcurrency"),
        set("ScoreFunction/ReservedConcurrentExecutions/Fn::If/2", 5),
        cut("AuditFunction/ReservedConcurrentExecutions"),
        cut("EmailFunction/Events/Queue/Properties/ScalingConfig"),
        cut("EmailFunction/Events/Queue"),
        set("TickFunction/ReservedConcurrentExecutions/Fn::If/1", 2),
        set("FeedbackFunction/ReservedConcurrentExecutions/Fn::If/1", 3),
        set("FeedbackFunction/Events/Unsubscribe/Properties/ScalingConfig/MaximumConcurrency", 3),
        cut("FeedbackFunction/Events/Feedback"),
        cut("TickFunction/Events/Minute"),
        cut("/Resources/ConsoleUrl"),
        cut("ConsoleFunction/ReservedConcurrentExecutions"),
        set("/Parameters/ScoreMaximumConcurrency/MinValue", 1),
        cut("/Parameters/EmailMaximumConcurrency/MinValue"),
        set("/Parameters/EmailMaximumConcurrency/Default", 1),
    ];
    keeps(functions::reserved_concurrency_covers_the_mapping, edits)
}

#[test]
fn a_full_batch_is_done_before_the_timeout() -> Result<()> {
    let edits = [
        set("EmailFunction/Events/Queue/Properties/BatchSize", 260),
        set("/Parameters/EmailInFlight/MinValue", 2),
        set("/Parameters/ScoreInFlight/Default", 1),
        set("/Globals/Function/Timeout", 200),
        set("EmailFunction/Environment/Variables/MAIL_TIMEOUT_SECONDS", "40"),
        cut("ScoreFunction/Environment/Variables/SCORE_TIMEOUT_SECONDS"),
    ];
    keeps(functions::a_full_batch_can_be_finished, edits)
}

#[test]
fn the_commands_reckon_with_the_templates_figures() -> Result<()> {
    let edits = [
        set("/Parameters/ScoreInFlight/MinValue", 2),
        set("/Parameters/EmailMaximumConcurrency/MaxValue", 500),
        cut("/Parameters/EmailInFlight/MaxValue"),
        set("/Parameters/ScoreInFlight/Default", 5),
        set("EmailFunction/Events/Queue/Properties/MaximumBatchingWindowInSeconds", 30),
        set("EmailFunction/Events/Queue/Properties/BatchSize", 100),
        set("DeliverFunction/Events/Queue/Properties/BatchSize", 240),
        set("/Globals/Function/Timeout", 60),
        set("DeliverFunction/Timeout", 300),
        set("EmailFunction/Environment/Variables/MAIL_TIMEOUT_SECONDS", "40"),
    ];
    keeps(functions::the_commands_reckon_with_what_is_deployed, edits)
}

#[test]
fn the_sweep_gives_no_message_up_that_may_still_come() -> Result<()> {
    let edits = [
        set("/Parameters/SweepGraceMinutes/MinValue", 30),
        set("/Parameters/SweepGraceMinutes/Default", 40),
        set("/Parameters/SweepGraceMinutes/Default", 90),
        set("/Globals/Function/Environment/Variables/MAX_RECEIVE_COUNT", "9"),
        set("TickFunction/Environment/Variables/QUEUE_RETENTION_SECONDS", "1209600"),
        set("EmailQueue/MessageRetentionPeriod", 345_600),
    ];
    keeps(functions::the_sweep_waits_for_every_try, edits)
}

#[test]
fn no_parameter_has_programs_run_on_another_processor_than_they_are_built_for() -> Result<()> {
    let edits = [
        set("/Globals/Function/Architectures/0", json!({ "Ref": "Architecture" })),
        cut("/Globals/Function/Architectures"),
        add("EmailFunction", "Architectures", json!(["arm64"])),
    ];
    keeps(functions::what_is_built_is_what_runs, edits)
}

#[test]
fn an_audit_that_was_ended_early_is_resumed() -> Result<()> {
    let resume = "AuditFunction/Events/Resume/Properties/Input";
    let edits =
        [cut("AuditFunction/Events/Resume"), set(resume, r#"{"Resume": true}"#), cut("AuditFunction/Events/Day")];
    keeps(functions::an_audit_that_was_ended_goes_on, edits)
}

#[test]
fn logs_are_json_and_do_not_stay_for_ever() -> Result<()> {
    let edits = [
        cut("ScoreLog/RetentionInDays"),
        cut("/Resources/EmailLog"),
        set("EmailFunction/LoggingConfig/LogFormat", "Text"),
        cut("ScoreFunction/LoggingConfig/LogGroup"),
        cut("TickFunction/LoggingConfig/ApplicationLogLevel"),
        set("EmailFunction/LoggingConfig/ApplicationLogLevel", "WARN"),
    ];
    keeps(functions::logs_are_json_and_kept_for_a_time, edits)
}

#[test]
fn the_bill_reckons_with_the_functions_memory() -> Result<()> {
    let edits = [
        set("EmailFunction/MemorySize", 512),
        set("FeedbackFunction/MemorySize", 128),
        set("ConsoleFunction/MemorySize", 512),
        set("TickFunction/MemorySize", 128),
    ];
    keeps(functions::the_bill_has_their_memory, edits)
}

#[test]
fn parameters_and_outputs_say_what_they_are() -> Result<()> {
    let edits =
        [cut("/Parameters/QuietHours/Description"), set("/Outputs/TableName/Description", " "), cut("/Outputs")];
    keeps(parameters::all_are_described, edits)
}

#[test]
fn functions_are_given_names_of_secrets_and_never_secrets() -> Result<()> {
    let variables = "ScoreFunction/Environment/Variables";
    let edits = [
        set(&format!("{variables}/SCORE_SECRET"), "Bearer abc"),
        set(&format!("{variables}/SCORE_SECRET/Ref"), "ScoreUrl"),
        set(&format!("{variables}/SCORE_URL"), "{{resolve:secretsmanager:pulse}}"),
        add(variables, "SCORE_TOKEN", json!("abc")),
        set("EmailFunction/Environment/Variables/MARKETING_CLOUD_SECRET/Ref", "Sender"),
        set("FeedbackFunction/Environment/Variables/KEYS_SECRET/Fn::If/2/Ref", "Sender"),
        set("FeedbackFunction/Environment/Variables/KEYS_SECRET/Fn::If/1", "{{resolve:secretsmanager:keys}}"),
        set("ConsoleFunction/Environment/Variables/CONSOLE_KEYS_SECRET/Fn::If/2/Ref", "Sender"),
        set("ConsoleFunction/Environment/Variables/CONSOLE_KEYS_SECRET/Fn::If/0", "HasConsole"),
        set("ConsoleFunction/Environment/Variables/CONSOLE_KEYS_SECRET", "{{resolve:secretsmanager:keys}}"),
        cut("/Parameters/ScoreSecret/AllowedPattern"),
        add("/Parameters/ScoreUrl", "NoEcho", json!(true)),
    ];
    keeps(parameters::variables_hold_no_secret, edits)
}

#[test]
fn the_name_of_a_secret_tells_where_it_is_kept() -> Result<()> {
    let is_parameter = "/Conditions/ScoreSecretIsParameter";
    let edits = [
        set("/Conditions/KeysSecretIsArn", json!({ "Fn::Equals": ["", ""] })),
        set(&format!("{is_parameter}/Fn::And/0"), json!({ "Fn::Equals": ["", ""] })),
        set(&format!("{is_parameter}/Fn::And/1/Fn::Or/0/Fn::Equals/1"), "pulse"),
        set(&format!("{is_parameter}/Fn::And/1/Fn::Or/1/Fn::Equals/0/Fn::Select/0"), 1),
        set("/Parameters/CallSecret/AllowedPattern", "^.*$"),
        set("/Parameters/FeedbackSecret/AllowedPattern", "^[A-Za-z0-9/_+=.@-]{0,512}$"),
        cut("/Conditions/MarketingCloudSecretIsParameter"),
    ];
    keeps(parameters::names_choose_the_store, edits)
}

#[test]
fn alarms_go_to_no_topic_that_cloudwatch_can_t_publish_to() -> Result<()> {
    let pattern = r"^(|arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?)$";
    keeps(parameters::alarm_topics_are_standard, [set("/Parameters/AlarmTopicArn/AllowedPattern", pattern)])
}
