//! A queue's message: anyone who may send to the queue may have written it.

use jiff::Timestamp;
use pulse_core::{batch_answer, message::WorkMessage};
use serde_json::Value;

use crate::quotes_nothing;

/// The body of a message, and a function's answer to a batch.
///
/// # Panics
/// When a message that was read isn't read again as the same, a cause quotes it, or an answer deletes a message that it names.
pub fn check(data: &[u8]) {
    let answer: Option<Value> = serde_json::from_slice(data).ok();
    let failures = answer.as_ref().and_then(|answer| answer.get("batchItemFailures")?.as_array());
    for id in batch_answer::dealt_with(&["m-1", "m-2"], |id| *id, data) {
        assert!(answer.is_some(), "an answer that can't be read deletes a message");
        let named = failures.is_some_and(|failures| failures.iter().any(|failure| failure["itemIdentifier"] == **id));
        assert!(!named, "a message that failed is deleted");
    }
    let Ok(body) = str::from_utf8(data) else { return };
    match WorkMessage::parse(body, Timestamp::UNIX_EPOCH) {
        Ok(message) => {
            let again = WorkMessage::parse(&message.body(), Timestamp::UNIX_EPOCH);
            assert_eq!(again, Ok(message), "what is written is read back");
        }
        Err(cause) => quotes_nothing(&cause),
    }
}
