//! Parameters, outputs and environment: described, and free of secrets.

use pulse_core::secret_store::SecretStore;
use serde_json::{Value, json};

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

/// Whether a value is a secret of the stack's own, or a parameter that takes the name or the ARN of a secret and nothing
/// else, which its pattern sees to: a header or a JSON document has characters that no name has.
fn names_a_secret(template: &Template, value: &Value) -> bool {
    // Keys are the stack's own, unless a parameter names others.
    if let [Value::String(condition), own, named] = value["Fn::If"].as_array().map_or(&[][..], Vec::as_slice) {
        let makes = [("MakesKeys", "Keys"), ("MakesConsoleKeys", "ConsoleKeys")];
        let is_own = makes.iter().any(|(if_made, id)| condition == if_made && reference(own) == Some(id));
        return is_own && names_a_secret(template, named);
    }
    if template.resources("AWS::SecretsManager::Secret").any(|(id, _)| reference(value) == Some(id)) {
        return true;
    }
    let Some(parameter) = reference(value).and_then(|id| template.at(&format!("/Parameters/{id}"))) else {
        return false;
    };
    takes_a_secret(parameter) && parameter["AllowedPattern"] == SECRET_NAMES && parameter["Default"] == ""
}

/// The names and ARNs that there are: of secrets (AWS Secrets Manager API Reference, `CreateSecret`: `Name`), and of parameters in
/// at most fifteen levels (AWS Systems Manager API Reference, `PutParameter`: `Name`).
const SECRET_NAMES: &str = r"^(|[A-Za-z0-9_+=.@-][A-Za-z0-9/_+=.@-]{0,511}|(/[A-Za-z0-9_.-]+){1,15}|arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}|arn:[a-z-]+:ssm:[a-z0-9-]+:\d{12}:parameter(/[A-Za-z0-9_.-]+)+)$";

fn takes_a_secret(parameter: &Value) -> bool {
    parameter["Description"].as_str().is_some_and(|text| text.starts_with("Name or ARN of the secret"))
}

/// What may be given as a secret, and what it is: whether an ARN, and where.
const SECRETS: [(&str, bool, SecretStore); 6] = [
    ("pulse/scoring", false, SecretStore::SecretsManager),
    ("ssm", false, SecretStore::SecretsManager),
    ("/pulse/scoring", false, SecretStore::ParameterStore),
    ("/pulse", false, SecretStore::ParameterStore),
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:/pulse/ssm-AbCdEf", true, SecretStore::SecretsManager),
    ("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/pulse/scoring", true, SecretStore::ParameterStore),
];

/// What may not: secrets themselves, and names that neither store has.
const NO_SECRETS: [&str; 7] = [
    r#"{"authorization": "Bearer abc"}"#,
    "Bearer abc",
    "/pulse//scoring",
    "/pulse/scoring/",
    "/pulse/with+plus",
    "arn:aws:ssm:eu-west-1:123456789012:document/pulse",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pulse/scoring",
];

/// The name of a secret chooses its store in the template as it does in the functions, and the permission that goes with it.
#[must_use]
pub fn names_choose_the_store(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let secrets: Vec<_> = template.section("Parameters").filter(|(_, parameter)| takes_a_secret(parameter)).collect();
    if secrets.len() < 7 {
        problems.push(format!("{} parameters name secrets", secrets.len()));
    }
    for (id, parameter) in secrets {
        let pattern = json!({ "pattern": parameter["AllowedPattern"] });
        let takes = |name: &str| jsonschema::is_valid(&pattern, &json!(name));
        let says = |what: &str, name: &str| {
            let condition = template.at(&format!("/Conditions/{id}{what}")).unwrap_or(&Value::Null);
            evaluated(condition, id, name)
        };
        for (name, is_arn, store) in SECRETS {
            let is_parameter = store == SecretStore::ParameterStore;
            if !takes(name) || SecretStore::of(name) != store {
                problems.push(format!("{id} doesn't take {name} for one in {store}"));
            }
            if says("IsArn", name) != Some(is_arn.into()) || says("IsParameter", name) != Some(is_parameter.into()) {
                problems.push(format!("{id} takes {name} for another than it is"));
            }
        }
        if !takes("") || says("IsParameter", "") != Some(false.into()) {
            problems.push(format!("{id} can't be left empty"));
        }
        problems.extend(NO_SECRETS.iter().filter(|text| takes(text)).map(|text| format!("{id} takes {text}")));
    }
    problems
}

/// What a condition comes to, where a parameter of the template has a value.
fn evaluated(value: &Value, id: &str, given: &str) -> Option<Value> {
    let Value::Object(call) = value else { return Some(value.clone()) };
    let (function, of) = call.iter().next()?;
    let each = || of.as_array()?.iter().map(|one| evaluated(one, id, given)).collect::<Option<Vec<_>>>();
    let flags = || Some(each()?.iter().filter_map(Value::as_bool).collect::<Vec<_>>());
    Some(match function.as_str() {
        "Ref" if of == id => given.into(),
        "Fn::Sub" => of.as_str()?.replace(&format!("${{{id}}}"), given).into(),
        "Fn::Split" => {
            let [separator, text] = &each()?[..] else { return None };
            text.as_str()?.split(separator.as_str()?).collect()
        }
        "Fn::Select" => {
            let [at, list] = &each()?[..] else { return None };
            list.get(usize::try_from(at.as_u64()?).ok()?)?.clone()
        }
        "Fn::Equals" => {
            let [one, other] = &each()?[..] else { return None };
            (one == other).into()
        }
        "Fn::Not" => (!flags()?.first()?).into(),
        "Fn::And" => flags()?.into_iter().all(|flag| flag).into(),
        "Fn::Or" => flags()?.into_iter().any(|flag| flag).into(),
        _ => return None,
    })
}
