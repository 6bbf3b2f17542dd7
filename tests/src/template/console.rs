//! The console behind a function URL: there only if it is wanted, and whose requests may do what.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, policies, reference};

/// What only reads.
const READS: [&str; 10] = [
    "cloudformation:DescribeStacks",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "sqs:GetQueueAttributes",
    "lambda:GetEventSourceMapping",
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "scheduler:GetSchedule",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
];

/// What reads secrets.
const SECRETS: [&str; 2] = ["secretsmanager:GetSecretValue", "ssm:GetParameter"];

/// What a function needs to be one.
const OWN: [&str; 3] = ["logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt"];

/// Without an issuer, nothing of it is there, and nothing of it is said.
#[must_use]
pub fn without_an_issuer_there_is_nothing(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let none = json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "ConsoleIssuer" }, ""] }] });
    if template.at("/Conditions/HasConsole") != Some(&none) {
        problems.push("HasConsole isn't that ConsoleIssuer is given".into());
    }
    if template.at("/Parameters/ConsoleIssuer/Default") != Some(&json!("")) {
        problems.push("there is a console unless somebody says otherwise".into());
    }
    let given = json!({ "Fn::Equals": [{ "Ref": "ConsoleKeysSecret" }, ""] });
    let with_console = json!({ "Fn::And": [{ "Condition": "HasConsole" }, given] });
    let makes_keys = template.at("/Conditions/MakesConsoleKeys");
    let of_the_console = ["Resources", "Outputs"].into_iter().flat_map(|section| template.section(section));
    let mut found = 0;
    for (id, part) in of_the_console.filter(|(id, _)| id.starts_with("Console")) {
        found += 1;
        // The keys of its own are there where it is and no others are named.
        let is_of_keys =
            id == "ConsoleKeys" && part["Condition"] == "MakesConsoleKeys" && makes_keys == Some(&with_console);
        if part["Condition"] != "HasConsole" && !is_of_keys {
            problems.push(format!("{id} is there without an issuer"));
        }
    }
    if found < 8 {
        problems.push(format!("of the console there are {found} parts"));
    }
    for (id, url) in template.resources("AWS::Lambda::Url") {
        if !id.starts_with("Console") {
            problems.push(format!("{id} lets strangers call {}", url["TargetFunctionArn"]));
        }
    }
    problems
}

/// Whoever may call the URL may call the function by it, and in no other way.
#[must_use]
pub fn its_url_is_the_only_way_in(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let mut allowed = BTreeSet::new();
    for (id, permission) in template.resources("AWS::Lambda::Permission") {
        let of = |name: &str| permission[name].as_str().unwrap_or_default();
        let by_url = match of("Action") {
            "lambda:InvokeFunctionUrl" => of("FunctionUrlAuthType") == "NONE",
            "lambda:InvokeFunction" => permission["InvokedViaFunctionUrl"] == true,
            _ => false,
        };
        let is_its = reference(&permission["FunctionName"]) == Some("ConsoleFunction") && of("Principal") == "*";
        if !by_url || !is_its {
            problems.push(format!("{id} lets in who doesn't come by the console's URL"));
        }
        allowed.insert(of("Action"));
    }
    if allowed.len() != 2 {
        problems.push(format!("the URL takes both permissions, and there are {allowed:?}"));
    }
    problems
}

/// The function's own role reads, as who may only look does. Its operators' role does nothing that an operator with the command
/// line may not.
#[must_use]
pub fn its_roles_may_what_people_may(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let actions = |role: &str| -> BTreeSet<String> {
        let of_role = policies::statements(template).into_iter().filter(|(id, _, _)| id == role);
        of_role.flat_map(|(_, _, actions)| actions).collect()
    };
    let (viewers, operators) = (actions("ConsoleRole"), actions("ConsoleOperatorRole"));
    let known = |action: &String| READS.contains(&action.as_str()) || OWN.contains(&action.as_str());
    for action in viewers.iter().filter(|action| !known(action)) {
        problems.push(format!("viewers' requests may {action}"));
    }
    let (reader, operator) = (actions("ReadOnlyPolicy"), actions("OperatorPolicy"));
    for action in viewers.iter().filter(|action| !reader.contains(*action) && !OWN.contains(&action.as_str())) {
        // Its own secrets, which the statement's resource says.
        if !SECRETS.contains(&action.as_str()) {
            problems.push(format!("viewers' requests may {action}, and ReadOnlyPolicy may not"));
        }
    }
    for action in operators.difference(&operator) {
        problems.push(format!("operators' requests may {action}, and OperatorPolicy may not"));
    }
    if operators.len() < 12 {
        problems.push(format!("operators' requests may only {operators:?}"));
    }
    problems.extend(secrets_of_viewers(template));
    problems
}

/// Viewers' requests can't read the keys of suppressed addresses.
fn secrets_of_viewers(template: &Template) -> Vec<String> {
    let Some(role) = template.at("/Resources/ConsoleRole/Properties/Policies") else {
        return vec!["the console has no role".into()];
    };
    let mut problems = Vec::new();
    let mut look = vec![role];
    while let Some(value) = look.pop() {
        if value["Action"].as_str().is_some_and(|action| SECRETS.contains(&action)) {
            let resource = value["Resource"].to_string();
            if !["ConsoleKeysSecret", "ConsoleClientSecret"].iter().any(|own| resource.contains(&format!("${{{own}}}")))
            {
                problems.push(format!("viewers' requests may read {resource}"));
            }
        }
        match value {
            Value::Array(items) => look.extend(items),
            Value::Object(fields) => look.extend(fields.values()),
            _ => {}
        }
    }
    problems
}

/// A client without an issuer, an issuer without a client, and one group for both are refused before anything is made.
#[must_use]
pub fn half_of_it_is_refused(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let given = |name: &str| json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": name }, ""] }] });
    let missing = |name: &str| json!({ "Fn::Equals": [{ "Ref": name }, ""] });
    let apart = json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "ConsoleViewers" }, { "Ref": "ConsoleOperators" }] }] });
    let wanted = [
        (given("ConsoleIssuer"), given("ConsoleClientId")),
        (given("ConsoleIssuer"), apart),
        (missing("ConsoleIssuer"), missing("ConsoleClientId")),
        (missing("ConsoleIssuer"), missing("ConsoleClientSecret")),
        (missing("ConsoleIssuer"), missing("ConsoleKeysSecret")),
    ];
    for (when, what) in wanted {
        let is_there = template.section("Rules").any(|(_, rule)| {
            let mut assertions = rule["Assertions"].as_array().into_iter().flatten();
            rule["RuleCondition"] == when && assertions.any(|assertion| assertion["Assert"] == what)
        });
        if !is_there {
            problems.push(format!("no rule says that where {when}, {what}"));
        }
    }
    problems
}
