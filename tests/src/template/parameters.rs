//! Parameters, outputs and environment: described, and free of secrets.

use serde_json::Value;

use super::{Template, reference};

/// Words that a variable with a secret in it would carry in its name.
const SECRET_WORDS: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "AUTHORIZATION", "CREDENTIAL", "API_KEY"];

/// Every parameter and output says what it is.
#[must_use]
pub fn all_are_described(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for section in ["Parameters", "Outputs"] {
        if template.section(section).next().is_none() {
            problems.push(format!("the template has no {section}"));
        }
        for (id, entry) in template.section(section) {
            if entry["Description"].as_str().is_none_or(|text| text.trim().is_empty()) {
                problems.push(format!("{section} {id} has no description"));
            }
        }
    }
    problems
}

/// The topic of alarms can be no FIFO topic, the only ones whose names have a dot (Amazon SNS API Reference, `CreateTopic`):
/// whoever publishes to such a one has to name a message group (`Publish`: `MessageGroupId`), and no alarm can.
#[must_use]
pub fn alarm_topics_are_standard(template: &Template) -> Vec<String> {
    let pattern = template.at("/Parameters/AlarmTopicArn/AllowedPattern").and_then(Value::as_str).unwrap_or(".");
    if pattern.contains('.') { vec![format!("AlarmTopicArn takes a FIFO topic: {pattern}")] } else { Vec::new() }
}

/// Functions are given the names of secrets, never secrets: a variable's value stands in the console, in the
/// stack and in the function's configuration for whoever may read those.
#[must_use]
pub fn variables_hold_no_secret(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, parameter) in template.section("Parameters") {
        if !parameter["NoEcho"].is_null() {
            problems.push(format!("parameter {id} takes a secret: take the name of one"));
        }
    }
    for (id, function) in template.functions() {
        let variables = function["Environment"]["Variables"].as_object();
        for (name, value) in variables.into_iter().flatten() {
            if value.to_string().contains("{{resolve:") {
                problems.push(format!("{id}: {name} would hold what a dynamic reference resolves to"));
            }
            if SECRET_WORDS.iter().any(|word| name.contains(word)) && !names_a_secret(template, value) {
                problems.push(format!("{id}: {name} takes more than the name of a secret"));
            }
        }
    }
    problems
}

/// Whether a value is a secret of the stack's own, or a parameter that takes the name of a Secrets Manager secret and nothing
/// else, which its pattern sees to: a header or a JSON document has characters that no name has.
fn names_a_secret(template: &Template, value: &Value) -> bool {
    // Those of the keys are the stack's own, unless a parameter names others.
    if value["Fn::If"][0] == "MakesKeys" && reference(&value["Fn::If"][1]) == Some("Keys") {
        return names_a_secret(template, &value["Fn::If"][2]);
    }
    if template.resources("AWS::SecretsManager::Secret").any(|(id, _)| reference(value) == Some(id)) {
        return true;
    }
    let Some(parameter) = reference(value).and_then(|id| template.at(&format!("/Parameters/{id}"))) else {
        return false;
    };
    let described = parameter["Description"].as_str().is_some_and(|text| text.starts_with("Name of the Secrets"));
    described && parameter["AllowedPattern"] == "^[A-Za-z0-9/_+=.@-]{0,512}$" && parameter["Default"] == ""
}
