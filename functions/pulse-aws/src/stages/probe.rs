//! A few messages, handed to a stage's function past its mapping.

use std::time::Duration;

use aws_sdk_lambda::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    primitives::Blob,
};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use pulse_core::{
    batch_answer,
    entry::StageName,
    ports::{Probed, StageError},
};
use serde_json::{Value, json};

use super::{LambdaStages, StageAddress, failed};
use crate::sdk::failure::{LAMBDA, SQS_CONTROL};

/// The longest that the answer is waited for: two calls to a provider that doesn't answer, and the start of
/// the function. A function that takes longer goes on, and its messages come back later.
const LONGEST: Duration = Duration::from_mins(1);

/// Long polling asks all of a queue's servers, and not only some that may hold none of its few messages (Amazon SQS
/// Developer Guide, "Amazon SQS short and long polling").
const WAIT_SECONDS: i32 = 1;

/// The most messages of a receive (Amazon SQS API Reference, `ReceiveMessage`).
const MOST: usize = 10;

impl LambdaStages {
    /// Receives, invokes and deletes, as a mapping does it. The function's reserved concurrency holds for
    /// this too, so no lane is exceeded.
    pub(super) async fn hand_over_a_few(&self, stage: StageName, at_most: usize) -> Result<Probed, StageError> {
        let address = self.address(stage)?;
        let messages = self.receive(stage, address, at_most.min(MOST)).await?;
        if messages.is_empty() {
            return Ok(Probed::default());
        }
        let count = messages.len();
        let done = match self.invoke(stage, address, &messages).await {
            Ok(answer) => done(&messages, answer.as_deref()),
            Err(error) => {
                self.give_back(address, &messages).await;
                return Err(error);
            }
        };
        let failed = count - done.len();
        for message in done {
            let receipt = message.receipt_handle().unwrap_or_default();
            // One that isn't deleted comes once more, and does no harm.
            let _ = self.sqs.delete_message().queue_url(&address.queue_url).receipt_handle(receipt).send().await;
        }
        Ok(Probed { messages: count, failed })
    }

    async fn receive(
        &self,
        stage: StageName,
        address: &StageAddress,
        at_most: usize,
    ) -> Result<Vec<Message>, StageError> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(&address.queue_url)
            .max_number_of_messages(i32::try_from(at_most).unwrap_or(1))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::AwsTraceHeader);
        let answer = receive.send().await.map_err(|error| failed(stage, SQS_CONTROL, &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// What the function answered, or nothing if it had no answer: it failed, or takes too long.
    async fn invoke(
        &self,
        stage: StageName,
        address: &StageAddress,
        messages: &[Message],
    ) -> Result<Option<Vec<u8>>, StageError> {
        let payload = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
        let patient =
            aws_sdk_lambda::config::Builder::default().timeout_config(patience()).retry_config(RetryConfig::disabled());
        let invoke = self
            .lambda
            .invoke()
            .function_name(&address.function)
            .payload(Blob::new(payload.to_string()))
            .customize()
            .config_override(patient);
        let answer = match invoke.send().await {
            Err(error) if error.as_service_error().is_none() => return Ok(None),
            answer => answer.map_err(|error| failed(stage, LAMBDA, &error))?,
        };
        let has_failed = answer.function_error().is_some();
        Ok(if has_failed { None } else { answer.payload.map(Blob::into_inner) })
    }

    async fn give_back(&self, address: &StageAddress, messages: &[Message]) {
        for message in messages {
            let hide = self.sqs.change_message_visibility().queue_url(&address.queue_url).visibility_timeout(0);
            let _ = hide.receipt_handle(message.receipt_handle().unwrap_or_default()).send().await;
        }
    }
}

/// What isn't said here is merged from the client, whose attempts are given up early: a provider that takes long would never be
/// found well again.
fn patience() -> TimeoutConfig {
    TimeoutConfig::builder().operation_timeout(LONGEST).operation_attempt_timeout(LONGEST).build()
}

/// A message as Lambda hands it over (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS": example
/// message event).
fn record(message: &Message) -> Value {
    let attributes: serde_json::Map<_, _> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), Value::String(value.clone())))
        .collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    })
}

/// The messages that may be deleted, by what the function answered; none, if it had no answer.
fn done<'m>(messages: &'m [Message], answer: Option<&[u8]>) -> Vec<&'m Message> {
    fn id(message: &Message) -> &str {
        message.message_id().unwrap_or_default()
    }
    answer.map_or_else(Vec::new, |answer| batch_answer::dealt_with(messages, id, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk;

    fn message(id: &str) -> Message {
        let message = Message::builder().message_id(id).receipt_handle("r").body("hello");
        message.attributes(MessageSystemAttributeName::ApproximateReceiveCount, "2").build()
    }

    #[test]
    fn nothing_is_deleted_that_the_answer_of_a_broken_version_does_not_clearly_say_is_done() {
        let messages = ["m-1", "m-2"].map(message);
        let done = |answer: Option<&str>| done(&messages, answer.map(str::as_bytes)).len();
        assert_eq!(done(Some(r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#)), 1);
        assert_eq!(done(Some(r#"{"batchItemFailures":[]}"#)), 2);
        assert_eq!(done(Some(r#"{"batchItemFailures":[{"foo":"x"}]}"#)), 0);
        assert_eq!((done(Some("not JSON")), done(None)), (0, 0));
    }

    #[test]
    fn a_provider_that_answers_later_than_the_client_would_wait_is_waited_for() {
        let mut merged = patience();
        merged.take_defaults_from(sdk::for_emulator("http://127.0.0.1").timeout_config().expect("timeouts"));
        assert_eq!(merged.operation_attempt_timeout(), Some(LONGEST));
    }

    #[test]
    fn a_message_is_handed_over_as_lambda_does_it() {
        let record = record(&message("m-1"));
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "2");
        assert_eq!((&record["messageId"], &record["body"]), (&"m-1".into(), &"hello".into()));
    }
}
