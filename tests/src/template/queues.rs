//! Queues: how long a message is out, how long it is kept, where it ends, and who may reach it.

use serde_json::Value;

use super::{Template, arn_of, reference};

const DAY: u64 = 86_400;
const RECEIVES: u64 = 5;

/// Visibility is at least 6 x the function's timeout + the batching window.
///
/// See "Creating and configuring an Amazon SQS event source mapping" in the Lambda developer guide.
#[must_use]
pub fn visibility_outlasts_the_function(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for mapping in template.mappings() {
        let queue = mapping.queue().and_then(|id| template.at(&format!("/Resources/{id}/Properties")));
        let visibility = queue.and_then(|queue| template.number(&queue["VisibilityTimeout"]));
        let timeout = template.number(&mapping.function["Timeout"]);
        let window = template.number(&mapping.event["MaximumBatchingWindowInSeconds"]);
        let needed = timeout.zip(window).map(|(timeout, window)| 6 * timeout + window);
        if visibility.zip(needed).is_none_or(|(visibility, needed)| visibility < needed) {
            problems.push(format!("{}: visibility {visibility:?} s is below {needed:?} s", mapping.name));
        }
    }
    problems
}

/// Every queue that is not itself a dead-letter queue has one, of this stack, which admits it by name.
#[must_use]
pub fn each_queue_has_a_dead_letter_queue(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, queue) in sources(template) {
        match dead_letter_queue(template, queue) {
            None => problems.push(format!("{id} has no dead-letter queue of this stack")),
            Some(dlq) if !admits(dlq, queue) => {
                problems.push(format!("the dead-letter queue of {id} does not admit it"));
            }
            Some(_) => {}
        }
    }
    problems
}

/// Dead letters are kept for the 14 days that SQS allows, and longer than the 10 or more of their source,
/// because a moved message keeps the time at which it was first queued. What the intake takes in has addresses in it, and
/// is kept for four.
#[must_use]
pub fn dead_letters_are_kept_longest(template: &Template) -> Vec<String> {
    let kept = |queue: &Value| template.number(&queue["MessageRetentionPeriod"]).unwrap_or(4 * DAY);
    let mut problems = Vec::new();
    for (id, queue) in template.resources("AWS::SQS::Queue") {
        if is_dead_letter_queue(queue) && kept(queue) != 14 * DAY {
            problems.push(format!("{id} keeps dead letters for {} s, not 14 days", kept(queue)));
        }
    }
    for (id, queue) in sources(template) {
        let longest = dead_letter_queue(template, queue).map_or(0, kept);
        let is_right = if is_of_the_intake(id) { kept(queue) == 4 * DAY } else { kept(queue) >= 10 * DAY };
        if !is_right || kept(queue) >= longest {
            problems.push(format!("{id} keeps messages {} s, its dead-letter queue {longest} s", kept(queue)));
        }
    }
    problems
}

/// Every queue of a stage gives a message up after the same number of receives, and every function knows it: on the
/// last one it writes Failed. What the intake takes in comes back, beside its own failures, for each claim of a mail's tries.
#[must_use]
pub fn receive_counts_agree(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, queue) in sources(template) {
        let count = template.number(&queue["RedrivePolicy"]["maxReceiveCount"]);
        let meant = if is_of_the_intake(id) { 2 * RECEIVES } else { RECEIVES };
        if count != Some(meant) {
            problems.push(format!("{id} gives a message up after {count:?} receives, not {meant}"));
        }
    }
    for (id, function) in template.functions() {
        let count = template.number(&function["Environment"]["Variables"]["MAX_RECEIVE_COUNT"]);
        let meant = if id == "FeedbackFunction" { 2 * RECEIVES } else { RECEIVES };
        if count != Some(meant) {
            problems.push(format!("{id} is told of {count:?} receives, not {meant}"));
        }
    }
    problems
}

/// Every queue is encrypted at rest, and refuses who comes without TLS.
#[must_use]
pub fn each_queue_is_encrypted(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, queue) in template.resources("AWS::SQS::Queue") {
        if queue["SqsManagedSseEnabled"] != true {
            problems.push(format!("{id} is not encrypted at rest"));
        }
        if !template.resources("AWS::SQS::QueuePolicy").any(|(_, policy)| refuses_plain_http(policy, id)) {
            problems.push(format!("{id} takes requests without TLS"));
        }
    }
    problems
}

/// Whether a queue policy denies everybody everything on that queue without TLS, loopback apart: from there
/// nothing reaches AWS, and a local emulator serves plain HTTP.
fn refuses_plain_http(policy: &Value, queue: &str) -> bool {
    let attached = policy["Queues"]
        .as_array()
        .is_some_and(|queues| queues.iter().any(|attached| reference(attached) == Some(queue)));
    let statements = policy["PolicyDocument"]["Statement"].as_array();
    attached
        && statements.into_iter().flatten().any(|statement| {
            let conditions = statement["Condition"].as_object();
            statement["Effect"] == "Deny"
                && statement["Principal"] == "*"
                && statement["Action"] == "sqs:*"
                && arn_of(&statement["Resource"]) == Some(queue)
                && conditions.is_some_and(|conditions| {
                    conditions.iter().all(|(operator, condition)| match operator.as_str() {
                        "Bool" => *condition == serde_json::json!({ "aws:SecureTransport": false }),
                        "NotIpAddress" => *condition == serde_json::json!({ "aws:SourceIp": "127.0.0.0/8" }),
                        _ => false,
                    })
                })
                && conditions.is_some_and(|conditions| conditions.contains_key("Bool"))
        })
}

fn is_of_the_intake(queue: &str) -> bool {
    ["FeedbackQueue", "UnsubscribeQueue"].contains(&queue)
}

fn sources(template: &Template) -> impl Iterator<Item = (&str, &Value)> {
    template.resources("AWS::SQS::Queue").filter(|(_, queue)| !is_dead_letter_queue(queue))
}

/// A dead-letter queue says which queues may move messages to it, if any.
fn is_dead_letter_queue(queue: &Value) -> bool {
    queue["RedriveAllowPolicy"].is_object()
}

fn dead_letter_queue<'a>(template: &'a Template, queue: &Value) -> Option<&'a Value> {
    let id = arn_of(&queue["RedrivePolicy"]["deadLetterTargetArn"])?;
    template.at(&format!("/Resources/{id}/Properties")).filter(|queue| is_dead_letter_queue(queue))
}

/// Whether a dead-letter queue's allow policy names the source: its ARN ends with the source's name.
fn admits(dlq: &Value, source: &Value) -> bool {
    let allow = &dlq["RedriveAllowPolicy"];
    let Some(name) = source["QueueName"]["Fn::Sub"].as_str() else {
        return false;
    };
    let arns = allow["sourceQueueArns"].as_array();
    let named = |arn: &Value| arn["Fn::Sub"].as_str().is_some_and(|arn| arn.ends_with(&format!("}}:{name}")));
    allow["redrivePermission"] == "byQueue" && arns.is_some_and(|arns| arns.len() == 1 && arns.iter().all(named))
}
