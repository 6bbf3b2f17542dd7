//! What a function answers to a batch of messages, as an event source mapping reads it.

use std::collections::HashSet;

use serde_json::{Value, json};

/// The field that lists the messages that failed.
const FAILURES: &str = "batchItemFailures";

/// The field of each of them that has the message's id.
const ID: &str = "itemIdentifier";

/// The answer of a function to which these messages failed.
#[must_use]
pub fn of_failures<'m>(ids: impl IntoIterator<Item = &'m str>) -> Vec<u8> {
    let failures: Vec<_> = ids.into_iter().map(|id| json!({ ID: id })).collect();
    json!({ FAILURES: failures }).to_string().into_bytes()
}

/// The messages of a batch that may be deleted: those that `answer` doesn't name. An answer without failures is a
/// complete success, be it `null` or `{}`. One that isn't JSON, or that names a message by an id that is empty, null,
/// under another key or not of the batch, is a complete failure (AWS Lambda Developer Guide, "Handling errors for an SQS
/// event source in Lambda": success and failure conditions). Of an answer of another kind, a number or a list, AWS says
/// nothing: it is a failure too, because what isn't deleted only comes back.
#[must_use]
pub fn dealt_with<'m, M>(batch: &'m [M], id: impl Fn(&M) -> &str, answer: &[u8]) -> Vec<&'m M> {
    let Some(failed) = failed_ids(answer) else { return Vec::new() };
    if !failed.is_empty() {
        let given: HashSet<&str> = batch.iter().map(&id).collect();
        if failed.iter().any(|id| id.is_empty() || !given.contains(id.as_str())) {
            return Vec::new();
        }
    }
    batch.iter().filter(|message| !failed.contains(id(message))).collect()
}

/// The ids that an answer names; none, if it can't be read.
fn failed_ids(answer: &[u8]) -> Option<HashSet<String>> {
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    if !matches!(answer, Value::Null | Value::Object(_)) {
        return None;
    }
    match answer.get_mut(FAILURES).map(Value::take) {
        None | Some(Value::Null) => Some(HashSet::new()),
        Some(Value::Array(failures)) => {
            failures.iter().map(|failure| failure.get(ID)?.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: [&str; 3] = ["m-1", "m-2", "m-3"];

    fn done(answer: &str) -> Vec<&'static str> {
        dealt_with(&BATCH, |id| *id, answer.as_bytes()).into_iter().copied().collect()
    }

    #[test]
    fn an_answer_without_failures_is_a_complete_success() {
        for answer in ["null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#, r#"{"ok":true}"#] {
            assert_eq!(done(answer), BATCH, "{answer}");
        }
    }

    #[test]
    fn what_an_answer_names_has_failed_and_the_rest_is_done() {
        assert_eq!(done(r#"{"batchItemFailures":[{"itemIdentifier":"m-2"}]}"#), ["m-1", "m-3"]);
        assert_eq!(done(r#"{"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-2"}]}"#).len(), 2);
    }

    #[test]
    fn an_answer_that_names_no_message_of_the_batch_is_a_complete_failure() {
        let one = |item: &str| format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"m-1"}},{item}]}}"#);
        for item in [
            r#"{"foo":"x"}"#,
            r#"{"itemIdentifier":""}"#,
            r#"{"itemIdentifier":null}"#,
            r#"{"itemIdentifier":"unknown"}"#,
            r#"{"itemIdentifier":1}"#,
            r#"{"itemidentifier":"m-2"}"#,
            "{}",
            "null",
            r#""m-2""#,
        ] {
            assert_eq!(done(&one(item)), [""; 0], "{item}");
        }
    }

    #[test]
    fn an_answer_of_another_kind_is_a_complete_failure() {
        for answer in ["", "{", "Internal error", "1", "[]", r#""ok""#, r#"{"batchItemFailures":{}}"#] {
            assert_eq!(done(answer), [""; 0], "{answer}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(done(&String::from_utf8(of_failures(["m-3", "m-1"])).unwrap()), ["m-2"]);
        assert_eq!(done(&String::from_utf8(of_failures([])).unwrap()), BATCH);
    }
}
