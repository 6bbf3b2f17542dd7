use std::{fmt, time::Duration};

use crate::sdk;
use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::try_join_all;
use pulse_core::entry::StageName;
use serde::Serialize;

use super::Stack;

/// The queues' outputs, and what people call them.
const QUEUES: [(&str, &str); 5] = [
    ("score queue", "ScoreQueueUrl"),
    ("email queue", "EmailQueueUrl"),
    ("score DLQ", "ScoreDlqUrl"),
    ("email DLQ", "EmailDlqUrl"),
    ("schedule DLQ", "ScheduleDlqUrl"),
];

/// How full a queue is. SQS counts approximately (Amazon SQS API Reference, `GetQueueAttributes`).
#[derive(Debug, Clone, Serialize)]
pub struct Depth {
    /// What people call the queue.
    pub queue: &'static str,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that a worker has, or that wait for their next try.
    pub in_flight: u64,
    /// Whether it is a dead-letter queue.
    pub dead_letters: bool,
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting, {} in flight", self.waiting, self.in_flight)
    }
}

/// For how long a stage's queue keeps a message.
///
/// # Errors
/// When the stack lacks an output, or the queue can't be asked.
pub async fn retention(stack: &Stack, stage: StageName) -> Result<Duration> {
    let output = match stage {
        StageName::Score => "ScoreQueueUrl",
        StageName::Email => "EmailQueueUrl",
    };
    let name = QueueAttributeName::MessageRetentionPeriod;
    let ask = sdk::sqs_client(&stack.aws).get_queue_attributes().queue_url(stack.outputs.get(output)?);
    let answer = ask.attribute_names(name.clone()).send().await;
    let answer = answer.with_context(|| format!("The {stage} queue can't be asked how long it keeps messages"))?;
    let seconds = answer.attributes().and_then(|all| all.get(&name)?.parse().ok());
    seconds.map(Duration::from_secs).with_context(|| format!("The {stage} queue doesn't say its {name}"))
}

/// Asks all queues of a stack.
///
/// # Errors
/// When the stack lacks an output, or a queue can't be asked.
pub async fn depths(stack: &Stack) -> Result<Vec<Depth>> {
    let client = sdk::sqs_client(&stack.aws);
    try_join_all(QUEUES.map(|(queue, output)| depth(&client, stack, queue, output))).await
}

async fn depth(client: &aws_sdk_sqs::Client, stack: &Stack, queue: &'static str, output: &str) -> Result<Depth> {
    let waiting = QueueAttributeName::ApproximateNumberOfMessages;
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let answer = client
        .get_queue_attributes()
        .queue_url(stack.outputs.get(output)?)
        .attribute_names(waiting.clone())
        .attribute_names(in_flight.clone())
        .send()
        .await
        .with_context(|| format!("The {queue} can't be asked how full it is"))?;
    let count = |name: &QueueAttributeName| {
        let value = answer.attributes().and_then(|all| all.get(name)).and_then(|value| value.parse().ok());
        value.with_context(|| format!("The {queue} doesn't say its {name}"))
    };
    Ok(Depth { queue, waiting: count(&waiting)?, in_flight: count(&in_flight)?, dead_letters: queue.ends_with("DLQ") })
}
