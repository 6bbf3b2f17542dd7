use async_trait::async_trait;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use pulse_core::{
    failure::Cause,
    ports::{Intake, IntakeError},
};

use crate::sdk::failure;

/// The intake's queue of feedback on SQS. Needs `sqs:GetQueueAttributes` on it.
///
/// Its dead letters don't count: what is in them is told by an alarm, and still counts once it is brought back.
#[derive(Debug)]
pub struct SqsIntake {
    client: Client,
    queue: String,
}

impl SqsIntake {
    /// The queue at this URL.
    #[must_use]
    pub fn new(client: Client, queue: impl Into<String>) -> Self {
        Self { client, queue: queue.into() }
    }
}

#[async_trait]
impl Intake for SqsIntake {
    async fn is_caught_up(&self) -> Result<bool, IntakeError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let call = self.client.get_queue_attributes().queue_url(&self.queue).attribute_names(name.clone());
        let answer = call.send().await.map_err(|error| {
            let error = failure::read(failure::SQS_CONTROL, &error).of_queue("feedback");
            IntakeError(Cause::new(error.to_string()))
        })?;
        let waiting = answer.attributes().and_then(|all| all.get(&name)?.parse::<u64>().ok());
        // Pollers take what comes at once, and hold it for the mapping's window.
        waiting
            .map(|waiting| waiting == 0)
            .ok_or_else(|| IntakeError(Cause::new("SQS doesn't say how many messages there are.")))
    }
}
