use async_trait::async_trait;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use pulse_core::{
    failure::Cause,
    ports::{Intake, IntakeError},
};

use crate::sdk::failure;

/// Messages that are about to be read while feedback flows: four full batches of the mapping, and what waits for them. What
/// is more is behind.
const FLOWING: u64 = 500;

/// The intake's queue of feedback on SQS. Needs `sqs:GetQueueAttributes` on it and on its dead-letter queue.
#[derive(Debug)]
pub struct SqsIntake {
    client: Client,
    queue: String,
    dead_letters: String,
}

impl SqsIntake {
    /// The queue and its dead-letter queue at these URLs.
    #[must_use]
    pub fn new(client: Client, queue: impl Into<String>, dead_letters: impl Into<String>) -> Self {
        Self { client, queue: queue.into(), dead_letters: dead_letters.into() }
    }

    async fn depth(&self, url: &str) -> Result<u64, IntakeError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let call = self.client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let answer = call.send().await;
        let answer = answer.map_err(|error| {
            let error = failure::read(failure::SQS_CONTROL, &error).of_queue("feedback");
            IntakeError(Cause::new(error.to_string()))
        })?;
        let count = |name| answer.attributes().and_then(|all| all.get(name)?.parse::<u64>().ok());
        let depth = names.iter().map(count).sum::<Option<u64>>();
        depth.ok_or_else(|| IntakeError(Cause::new("SQS doesn't say how many messages there are.")))
    }
}

#[async_trait]
impl Intake for SqsIntake {
    async fn is_caught_up(&self) -> Result<bool, IntakeError> {
        Ok(self.depth(&self.dead_letters).await? == 0 && self.depth(&self.queue).await? <= FLOWING)
    }
}
