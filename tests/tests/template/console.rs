use anyhow::Result;
use pulse_tests::template::console;
use serde_json::json;

use crate::{add, cut, keeps, set};

#[test]
fn without_an_issuer_there_is_no_console() -> Result<()> {
    let edits = [
        cut("/Resources/ConsoleFunction/Condition"),
        cut("/Resources/ConsoleUrl/Condition"),
        cut("/Resources/ConsoleOperatorRole/Condition"),
        cut("/Resources/ConsoleKeys/Condition"),
        cut("/Outputs/ConsoleUrl/Condition"),
        set("/Conditions/HasConsole", json!({ "Fn::Equals": ["a", "a"] })),
        set("/Parameters/ConsoleIssuer/Default", "https://issuer.example"),
    ];
    keeps(console::without_an_issuer_there_is_nothing, edits)
}

#[test]
fn who_comes_by_the_console_s_url_and_nobody_else_calls_its_function() -> Result<()> {
    let edits = [
        cut("/Resources/ConsoleInvokePermission"),
        cut("/Resources/ConsoleUrlPermission"),
        cut("ConsoleInvokePermission/InvokedViaFunctionUrl"),
        set("ConsoleInvokePermission/InvokedViaFunctionUrl", false),
        set("ConsoleUrlPermission/FunctionName/Ref", "TickFunction"),
        set("ConsoleUrlPermission/FunctionUrlAuthType", "AWS_IAM"),
    ];
    keeps(console::its_url_is_the_only_way_in, edits)
}

#[test]
fn viewers_requests_only_read_and_operators_do_what_operators_may() -> Result<()> {
    let viewers = "ConsoleRole/Policies/1/PolicyDocument/Statement";
    let operators = "ConsoleOperatorRole/Policies/0/PolicyDocument/Statement";
    let edits = [
        set(&format!("{viewers}/1/Action/0"), "dynamodb:PutItem"),
        set(&format!("{viewers}/3/Action"), "lambda:UpdateEventSourceMapping"),
        add(&format!("{viewers}/0"), "Action", json!("sts:AssumeRole")),
        set(&format!("{operators}/6/Action"), "dynamodb:DeleteItem"),
        set(&format!("{operators}/7/Action"), "sqs:PurgeQueue"),
        set(&format!("{operators}/12/Action"), "lambda:DeleteFunction"),
        set("ConsoleOperatorRole/Policies/0/PolicyDocument/Statement", json!([])),
        set(
            "ConsoleRole/Policies/2/PolicyDocument/Statement/0/Fn::If/2/Resource",
            json!({ "Fn::If": ["MakesKeys", { "Fn::GetAtt": ["Keys", "Id"] }, "x"] }),
        ),
        set(
            "ConsoleRole/Policies/2/PolicyDocument/Statement/0/Fn::If/1/Resource",
            json!({ "Fn::Sub": "arn:aws:ssm:eu-west-1:1:parameter${KeysSecret}" }),
        ),
    ];
    keeps(console::its_roles_may_what_people_may, edits)
}

#[test]
fn half_a_console_is_refused() -> Result<()> {
    let edits = [
        cut("/Rules/TheConsoleNeedsAClient"),
        cut("/Rules/TheConsoleNeedsAnIssuer"),
        set("/Rules/TheConsoleNeedsAClient/Assertions", json!([])),
        set("/Rules/TheConsoleNeedsAnIssuer/Assertions/0/Assert/Fn::Equals/0/Ref", "ConsoleIssuer"),
    ];
    keeps(console::half_of_it_is_refused, edits)
}
