//! The queues, as far as the score stage calls them: messages are hidden, and the email stage is told.

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::{
    month::Case,
    tally::{Step, Tally},
};

/// Answers an operation; `None` for one that the stage has no business with.
pub(crate) fn answer(operation: &str, call: &Value, tally: &mut Tally) -> Option<Value> {
    let entries = call["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_of = |queue: &str| call["QueueUrl"].as_str().is_some_and(|url| url.ends_with(queue));
    let (queue, successful): (_, Vec<_>) = match operation {
        "ChangeMessageVisibilityBatch" => {
            ("/score", entries.iter().map(|entry| json!({ "Id": entry["Id"] })).collect())
        }
        "SendMessageBatch" => ("/email", entries.iter().map(|entry| sent(entry, tally)).collect()),
        _ => return None,
    };
    if !is_of(queue) || entries.len() != 10 {
        tally.fault(format!("{operation} of {} to {}", entries.len(), call["QueueUrl"]));
    }
    tally.count(operation);
    Some(json!({ "Successful": successful, "Failed": [] }))
}

fn sent(entry: &Value, tally: &mut Tally) -> Value {
    let body = entry["MessageBody"].as_str().unwrap_or_default();
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    match message["customer"].as_str().map(Case::of) {
        Some(case) if message == case.handed_on() => tally.step(case.id(), Step::Queued),
        _ => tally.fault(format!("a message to the email stage that says {body}")),
    }
    if entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str().is_none() {
        tally.fault("a message without its trace");
    }
    json!({ "Id": entry["Id"], "MessageId": "00000000-0000-4000-8000-000000000000", "MD5OfMessageBody": md5(body) })
}

/// The MD5 of a body, which the SDK for JavaScript compares with its own.
pub(crate) fn md5(body: &str) -> String {
    use std::fmt::Write as _;
    Md5::digest(body).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
