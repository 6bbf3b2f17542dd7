use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName,
    },
};
use jiff::Timestamp;
use pulse_core::{
    failure::Cause,
    ports::{
        DeadLetter, DeadLetters, DlqName, IntakeQueue, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt,
        Undelivered,
    },
};
use tokio::sync::OnceCell;

use super::{BATCH, is_stale_receipt, move_task::MoveTasks, whole_seconds};
use crate::sdk::failure;

/// How long a receive waits for a letter. With any wait at all, SQS asks all of its servers, so that an
/// empty answer means an empty queue (Amazon SQS Developer Guide, "Amazon SQS short and long polling").
const WAIT_SECONDS: i32 = 1;

/// A dead-letter queue on SQS.
///
/// Needs `sqs:ReceiveMessage`, `sqs:ChangeMessageVisibility`, `sqs:DeleteMessage` and
/// `sqs:GetQueueAttributes` on it; to have SQS move its letters also `sqs:StartMessageMoveTask` and
/// `sqs:ListMessageMoveTasks`, and `sqs:GetQueueAttributes` and `sqs:SendMessage` on the stage's queue.
#[derive(Debug)]
pub struct SqsDeadLetters {
    client: Client,
    name: DlqName,
    url: String,
    to: String,
    /// The queue's ARN, once it was asked for.
    arn: OnceCell<String>,
}

impl SqsDeadLetters {
    /// The dead-letter queue at `url`, whose letters belong to the stage's queue at `to`.
    #[must_use]
    pub fn new(client: Client, name: DlqName, url: impl Into<String>, to: impl Into<String>) -> Self {
        Self { client, name, url: url.into(), to: to.into(), arn: OnceCell::new() }
    }

    fn move_tasks(&self) -> MoveTasks<'_> {
        MoveTasks { client: &self.client, queue: self.name.queue(), from: &self.url, arn: &self.arn, to: &self.to }
    }

    async fn hide_batch(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        let entries = receipts.iter().enumerate().map(|(index, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(&receipt.0).visibility_timeout(whole_seconds(hidden_for)).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| self.error(error.to_string()))?;
        let call = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| self.failed(&error))?;
        match answer.failed().iter().find(|failed| !is_stale_receipt(failed)) {
            None => Ok(()),
            Some(failed) => {
                Err(self.error(format!("SQS refused to put a letter back or to hide it: {}.", failed.code())))
            }
        }
    }

    async fn delete_batch(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        let entries = receipts.iter().enumerate().map(|(index, receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(&receipt.0).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| self.error(error.to_string()))?;
        let call = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| self.failed(&error))?;
        match answer.failed().iter().find(|failed| !is_stale_receipt(failed)) {
            None => Ok(()),
            Some(failed) => Err(self.error(format!("SQS refused to delete a letter: {}.", failed.code()))),
        }
    }

    fn letter(&self, message: &Message) -> Result<DeadLetter, QueueError> {
        let missing = |what: &str| self.error(format!("SQS handed out a letter without its {what}."));
        let sent_at = message
            .attributes()
            .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp)?.parse().ok())
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        Ok(DeadLetter {
            id: message.message_id().ok_or_else(|| missing("id"))?.to_owned(),
            receipt: Receipt(message.receipt_handle().ok_or_else(|| missing("receipt handle"))?.to_owned()),
            body: message.body().unwrap_or_default().to_owned(),
            sent_at: sent_at.ok_or_else(|| missing("SentTimestamp"))?,
            undelivered: undelivered(message),
            attributes: attributes(message),
        })
    }

    fn failed<E>(&self, error: &SdkError<E>) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        failure::read(failure::SQS_CONTROL, error).of_queue(&self.name.queue())
    }

    fn error(&self, cause: String) -> QueueError {
        QueueError::Unavailable { queue: self.name.queue(), cause: Cause::new(cause) }
    }
}

/// The scheduler's message attributes, if a letter has them.
fn undelivered(message: &Message) -> Option<Undelivered> {
    let attribute = |name| message.message_attributes().and_then(|all| all.get(name)?.string_value());
    Some(Undelivered {
        code: attribute("ERROR_CODE")?.to_owned(),
        message: Cause::new(attribute("ERROR_MESSAGE").unwrap_or_default()),
        scheduled_at: attribute("SCHEDULED_TIME").and_then(|moment| moment.parse().ok()),
    })
}

/// A letter's message attributes that are texts.
fn attributes(message: &Message) -> BTreeMap<String, String> {
    let text =
        |(name, value): (&String, &MessageAttributeValue)| Some((name.clone(), value.string_value()?.to_owned()));
    message.message_attributes().into_iter().flatten().filter_map(text).collect()
}

impl SqsDeadLetters {
    /// The sum of these counts, in one call.
    async fn counted<const N: usize>(&self, names: [QueueAttributeName; N]) -> Result<u64, QueueError> {
        let call = self.client.get_queue_attributes().queue_url(&self.url).set_attribute_names(Some(names.to_vec()));
        let answer = call.send().await.map_err(|error| self.failed(&error))?;
        let count = |name| answer.attributes().and_then(|all| all.get(name)?.parse::<u64>().ok());
        let counts: Option<Vec<_>> = names.iter().map(count).collect();
        let counts = counts.ok_or_else(|| self.error("SQS doesn't say how many letters there are.".to_owned()))?;
        Ok(counts.into_iter().sum())
    }
}

#[async_trait]
impl DeadLetters for SqsDeadLetters {
    fn name(&self) -> DlqName {
        self.name
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.counted([QueueAttributeName::ApproximateNumberOfMessages]).await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.counted([QueueAttributeName::ApproximateNumberOfMessagesNotVisible]).await
    }

    async fn total(&self) -> Result<u64, QueueError> {
        let of = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        self.counted(of).await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        let call = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most.clamp(1, BATCH)).unwrap_or(1))
            .visibility_timeout(whole_seconds(hidden_for))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_attribute_names("All");
        let answer = call.send().await.map_err(|error| self.failed(&error))?;
        answer.messages().iter().map(|message| self.letter(message)).collect()
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        for batch in receipts.chunks(BATCH) {
            self.hide_batch(batch, hidden_for).await?;
        }
        Ok(())
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        for batch in receipts.chunks(BATCH) {
            self.delete_batch(batch).await?;
        }
        Ok(())
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        let mut call = self.client.send_message().queue_url(&self.to).message_body(&letter.body);
        call = call.set_message_group_id(letter.group());
        for (name, value) in letter.attributes_to_send() {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            call = call.message_attributes(name, value.map_err(|error| self.error(error.to_string()))?);
        }
        call.send().await.map(drop).map_err(|error| self.failed(&error))
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        // The intake's has letters of SNS too.
        if matches!(self.name, DlqName::Schedules | DlqName::Intake(IntakeQueue::Feedback)) {
            // Only what SQS itself dead-lettered has a queue to go back to (Amazon SQS API Reference,
            // StartMessageMoveTask).
            return Ok(MoveStart::Unsupported);
        }
        self.move_tasks().start(rate).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.move_tasks().follow(ticket).await
    }
}
