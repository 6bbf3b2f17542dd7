//! Functions and their event source mappings: batches, concurrency, time, logs.

use std::collections::BTreeSet;

use pulse_core::{audit::AuditRequest, stage::CLOSING_TIME};
use pulse_template::Stage;
use serde_json::Value;

use super::{Mapping, Template, reference};

/// The most that Lambda hands to a function at once, in bytes (AWS Lambda Developer Guide, "Lambda quotas": invocation payload).
const PAYLOAD: u64 = 6_000_000;

/// The most that a stage's message takes of it. Its body names an entry in some 100 bytes; its receipt, its ids and its attributes, of
/// which one is the trace, take ten times as much.
const RECORD: u64 = 4_096;

/// Partial batch responses are on, a batch fits an invocation, and Lambda waits for it: above ten
/// messages it refuses a window of none (AWS Lambda API Reference, `CreateEventSourceMapping`). What outsiders post is larger: of that a
/// batch is at most 100.
#[must_use]
pub fn batches_are_partial_and_bounded(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for mapping in template.mappings() {
        let most = if mapping.is_of_the_intake() { 100 } else { PAYLOAD / RECORD };
        let Mapping { name, event, .. } = mapping;
        if event["FunctionResponseTypes"] != serde_json::json!(["ReportBatchItemFailures"]) {
            problems.push(format!("{name} reports no partial failures: one bad message fails its batch"));
        }
        let batch = template.number(&event["BatchSize"]);
        if !batch.is_some_and(|batch| (1..=most).contains(&batch)) {
            problems.push(format!("{name} takes batches of {batch:?}, not of 1 to {most}"));
        }
        let window = template.number(&event["MaximumBatchingWindowInSeconds"]);
        if !window.is_some_and(|window| (1..=300).contains(&window)) {
            problems.push(format!("{name} waits {window:?} s for a batch, not 1 to 300"));
        }
    }
    problems
}

/// Every function has a mapping, or is behind a URL, or runs by the clock and alone. Reserved concurrency is the mapping's maximum, by
/// the same parameter, which is never below the 2 that Lambda asks for, or the maximum of its mappings together. With less,
/// Lambda throttles batches that it has received.
#[must_use]
pub fn reserved_concurrency_covers_the_mapping(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, function) in template.functions() {
        let has_mapping = template.mappings().iter().any(|mapping| mapping.name.starts_with(&format!("{id}.")));
        let by_the_clock = function["Events"]
            .as_object()
            .is_some_and(|events| events.values().all(|event| event["Type"] == "Schedule") && !events.is_empty());
        let is_behind_a_url =
            template.resources("AWS::Lambda::Url").any(|(_, url)| reference(&url["TargetFunctionArn"]) == Some(id));
        if !has_mapping && !by_the_clock && !is_behind_a_url {
            problems.push(format!("{id} takes from no queue, has no URL and doesn't run by the clock"));
        }
        let reserved = reserved(&function);
        if reserved.is_none() {
            problems.push(format!("{id} reserves concurrency whatever ReserveConcurrency says, or none at all"));
        }
        if by_the_clock && reserved.and_then(|reserved| template.number(reserved)) != Some(1) {
            problems.push(format!("{id} runs by the clock, and may run beside itself"));
        }
    }
    let intake: Vec<_> = template.mappings().into_iter().filter(Mapping::is_of_the_intake).collect();
    let maxima =
        intake.iter().filter_map(|mapping| template.number(&mapping.event["ScalingConfig"]["MaximumConcurrency"]));
    let (of_the_intake, mapping_of_the_intake) = (maxima.sum::<u64>(), intake.iter().map(|one| one.name.clone()));
    let mapping_of_the_intake: BTreeSet<_> = mapping_of_the_intake.collect();
    for Mapping { name, function, event } in template.mappings() {
        let maximum = &event["ScalingConfig"]["MaximumConcurrency"];
        let reserved = reserved(&function);
        if mapping_of_the_intake.contains(&name) {
            if reserved.and_then(|reserved| template.number(reserved)) != Some(of_the_intake) {
                problems.push(format!("{name}: reserved {reserved:?} is not the {of_the_intake} of all its mappings"));
            }
        } else if reference(maximum).is_none() || reserved != Some(maximum) {
            problems.push(format!("{name}: reserved {reserved:?} and maximum {maximum} are not one parameter"));
        }
        for (which, value) in [("least", template.least(maximum)), ("default", template.number(maximum))] {
            if value.is_none_or(|value| value < 2) {
                problems.push(format!("{name}: the {which} concurrency is {value:?}, Lambda takes 2 or more"));
            }
        }
    }
    problems
}

/// What a function reserves where the account has concurrency to reserve. Where it hasn't, it reserves nothing.
fn reserved(function: &Value) -> Option<&Value> {
    let branches = &function["ReservedConcurrentExecutions"]["Fn::If"];
    let is_switched = branches[0] == "ReservesConcurrency" && branches[2]["Ref"] == "AWS::NoValue";
    is_switched.then_some(&branches[1])
}

/// The bill reckons with the memory that the functions have.
#[must_use]
pub fn the_bill_has_their_memory(template: &Template) -> Vec<String> {
    use pulse_core::bill::{CONSOLE_MEMORY_GB, FEEDBACK_MEMORY_GB, STAGE_MEMORY_GB, TICK_MEMORY_GB};
    let mut problems = Vec::new();
    for (id, function) in template.functions() {
        let is_of_a_stage = template.mappings().iter().any(|mapping| mapping.name.starts_with(&format!("{id}.")));
        let billed = match id {
            "TickFunction" => TICK_MEMORY_GB,
            "FeedbackFunction" => FEEDBACK_MEMORY_GB,
            "ConsoleFunction" => CONSOLE_MEMORY_GB,
            _ if is_of_a_stage => STAGE_MEMORY_GB,
            _ => continue,
        };
        let there = template.number(&function["MemorySize"]);
        if there.is_none_or(|there| (there as f64 / 1_024.0 - billed).abs() > f64::EPSILON) {
            problems.push(format!("{id} has {there:?} MB, and the bill reckons with {billed} GB"));
        }
    }
    problems
}

/// A full batch is done before the function's timeout even with the least calls in flight that the template
/// allows: batch / in flight x mean latency, then one call that takes as long as the client waits, and the worker's end.
#[must_use]
pub fn a_full_batch_can_be_finished(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for stage in template.stages() {
        let Some(mapping) = template.mappings().into_iter().find(|mapping| mapping.is_of(stage)) else {
            problems.push(format!("the function of {} takes from no queue", stage.name));
            continue;
        };
        let Mapping { name, function, event } = mapping;
        let variables = &function["Environment"]["Variables"];
        for in_flight in [template.least(&variables["IN_FLIGHT"]), template.number(&variables["IN_FLIGHT"])] {
            let needed_ms = || {
                let rounds = template.number(&event["BatchSize"])?.div_ceil(in_flight.filter(|n| *n > 0)?);
                let timeout = template.number(&variables[&stage.timeout_variable])?;
                Some(rounds * stage.mean_call_ms + (timeout + CLOSING_TIME.as_secs()) * 1_000)
            };
            let (needed, given) = (needed_ms(), template.number(&function["Timeout"]).map(|s| s * 1_000));
            if needed.zip(given).is_none_or(|(needed, given)| needed >= given) {
                problems.push(format!(
                    "{name}: with {in_flight:?} in flight a full batch takes {needed:?} ms of {given:?} ms"
                ));
            }
        }
    }
    problems
}

/// All functions run on one processor, which no parameter may change: `sam build` builds for a parameter's default, whatever
/// it is deployed with.
#[must_use]
pub fn what_is_built_is_what_runs(template: &Template) -> Vec<String> {
    let named: BTreeSet<_> =
        template.functions().iter().map(|(_, function)| function["Architectures"].to_string()).collect();
    let is_known = |named: &String| [r#"["x86_64"]"#, r#"["arm64"]"#].contains(&named.as_str());
    if named.len() == 1 && named.iter().all(is_known) {
        return Vec::new();
    }
    vec![format!("the functions run on {named:?}, not on x86_64 or on arm64, all of them")]
}

/// One event of the audit's clock begins an audit, and another goes on with it: what that says is what the function reads.
#[must_use]
pub fn an_audit_that_was_ended_goes_on(template: &Template) -> Vec<String> {
    let functions = template.functions();
    let audit = functions.iter().find(|(id, _)| *id == "AuditFunction").map(|(_, function)| &function["Events"]);
    let events = audit.and_then(Value::as_object).into_iter().flat_map(serde_json::Map::values);
    let request = |event: &Value| -> AuditRequest {
        let input = event["Properties"]["Input"].as_str().unwrap_or(r#"{"detail-type": "Scheduled Event"}"#);
        serde_json::from_str(input).unwrap_or_default()
    };
    let resume: BTreeSet<_> = events.map(|event| request(event).resume).collect();
    if resume == BTreeSet::from([false, true]) {
        return Vec::new();
    }
    vec![format!("the audit's clock should both begin audits and go on with them, and goes on: {resume:?}")]
}

/// Every function logs JSON to a log group of this stack that does not keep logs for ever, and Lambda leaves nothing of it
/// out: not what is asked for by `LogLevel`, nor metrics, which have no level and count as info.
#[must_use]
pub fn logs_are_json_and_kept_for_a_time(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, function) in template.functions() {
        let logging = &function["LoggingConfig"];
        if logging["LogFormat"] != "JSON" {
            problems.push(format!("{id} does not log JSON"));
        }
        if logging["ApplicationLogLevel"] != "TRACE" {
            problems.push(format!("{id} has Lambda leave out logs below {}", logging["ApplicationLogLevel"]));
        }
        let group = reference(&logging["LogGroup"]);
        let kept = group.and_then(|group| retention(template, group));
        if kept.is_none_or(|days| days == 0) {
            problems.push(format!("{id} logs to {group:?}, which has no retention"));
        }
    }
    problems
}

fn retention(template: &Template, group: &str) -> Option<u64> {
    let (_, properties): (_, &Value) = template.resources("AWS::Logs::LogGroup").find(|(id, _)| *id == group)?;
    template.number(&properties["RetentionInDays"])
}

/// The sweep gives a message up only after all that may keep it: the schedule's flexible window, and the
/// waits between its tries, at their longest (`pulse_core::backoff`), with a batch's time for each try. A try whose
/// worker dies hides its message for longer, the queue's visibility: the sweep may send another then, which does no
/// harm.
#[must_use]
pub fn the_sweep_waits_for_every_try(template: &Template) -> Vec<String> {
    use pulse_core::backoff::{FIRST_WAIT, LONGEST_WAIT};
    const WINDOW_SECONDS: u64 = 15 * 60;
    let tries =
        template.at("/Globals/Function/Environment/Variables/MAX_RECEIVE_COUNT").and_then(|n| template.number(n));
    let timeout = template.at("/Globals/Function/Timeout").and_then(|n| template.number(n));
    let Some((tries, timeout)) = tries.zip(timeout) else {
        return vec!["there is no MAX_RECEIVE_COUNT or no timeout".into()];
    };
    let waits: u64 =
        (1..tries).map(|attempt| (FIRST_WAIT.as_secs() << (2 * (attempt - 1))).min(LONGEST_WAIT.as_secs())).sum();
    let needed = WINDOW_SECONDS + waits + tries * timeout;
    let mut problems = Vec::new();
    for which in ["MinValue", "Default"] {
        let minutes = template.at(&format!("/Parameters/SweepGraceMinutes/{which}")).and_then(Value::as_u64);
        if minutes.is_none_or(|minutes| minutes * 60 < needed) {
            problems.push(format!("SweepGraceMinutes: {which} is {minutes:?}, but a message may take {needed} s"));
        }
        let policy = pulse_core::tick::SweepPolicy::default().grace.as_secs();
        if which == "Default" && minutes.is_none_or(|minutes| minutes * 60 != policy) {
            problems.push(format!("SweepGraceMinutes is {minutes:?}, and the commands reckon with {policy} s"));
        }
    }
    let sweeper = template.functions().into_iter().find(|(id, _)| *id == "TickFunction");
    let variables = sweeper.map(|(_, function)| function["Environment"]["Variables"].clone()).unwrap_or_default();
    let kept = template.number(&variables["QUEUE_RETENTION_SECONDS"]);
    for Stage { id, .. } in template.stages() {
        let queue = template.at(&format!("/Resources/{id}Queue/Properties/MessageRetentionPeriod"));
        if kept.is_none() || queue.and_then(|n| template.number(n)) != kept {
            problems.push(format!("the tick believes that {id}Queue keeps messages for {kept:?} s"));
        }
    }
    problems
}

/// The bounds and figures that `pulse lanes` and `pulse plan` reckon with are those of the template.
#[must_use]
pub fn the_commands_reckon_with_what_is_deployed(template: &Template) -> Vec<String> {
    use pulse_core::{
        lanes::{IN_FLIGHT, MAXIMUM_CONCURRENCY},
        plan::{CALL_TIMEOUT, SHIPPED_IN_FLIGHT, WINDOW},
        stage::StageName,
    };
    let mut problems = Vec::new();
    let mut hold = |what: String, there: Option<u64>, here: u64| {
        if there != Some(here) {
            problems.push(format!("{what} is {there:?}, and the commands reckon with {here}"));
        }
    };
    for (suffix, range) in [("MaximumConcurrency", MAXIMUM_CONCURRENCY), ("InFlight", IN_FLIGHT)] {
        for Stage { id, .. } in template.stages() {
            for (bound, here) in [("MinValue", range.start()), ("MaxValue", range.end())] {
                let pointer = format!("/Parameters/{id}{suffix}/{bound}");
                hold(pointer.clone(), template.at(&pointer).and_then(Value::as_u64), u64::from(*here));
            }
        }
    }
    for stage in StageName::OF_ENTRIES {
        let pointer = format!("/Parameters/{}InFlight/Default", stage.spec().title);
        hold(pointer.clone(), template.at(&pointer).and_then(Value::as_u64), u64::from(SHIPPED_IN_FLIGHT));
    }
    for mapping in template.mappings().into_iter().filter(|mapping| !mapping.is_of_the_intake()) {
        let stage = template.stages().iter().find(|stage| mapping.is_of(stage));
        let Mapping { name, function, event } = mapping;
        let variables = &function["Environment"]["Variables"];
        let patience = stage.and_then(|stage| template.number(&variables[&stage.timeout_variable]));
        // A stage that the table hasn't yet has what the others of entries have.
        let of_the_table = stage.and_then(|stage| stage.name.parse::<StageName>().ok());
        let spec = of_the_table.unwrap_or(StageName::Email).spec();
        hold(format!("the batch of {name}"), template.number(&event["BatchSize"]), spec.batch.into());
        let window = template.number(&event["MaximumBatchingWindowInSeconds"]);
        hold(format!("the window of {name}"), window, WINDOW.as_secs());
        hold(format!("the timeout of {name}"), template.number(&function["Timeout"]), spec.function_timeout.as_secs());
        hold(format!("the client's timeout of {name}"), patience, CALL_TIMEOUT.as_secs());
    }
    problems
}
