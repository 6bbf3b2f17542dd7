//! Who may do what: one role per function, each action and each resource by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Template, arn_of};

/// How the ARN of whatever schedule of this stack's group ends.
const SCHEDULES: &str = ":schedule/${ScheduleGroup}/*";

/// How the ARN of whatever secret with an endpoint's keys ends: endpoints are added while a stack lives.
const ENDPOINT_KEYS: &str = ":secret:${AWS::StackName}/endpoints/*";

/// The same of a parameter.
const ENDPOINT_PARAMETERS: &str = ":parameter/${AWS::StackName}/endpoints/*";

/// How the ARN of this very stack ends: in an id that its name doesn't tell.
const THIS_STACK: &str = ":stack/${AWS::StackName}/*";

/// How the ARN of whatever this account has at SES in this region begins.
const OWN_SES: &str = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:";

/// Actions that AWS allows on all resources or none: they have no resource type (Service Authorization Reference, "Actions,
/// resources, and condition keys" for Amazon `EventBridge` Scheduler, AWS Lambda, Service Quotas, and Amazon Simple Email
/// Service v2).
const OF_NO_RESOURCE: [&str; 6] = [
    "scheduler:ListSchedules",
    "lambda:GetAccountSettings",
    "servicequotas:ListServiceQuotas",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "ses:GetAccount",
    "ses:DeleteSuppressedDestination",
];

/// Whoever asks what they themselves may do, by the names of their role or user, which no template knows.
const OWN_PERMISSIONS: [&str; 2] = ["iam:GetRole", "iam:SimulatePrincipalPolicy"];

/// What looks at the sender, which may be any address or domain of the account.
const SENDER: [&str; 2] = ["ses:GetEmailIdentity", "ses:GetConfigurationSet"];

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

/// The statements that allow something to a role or a policy: whose, its Sid, its actions.
#[must_use]
pub fn statements(template: &Template) -> Vec<(String, String, Vec<String>)> {
    let mut all = Vec::new();
    for (id, properties) in policies(template) {
        let mut found = Vec::new();
        collect_statements(properties, &mut found);
        for statement in found.into_iter().filter(|statement| statement["Effect"] == "Allow") {
            let actions = strings(&statement["Action"]).into_iter().map(str::to_owned).collect();
            all.push((id.to_owned(), statement["Sid"].as_str().unwrap_or_default().to_owned(), actions));
        }
    }
    all
}

/// Every statement has a name of its own, by which a denial tells of it.
#[must_use]
pub fn each_statement_has_a_name(template: &Template) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let named = |(id, sid, actions): (String, String, Vec<String>)| {
        let is_named = !sid.is_empty() && taken.insert((id.clone(), sid));
        (!is_named).then(|| format!("{id} allows {actions:?} in a statement without a Sid of its own"))
    };
    statements(template).into_iter().filter_map(named).collect()
}

/// The roles' own policies, and those of people.
fn policies(template: &Template) -> impl Iterator<Item = (&str, &Value)> {
    let roles = template.resources("AWS::IAM::Role").map(|(id, role)| (id, &role["Policies"]));
    let others = ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"].into_iter().flat_map(|kind| template.resources(kind));
    roles.chain(others.map(|(id, policy)| (id, &policy["PolicyDocument"])))
}

/// No role and nobody is allowed an action or a resource by wildcard. (`?` is not one here: Secrets Manager ends a
/// secret's ARN with six characters that nobody knows before. Of the schedules in this stack's group and of endpoints' keys, made
/// one by one, no template knows the names. What AWS allows on no narrower resource than all stands alone. Mails go
/// out by way of any identity, but see [`mails_go_out_as_their_sender_alone`].)
#[must_use]
pub fn nothing_is_allowed_by_wildcard(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, policies) in policies(template) {
        let mut statements = Vec::new();
        collect_statements(policies, &mut statements);
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
                if !actions.iter().all(|action| OF_NO_RESOURCE.contains(action)) || resources != ["*"] {
                    problems.push(format!(
                        "{id} allows {actions:?} on {resources:?}: AWS takes {OF_NO_RESOURCE:?} alone, on *"
                    ));
                }
                continue;
            }
            for (part, named) in [("Action", actions), ("Resource", resources)] {
                let only = |allowed: &[&str]| {
                    part == "Resource" && strings(&statement["Action"]).iter().all(|action| allowed.contains(action))
                };
                let mails = part == "Resource" && (is_mailing(statement) || only(&SENDER));
                let people = only(&OWN_PERMISSIONS);
                let narrow = |name: &str| {
                    let name = name.replace(SCHEDULES, "").replace(THIS_STACK, "");
                    let name = name.replace(ENDPOINT_KEYS, "").replace(ENDPOINT_PARAMETERS, "");
                    if people && (name.ends_with(":role/*") || name.ends_with(":user/*")) {
                        return true;
                    }
                    let owned = name.strip_prefix(OWN_SES).filter(|_| mails).unwrap_or(&name);
                    owned == "identity/*" || owned == "configuration-set/*" || !owned.contains('*')
                };
                if named.is_empty() || !named.iter().all(|name| narrow(name)) {
                    problems.push(format!("{id} allows {part} {named:?}"));
                }
            }
        }
    }
    problems
}

/// The most characters of a managed policy, spaces left out (AWS IAM User Guide, "IAM and AWS STS quotas").
const POLICY: usize = 6_144;

/// Every managed policy has room in what IAM takes, also where the stack's name, the Region's and the table's are as long as
/// they may be.
#[must_use]
pub fn policies_have_room(template: &Template) -> Vec<String> {
    let sizes = template.resources("AWS::IAM::ManagedPolicy").map(|(id, policy)| {
        (id, written(&policy["PolicyDocument"]).chars().filter(|letter| !letter.is_whitespace()).count())
    });
    let too_long = sizes.filter(|(_, size)| *size > POLICY);
    too_long.map(|(id, size)| format!("{id} has {size} characters, of {POLICY}")).collect()
}

/// A policy as IAM gets it, at its longest.
fn written(value: &Value) -> String {
    let (stack, region, account) = ("s".repeat(55), "ap-southeast-1", "1".repeat(12));
    let arn = |service: &str, name: &str| format!("arn:aws-us-gov:{service}:{region}:{account}:{name}");
    match value {
        Value::Object(call) if call.len() == 1 => match call.iter().next().map(|(name, of)| (name.as_str(), of)) {
            Some(("Fn::If", branches)) => {
                [&branches[1], &branches[2]].map(written).into_iter().max_by_key(String::len).unwrap_or_default()
            }
            Some(("Fn::Sub", text)) => {
                let text = text.as_str().unwrap_or_default().replace("${AWS::Partition}", "aws-us-gov");
                let text = text.replace("${AWS::Region}", region).replace("${AWS::AccountId}", &account);
                let text =
                    text.replace("${PulseTable.Arn}", &arn("dynamodb", &format!("table/{stack}-PulseTable-{account}")));
                let text = text.replace("${AWS::StackName}", &stack).replace("${ScheduleGroup}", &stack);
                let parts: Vec<_> =
                    text.split("${").map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
                // What is left is an id, such as a mapping's.
                json!(parts.join(&"u".repeat(36))).to_string()
            }
            Some(("Fn::GetAtt" | "Ref", _)) => {
                json!(arn("lambda", &format!("function:{stack}-schedule-dlq"))).to_string()
            }
            Some((name, of)) => format!("{{\"{name}\":{}}}", written(of)),
            None => String::new(),
        },
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, of)| format!("\"{name}\":{}", written(of))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

/// What the deliver function may write to beside webhooks are the topics and the buses that parameters name by ARNs without
/// wildcards, and nothing where they name none.
#[must_use]
pub fn endpoints_are_named_one_by_one(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let policies = template.at("/Resources/DeliverRole/Properties/Policies").and_then(Value::as_array);
    for (sid, parameter, condition) in [
        ("PublishToTopics", "EndpointTopicArns", "HasEndpointTopics"),
        ("PutOntoBuses", "EndpointBusArns", "HasEndpointBuses"),
    ] {
        let branches = policies.into_iter().flatten().map(|policy| &policy["Fn::If"]);
        let is_it = |branches: &&Value| branches[1]["PolicyDocument"]["Statement"][0]["Sid"] == sid;
        let named = json!({ "Fn::Split": [",", { "Ref": parameter }] });
        let is_named = branches.into_iter().find(is_it).is_some_and(|branches| {
            branches[0] == condition
                && branches[2]["Ref"] == "AWS::NoValue"
                && branches[1]["PolicyDocument"]["Statement"][0]["Resource"] == named
        });
        let there = template.at(&format!("/Parameters/{parameter}")).cloned().unwrap_or_default();
        let pattern = there["AllowedPattern"].as_str().unwrap_or_default();
        // `*` repeats the ARNs, once, and is in no class of characters.
        let is_narrow =
            pattern.starts_with("^(|arn:") && pattern.ends_with(")*)$") && pattern.matches('*').count() == 1;
        let is_optional = there["Default"] == "" && {
            let given = json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": parameter }, ""] }] });
            template.at(&format!("/Conditions/{condition}")) == Some(&given)
        };
        if !(is_named && is_narrow && is_optional) {
            problems.push(format!("{sid} allows others than {parameter} names, or something where it names nothing"));
        }
    }
    problems
}

/// Whoever writes what makes facts queues word of them: the stages, feedback, the tick, and operators.
#[must_use]
pub fn word_is_queued_by_who_makes_facts(template: &Template) -> Vec<String> {
    let stages = template.stages().iter().map(|stage| format!("{}Role", stage.id));
    let others = ["FeedbackRole", "TickRole", "OperatorPolicy", "ConsoleOperatorRole"].map(str::to_owned);
    let may = |whose: &String| {
        let mut statements = Vec::new();
        let found = policies(template).find(|(id, _)| id == whose);
        collect_statements(found.map_or(&Value::Null, |(_, policies)| policies), &mut statements);
        statements.into_iter().any(|statement| {
            let resources =
                statement["Resource"].as_array().map_or(std::slice::from_ref(&statement["Resource"]), Vec::as_slice);
            strings(&statement["Action"]).contains(&"sqs:SendMessage")
                && resources.iter().any(|resource| arn_of(resource) == Some("DeliverQueue"))
        })
    };
    let may_not = stages.chain(others).filter(|whose| !may(whose));
    may_not.map(|whose| format!("{whose} may not queue word of what it writes down")).collect()
}

/// Mails go out as the address of the parameter Sender and no other, be it given with a name or without, whichever of the
/// account's identities and configuration sets SES asks for.
#[must_use]
pub fn mails_go_out_as_their_sender_alone(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let mut mailing = 0;
    for (id, role) in template.resources("AWS::IAM::Role") {
        let mut statements = Vec::new();
        collect_statements(&role["Policies"], &mut statements);
        for statement in statements.into_iter().filter(|statement| is_mailing(statement)) {
            mailing += 1;
            let condition = &statement["Condition"];
            let sender = &condition["StringEquals"]["ses:FromAddress"];
            for (given, address) in [
                ("pulse@example.com", "pulse@example.com"),
                ("Pulse <pulse@example.com>", "pulse@example.com"),
                ("<p+1@example.com>", "p+1@example.com"),
            ] {
                if resolved(sender, given).as_ref() != Some(&Value::from(address)) {
                    problems.push(format!("{id} mails as {sender}, which of {given} isn't {address}"));
                }
            }
            let needed = ["identity/*", "configuration-set/*"].map(|name| format!("{OWN_SES}{name}"));
            let resources = strings(&statement["Resource"]);
            if needed.iter().any(|name| !resources.contains(&name.as_str())) {
                problems.push(format!("{id} can't mail wherever SES asks for {needed:?}"));
            }
        }
    }
    if mailing != 1 {
        problems.push(format!("{mailing} statements let mails out, not one"));
    }
    problems
}

/// Whoever may read a secret or a parameter may decrypt it, where it is under a key of the customer's own: that one alone, and by
/// way of its store alone.
#[must_use]
pub fn keys_decrypt_the_one_secret_that_is_read(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, role) in template.resources("AWS::IAM::Role") {
        let mut statements = Vec::new();
        collect_statements(&role["Policies"], &mut statements);
        let of = |action: &str| statements.iter().filter(|one| one["Action"] == action).collect::<Vec<_>>();
        let mut decrypting = of("kms:Decrypt");
        for (action, service, context) in [
            ("secretsmanager:GetSecretValue", "secretsmanager", "kms:EncryptionContext:SecretARN"),
            ("ssm:GetParameter", "ssm", "kms:EncryptionContext:PARAMETER_ARN"),
        ] {
            for read in of(action) {
                let via = format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}");
                let wanted = json!({
                    "StringEquals": { "kms:ViaService": { "Fn::Sub": via } },
                    "StringLike": { context: read["Resource"] },
                });
                let is_it = |decrypt: &&&Value| {
                    decrypt["Condition"] == wanted && decrypt["Resource"] == json!({ "Ref": "SecretsKeyArn" })
                };
                match decrypting.iter().position(is_it) {
                    Some(at) => drop(decrypting.remove(at)),
                    None => problems.push(format!("{id} reads what it can't decrypt: {read}")),
                }
            }
        }
        problems.extend(decrypting.iter().map(|more| format!("{id} decrypts more than what it reads: {more}")));
    }
    problems
}

/// Lambda, Scheduler and API Gateway alone take on the roles: Scheduler for this stack's schedule group alone, API
/// Gateway the one that queues what came in, and nobody but the console function the one of its operators.
#[must_use]
pub fn roles_trust_one_service(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, role) in template.resources("AWS::IAM::Role") {
        let statements = role["AssumeRolePolicyDocument"]["Statement"].as_array();
        for statement in statements.into_iter().flatten() {
            let limits = &statement["Condition"]["StringEquals"];
            if id == "ConsoleOperatorRole" {
                if statement["Principal"] != json!({ "AWS": { "Fn::GetAtt": ["ConsoleRole", "Arn"] } }) {
                    problems.push(format!("{id} trusts {}", statement["Principal"]));
                }
                continue;
            }
            let trusted = match statement["Principal"]["Service"].as_str() {
                Some("lambda.amazonaws.com") => true,
                Some("apigateway.amazonaws.com") => id == "IntakeRole",
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
            Some(Value::Array(statements)) => statements.iter().for_each(|one| collect_branches(one, found)),
            Some(statement) => found.push(statement),
            None => map.values().for_each(|inner| collect_statements(inner, found)),
        },
        Value::Array(items) => items.iter().for_each(|inner| collect_statements(inner, found)),
        _ => {}
    }
}

/// What a statement is, whichever conditions hold.
fn collect_branches<'a>(one: &'a Value, found: &mut Vec<&'a Value>) {
    match one.get("Fn::If") {
        Some(branches) => [&branches[1], &branches[2]].into_iter().for_each(|branch| collect_branches(branch, found)),
        None if one["Ref"] == "AWS::NoValue" => {}
        None => found.push(one),
    }
}

fn is_mailing(statement: &Value) -> bool {
    strings(&statement["Action"]) == ["ses:SendEmail"]
}

/// What intrinsic functions make of the parameter Sender.
fn resolved(value: &Value, sender: &str) -> Option<Value> {
    if let Some(arguments) = value.get("Fn::Select") {
        let at = usize::try_from(arguments[0].as_u64()?).ok()?;
        return resolved(&arguments[1], sender)?.get(at).cloned();
    }
    if let Some(arguments) = value.get("Fn::Split") {
        let text = resolved(&arguments[1], sender)?;
        return Some(text.as_str()?.split(arguments[0].as_str()?).collect());
    }
    if let Some(text) = value.get("Fn::Sub") {
        return Some(text.as_str()?.replace("${Sender}", sender).into());
    }
    None
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
