//! SQS batches, as Lambda hands them over and takes the answer.

use std::future::Future;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use pulse_core::{ports::Receipt, stage::RawMessage, trace::TraceHeader};

/// A batch that can't be taken: the whole of it comes back later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of the batch has no {0}: is the function's event source an SQS queue?")]
pub struct BatchError(pub(crate) &'static str);

/// Takes a batch apart, has `work` done, and answers with the ids that must come back (AWS Lambda
/// Developer Guide, "Handling errors for an SQS event source": partial batch responses).
///
/// # Errors
/// When a record lacks what SQS always gives.
pub async fn answer<Working>(
    event: SqsEvent,
    work: impl FnOnce(Vec<RawMessage>) -> Working,
) -> Result<SqsBatchResponse, BatchError>
where
    Working: Future<Output = Vec<String>>,
{
    let messages = event.records.into_iter().map(raw_message).collect::<Result<Vec<_>, _>>()?;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = work(messages).await.into_iter().map(failure).collect();
    Ok(response)
}

/// The moment an invocation must have ended, from the Runtime API's milliseconds since 1970.
#[must_use]
pub fn deadline(milliseconds: u64) -> Timestamp {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .unwrap_or(Timestamp::MIN)
}

/// What SQS says of a record: how often it was received, and when it was sent.
pub(crate) fn received(record: &SqsMessage) -> Result<(u32, Timestamp), BatchError> {
    let attribute = |name: &'static str| {
        let value = record.attributes.get(name).and_then(|value| value.parse::<i64>().ok());
        value.ok_or(BatchError(name))
    };
    let (receive_count, sent_at) = (attribute("ApproximateReceiveCount")?, attribute("SentTimestamp")?);
    let sent_at = Timestamp::from_millisecond(sent_at).map_err(|_| BatchError("SentTimestamp"))?;
    Ok((u32::try_from(receive_count).unwrap_or(1), sent_at))
}

fn raw_message(record: SqsMessage) -> Result<RawMessage, BatchError> {
    let (receive_count, sent_at) = received(&record)?;
    // One that can't be read is as good as none.
    let trace = record.attributes.get("AWSTraceHeader").and_then(|header| TraceHeader::parse(header).ok());
    Ok(RawMessage {
        receive_count,
        sent_at,
        message_id: record.message_id.ok_or(BatchError("messageId"))?,
        receipt: Receipt(record.receipt_handle.ok_or(BatchError("receiptHandle"))?),
        body: record.body.unwrap_or_default(),
        trace,
    })
}

pub(crate) fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(receipt: &str) -> SqsEvent {
        let json = format!(
            r#"{{"Records":[{{"messageId":"m-1",{receipt}"body":"hello",
            "attributes":{{"ApproximateReceiveCount":"2","SentTimestamp":"1793700000123"}}}}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[tokio::test]
    async fn a_batch_is_taken_apart_and_answered_with_the_failed_ids() {
        let response = answer(event(r#""receiptHandle":"r-1","#), async |messages: Vec<RawMessage>| {
            assert_eq!(messages[0].receive_count, 2);
            assert_eq!(messages[0].sent_at.as_millisecond(), 1_793_700_000_123);
            assert_eq!(messages[0].body, "hello");
            vec![messages[0].message_id.clone()]
        });
        let json = serde_json::to_string(&response.await.unwrap()).unwrap();
        assert_eq!(json, r#"{"batchItemFailures":[{"itemIdentifier":"m-1"}]}"#);
    }

    #[tokio::test]
    async fn a_record_without_a_receipt_fails_the_whole_batch() {
        let refused = answer(event(""), async |_| Vec::new()).await;
        assert_eq!(refused, Err(BatchError("receiptHandle")));
    }
}
