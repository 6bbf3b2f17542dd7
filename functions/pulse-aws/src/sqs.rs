//! Queues on SQS.

mod dead_letters;
mod intake;
mod move_task;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    error::BuildError,
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeNameForSends,
        MessageSystemAttributeValue, SendMessageBatchRequestEntry,
    },
};
use futures::future::join_all;
use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, IntakeQueue, QueueError, StageQueue, Visibility},
    trace::TraceHeader,
};

pub use self::{dead_letters::SqsDeadLetters, intake::SqsIntake};
use crate::{
    clock::SystemClock,
    sdk::failure::{self, CallFailure},
};

/// The most entries of a batch call (SQS API Reference, `ChangeMessageVisibilityBatch`, `SendMessageBatch`).
const BATCH: usize = 10;

/// Calls that hide a batch's messages side by side: each may take a handshake of its own, on a small share of a processor.
pub const HIDES_AT_ONCE: usize = 8;

/// The longest that a message is hidden. SQS takes 12 hours, counted from the receive, and refuses
/// more instead of cutting it (SQS API Reference, `ChangeMessageVisibility`): 15 minutes, the
/// longest that a Lambda runs, are left for the time since then.
const LONGEST: Duration = Duration::from_mins(12 * 60 - 15);

/// A stage's queue on SQS, or one of the intake, to which nobody sends from here. Needs `sqs:SendMessage` to send and
/// `sqs:ChangeMessageVisibility` to hide.
#[derive(Debug)]
pub struct SqsQueue {
    client: Client,
    name: &'static str,
    url: String,
}

impl SqsQueue {
    /// The queue of `stage` at `url`.
    #[must_use]
    pub fn new(client: Client, stage: StageName, url: impl Into<String>) -> Self {
        Self { client, name: stage.as_str(), url: url.into() }
    }

    /// A queue of the intake at `url`.
    #[must_use]
    pub fn of_intake(client: Client, queue: IntakeQueue, url: impl Into<String>) -> Self {
        Self { client, name: queue.as_str(), url: url.into() }
    }

    /// Queues up to ten messages in one call.
    async fn send_batch(&self, messages: &[WorkMessage]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let mut call = self.client.send_message_batch().queue_url(&self.url);
        for (index, message) in messages.iter().enumerate() {
            let (body, header) = self.body_and_trace(message)?;
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body);
            let entry = entry.set_message_group_id(message.group().map(str::to_owned));
            let entry = entry.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
            call = call.entries(entry.build().map_err(|error| self.error(Cause::new(error.to_string())))?);
        }
        let answer = call.send().await.map_err(|error| self.failed(failure::read(failure::SQS, &error)))?;
        let mut sent = vec![Ok(()); messages.len()];
        for failed in answer.failed() {
            let error = self.error(Cause::new(format!("SQS refused a message: {}.", failed.code())));
            match failed.id().parse().ok().and_then(|index: usize| sent.get_mut(index)) {
                Some(of_it) => *of_it = Err(error),
                None => return Err(error),
            }
        }
        Ok(sent)
    }

    fn body_and_trace(&self, message: &WorkMessage) -> Result<(String, MessageSystemAttributeValue), QueueError> {
        let body = message.body();
        let trace = trace_of(message, &body, SystemClock.now());
        let header = MessageSystemAttributeValue::builder().data_type("String").string_value(trace.as_str());
        Ok((body, header.build().map_err(|error| self.error(Cause::new(error.to_string())))?))
    }

    async fn hide_batch(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        let entries = changes.iter().enumerate().map(|(index, change)| entry(index, change));
        let entries = entries.collect::<Result<Vec<_>, _>>();
        let call = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.map_err(|error| self.error(Cause::new(error.to_string())))?));
        let answer = call.send().await.map_err(|error| self.failed(failure::read(failure::SQS, &error)))?;
        match answer.failed().iter().find(|failed| !is_stale_receipt(failed)) {
            None => Ok(()),
            Some(failed) => Err(self.error(Cause::new(format!("SQS refused to hide a message: {}.", failed.code())))),
        }
    }

    fn failed(&self, failure: CallFailure) -> QueueError {
        failure.of_queue(self.name)
    }

    fn error(&self, cause: Cause) -> QueueError {
        QueueError::Unavailable { queue: self.name.to_owned(), cause }
    }
}

#[async_trait]
impl StageQueue for SqsQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        let (body, header) = self.body_and_trace(message)?;
        let call = self.client.send_message().queue_url(&self.url).message_body(body);
        let call = call.set_message_group_id(message.group().map(str::to_owned));
        let call = call.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, header);
        let sent = call.send().await.map(drop);
        sent.map_err(|error| self.failed(failure::read(failure::SQS, &error)))
    }

    async fn send_all(&self, messages: &[WorkMessage]) -> Vec<Result<(), QueueError>> {
        if let [message] = messages {
            return vec![self.send(message).await];
        }
        let sent = join_all(messages.chunks(BATCH).map(|batch| self.send_batch(batch))).await;
        let of_each = |(batch, sent): (&[WorkMessage], Result<Vec<_>, QueueError>)| {
            sent.unwrap_or_else(|error| vec![Err(error); batch.len()])
        };
        messages.chunks(BATCH).zip(sent).flat_map(of_each).collect()
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        let mut hidden = Ok(());
        for together in changes.chunks(BATCH * HIDES_AT_ONCE) {
            // One that fails keeps none of the others from being made.
            let done = join_all(together.chunks(BATCH).map(|batch| self.hide_batch(batch))).await;
            hidden = hidden.and(done.into_iter().collect());
        }
        hidden
    }
}

/// A message's own trace. Without one, all that the tick queues in a minute would be of the tick's: on Lambda the SDK names
/// that in a header of the request, against endless loops, and SQS keeps it unless the message says otherwise (AWS X-Ray
/// Developer Guide, "Amazon SQS and AWS X-Ray").
fn trace_of(message: &WorkMessage, body: &str, now: Timestamp) -> TraceHeader {
    message.trace.clone().unwrap_or_else(|| TraceHeader::of_message(body, now))
}

fn entry(index: usize, change: &Visibility) -> Result<ChangeMessageVisibilityBatchRequestEntry, BuildError> {
    ChangeMessageVisibilityBatchRequestEntry::builder()
        .id(index.to_string())
        .receipt_handle(&change.receipt.0)
        .visibility_timeout(whole_seconds(change.hidden_for))
        .build()
}

fn whole_seconds(hidden_for: Duration) -> i32 {
    let hidden_for = hidden_for.min(LONGEST);
    let rounded_up = hidden_for.as_secs() + u64::from(hidden_for.subsec_nanos() > 0);
    i32::try_from(rounded_up).unwrap_or(i32::MAX)
}

/// Whether an entry failed only because its message is no longer this receipt's. SQS has three ways
/// to say so; the third, for a receipt that has expired, is told from other invalid parameters by
/// the parameter's name.
fn is_stale_receipt(failed: &BatchResultErrorEntry) -> bool {
    // With the XML protocol a code has a prefix: AWS.SimpleQueueService.MessageNotInflight.
    match failed.code().rsplit('.').next().unwrap_or_default() {
        "MessageNotInflight" | "ReceiptHandleIsInvalid" => true,
        "InvalidParameterValue" | "InvalidParameterValueException" => {
            failed.message().is_some_and(|message| message.contains("ReceiptHandle"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::{customer::CustomerId, entry::EntryId, run::RunId};

    use super::*;

    fn failed(code: &str, message: &str) -> BatchResultErrorEntry {
        let entry = BatchResultErrorEntry::builder().id("0").code(code).message(message);
        entry.sender_fault(true).build().unwrap()
    }

    #[test]
    fn receipts_that_are_no_longer_good_are_told_from_other_failures() {
        let expired = "Value AQEB for parameter ReceiptHandle is invalid. Reason: Message does not \
                       exist or is not available for visibility timeout change.";
        assert!(is_stale_receipt(&failed("InvalidParameterValue", expired)));
        assert!(is_stale_receipt(&failed("AWS.SimpleQueueService.MessageNotInflight", "")));
        assert!(is_stale_receipt(&failed("ReceiptHandleIsInvalid", "")));

        let too_long = "Value 43200 for parameter VisibilityTimeout is invalid.";
        assert!(!is_stale_receipt(&failed("InvalidParameterValue", too_long)));
        assert!(!is_stale_receipt(&failed("InternalError", "")));
    }

    #[test]
    fn each_message_is_of_a_trace_of_its_own_unless_it_goes_on_with_another() {
        let message = |customer: &str| {
            let id = EntryId::of(CustomerId::parse(customer).unwrap(), RunId::parse("2026-11").unwrap());
            WorkMessage::for_entry(&id)
        };
        let trace = |message: &WorkMessage| trace_of(message, &message.body(), Timestamp::UNIX_EPOCH);
        let (one, other) = (message("c-1"), message("c-2"));
        assert_ne!(trace(&one).root(), trace(&other).root());
        assert_eq!(TraceHeader::parse(trace(&one).as_str()), Ok(trace(&one)));
        let carried = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert_eq!(trace(&WorkMessage { trace: Some(carried.clone()), ..one }), carried);
    }

    #[test]
    fn times_are_rounded_up_and_kept_below_what_sqs_refuses() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(20)), 20);
        assert_eq!(whole_seconds(Duration::MAX), 42_300);
    }
}
