//! The account that the stack is deployed to: what it has to have, and what its names may be.

use pulse_core::stage::{Moves, StageName};
use pulse_template::Stage;

use super::Template;

/// The limit of concurrency of many new accounts (AWS Lambda Developer Guide, "Lambda quotas": "New AWS accounts have
/// reduced concurrency"), of which nothing can be reserved.
const NEW_ACCOUNT: u64 = 10;

/// What Lambda leaves to functions that reserve nothing (AWS Lambda Developer Guide, "Configuring reserved concurrency").
const UNRESERVED: u64 = 100;

/// Mails a second from the sandbox (Amazon SES Developer Guide, "Request production access").
const SANDBOX_RATE: u64 = 1;

/// The longest names (AWS Lambda API Reference, `CreateFunction`; Amazon SQS API Reference, `CreateQueue`; Amazon
/// EventBridge Scheduler API Reference, `CreateScheduleGroup`).
const NAMES: [(&str, &str, usize); 3] = [
    ("AWS::Serverless::Function", "FunctionName", 64),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::Scheduler::ScheduleGroup", "Name", 64),
];

/// The parameters that `page` has for a new account are the template's, within their bounds, and fit such an account, where
/// nobody is told of anything and no partner is called: the deliver stage has nothing to do then.
#[must_use]
pub fn a_new_one_has_parameters_that_fit(template: &Template, page: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let line = page.lines().find_map(|line| line.strip_prefix("parameter_overrides = \"ReserveConcurrency="));
    let Some(line) = line.and_then(|line| line.strip_suffix('"')) else {
        return vec!["there are no parameters for a new account".into()];
    };
    let line = format!("ReserveConcurrency={line}");
    let pairs: Vec<_> = line.split(' ').filter_map(|pair| pair.split_once('=')).collect();
    for (name, value) in &pairs {
        if !takes(template, name, value) {
            problems.push(format!("the template doesn't take {name}={value}"));
        }
    }
    let given = |name: &str| pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
    let number = |name: &str| given(name).and_then(|value| value.parse().ok()).or_else(|| default(template, name));
    if given("ReserveConcurrency") != Some("false") {
        problems.push("a new account has no concurrency to reserve".into());
    }
    let busy = template.stages().iter().filter(|stage| !moves_word(stage) && stage.condition.is_none());
    let stages = busy.map(|stage| number(&format!("{}MaximumConcurrency", stage.id)));
    let at_once = stages.sum::<Option<u64>>().map(|stages| stages + beside_the_stages(template));
    if at_once.is_none_or(|at_once| at_once > NEW_ACCOUNT) {
        problems.push(format!("{at_once:?} invocations at once are more than {NEW_ACCOUNT}"));
    }
    if number("SesRate").is_none_or(|rate| rate > SANDBOX_RATE) {
        problems.push(format!("SES's sandbox takes {SANDBOX_RATE} mail a second"));
    }
    problems
}

/// The concurrency that an account needs with the defaults is what `text` says.
#[must_use]
pub fn what_is_needed_is_said(template: &Template, text: &str) -> Vec<String> {
    let stages = template.stages().iter().map(|stage| default(template, &format!("{}MaximumConcurrency", stage.id)));
    let needed = stages.sum::<Option<u64>>().map(|stages| stages + beside_the_stages(template) + UNRESERVED);
    let is_said = needed
        .is_some_and(|needed| text.split(|c: char| !c.is_ascii_digit()).any(|number| number == needed.to_string()));
    if is_said { Vec::new() } else { vec![format!("an account needs {needed:?}, which isn't said")] }
}

/// How long the stack's name may be is what `page` says: as long as every name that begins with it is taken.
#[must_use]
pub fn how_long_its_name_may_be_is_said(template: &Template, page: &str) -> Vec<String> {
    let mut most = usize::MAX;
    for (kind, property, longest) in NAMES {
        for (_, resource) in template.resources(kind) {
            let name = resource[property]["Fn::Sub"].as_str().unwrap_or("${AWS::StackName}");
            most = most.min(longest - name.trim_start_matches("${AWS::StackName}").len());
        }
    }
    let said = format!("A stack's name may have {most} characters");
    if page.contains(&said) { Vec::new() } else { vec![format!("it isn't said: {said}")] }
}

fn moves_word(stage: &Stage) -> bool {
    stage.name.parse().is_ok_and(|stage: StageName| stage.spec().moves == Moves::Deliveries)
}

fn default(template: &Template, parameter: &str) -> Option<u64> {
    template.at(&format!("/Parameters/{parameter}/Default"))?.as_u64()
}

/// What the functions that aren't stages' may run at once: one of each that runs by the clock, and what the feedback
/// function's mappings may have.
fn beside_the_stages(template: &Template) -> u64 {
    let clock = template.functions().into_iter().filter(|(_, function)| {
        function["Events"].as_object().is_some_and(|events| events.values().all(|event| event["Type"] == "Schedule"))
    });
    let intake = template.mappings().into_iter().filter(super::Mapping::is_of_the_intake);
    let intake = intake.filter_map(|mapping| template.number(&mapping.event["ScalingConfig"]["MaximumConcurrency"]));
    clock.count() as u64 + intake.sum::<u64>()
}

fn takes(template: &Template, parameter: &str, value: &str) -> bool {
    let Some(parameter) = template.at(&format!("/Parameters/{parameter}")) else { return false };
    if let Some(allowed) = parameter["AllowedValues"].as_array() {
        return allowed.iter().any(|allowed| allowed.as_str() == Some(value));
    }
    let bound = |name: &str| parameter[name].as_u64();
    let Ok(number) = value.parse::<u64>() else { return parameter["Type"] == "String" };
    bound("MinValue").is_none_or(|least| number >= least) && bound("MaxValue").is_none_or(|most| number <= most)
}
