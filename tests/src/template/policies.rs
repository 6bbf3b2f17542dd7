//! Who may do what: one role per function, each action and each resource by name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Template, arn_of};

/// How the ARN of whatever schedule of this stack's group ends.
const SCHEDULES: &str = ":schedule/${ScheduleGroup}/*";

/// How the ARN of this very stack ends: in an id that its name doesn't tell.
const THIS_STACK: &str = ":stack/${AWS::StackName}/*";

/// Actions that AWS allows on all resources or none: they have no resource type (Service Authorization
/// Reference, "Actions, resources, and condition keys for Amazon `EventBridge` Scheduler").
const OF_NO_RESOURCE: [&str; 1] = ["scheduler:ListSchedules"];

/// Every function runs with a role of its own that this template writes out. SAM's policy templates and
/// managed policies are refused: they allow more than a function here needs.
#[must_use]
pub fn each_function_has_its_own_role(template: &Template) -> Vec<String> {
    let (mut problems, mut taken) = (Vec::new(), BTreeSet::new());
    for (id, function) in template.functions() {
        let role = arn_of(&function["Role"]).map(str::to_owned);
        let known = role.as_ref().is_some_and(|role| template.resources("AWS::IAM::Role").any(|(id, _)| id == role));
        if !known || !taken.insert(role.clone()) {
            problems.push(format!("{id} runs with {role:?}, which is no role of its own"));
        }
        if !function["Policies"].is_null() {
            problems.push(format!("{id} has SAM policies beside its role"));
        }
    }
    for (id, role) in template.resources("AWS::IAM::Role") {
        if !role["ManagedPolicyArns"].is_null() {
            problems.push(format!("{id} takes managed policies"));
        }
    }
    problems
}

/// No role is allowed an action or a resource by wildcard. (`?` is not one here: Secrets Manager ends a
/// secret's ARN with six characters that nobody knows before. Of the schedules in this stack's group, made
/// one by one, no template knows the names. What AWS allows on no narrower resource than all stands alone.)
#[must_use]
pub fn nothing_is_allowed_by_wildcard(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, role) in template.resources("AWS::IAM::Role") {
        let mut statements = Vec::new();
        collect_statements(&role["Policies"], &mut statements);
        if statements.is_empty() {
            problems.push(format!("{id} has no policy"));
        }
        for statement in statements {
            if statement["Effect"] != "Allow" {
                problems.push(format!("{id} has a statement that is no Allow"));
            }
            for inverted in ["NotAction", "NotResource"] {
                if !statement[inverted].is_null() {
                    problems.push(format!("{id} allows by {inverted}"));
                }
            }
            let (actions, resources) = (strings(&statement["Action"]), strings(&statement["Resource"]));
            if actions.iter().any(|action| OF_NO_RESOURCE.contains(action)) {
                if actions.len() > 1 || resources != ["*"] {
                    problems.push(format!(
                        "{id} allows {actions:?} on {resources:?}: AWS takes {OF_NO_RESOURCE:?} alone, on *"
                    ));
                }
                continue;
            }
            for (part, named) in [("Action", actions), ("Resource", resources)] {
                if named.is_empty()
                    || named.iter().any(|name| name.replace(SCHEDULES, "").replace(THIS_STACK, "").contains('*'))
                {
                    problems.push(format!("{id} allows {part} {named:?}"));
                }
            }
        }
    }
    problems
}

/// Lambda and Scheduler alone take on the roles; Scheduler for this stack's schedule group alone.
#[must_use]
pub fn roles_trust_one_service(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, role) in template.resources("AWS::IAM::Role") {
        let statements = role["AssumeRolePolicyDocument"]["Statement"].as_array();
        for statement in statements.into_iter().flatten() {
            let limits = &statement["Condition"]["StringEquals"];
            let trusted = match statement["Principal"]["Service"].as_str() {
                Some("lambda.amazonaws.com") => true,
                Some("scheduler.amazonaws.com") => {
                    limits["aws:SourceAccount"]["Ref"] == "AWS::AccountId"
                        && arn_of(&limits["aws:SourceArn"]).is_some_and(|group| {
                            template.resources("AWS::Scheduler::ScheduleGroup").any(|(id, _)| id == group)
                        })
                }
                _ => false,
            };
            if !trusted {
                problems.push(format!("{id} trusts {}", statement["Principal"]));
            }
        }
    }
    problems
}

/// The statements of policies, through whatever `!If` they stand in.
fn collect_statements<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => match map.get("Statement") {
            Some(Value::Array(statements)) => found.extend(statements),
            Some(statement) => found.push(statement),
            None => map.values().for_each(|inner| collect_statements(inner, found)),
        },
        Value::Array(items) => items.iter().for_each(|inner| collect_statements(inner, found)),
        _ => {}
    }
}

fn strings(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    collect_strings(value, &mut found);
    found
}

fn collect_strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|inner| collect_strings(inner, found)),
        Value::Object(map) => map.values().for_each(|inner| collect_strings(inner, found)),
        _ => {}
    }
}
