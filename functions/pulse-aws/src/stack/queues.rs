use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::try_join_all;
use pulse_core::{
    entry::StageName,
    ports::{Depth, IntakeQueue, LaneControl as _, Mapping, StageLanes},
};

use super::Stack;
use crate::{
    clock::SystemClock,
    lanes::LambdaLaneControl,
    sdk::{self, because},
};

/// For how long a stage's queue keeps a message.
///
/// # Errors
/// When the stack lacks an output, or the queue can't be asked.
pub async fn retention(stack: &Stack, stage: StageName) -> Result<Duration> {
    let name = QueueAttributeName::MessageRetentionPeriod;
    let ask = sdk::sqs_client(&stack.aws).get_queue_attributes().queue_url(stack.of_stage(stage, "QueueUrl")?);
    let answer = ask.attribute_names(name.clone()).send().await;
    let answer = answer.map_err(because(format!("The {stage} queue can't be asked how long it keeps messages")))?;
    let seconds = answer.attributes().and_then(|all| all.get(&name)?.parse().ok());
    seconds.map(Duration::from_secs).with_context(|| format!("The {stage} queue doesn't say its {name}"))
}

/// Asks all queues of a stack: the stages' own, then their dead-letter queues, then the scheduler's, then the intake's.
///
/// # Errors
/// When the stack lacks an output, or a queue can't be asked.
pub async fn depths(stack: &Stack) -> Result<Vec<Depth>> {
    let client = sdk::sqs_client(&stack.aws);
    let mut queues = Vec::new();
    for stage in stack.stages_deployed().iter() {
        queues.push((format!("{stage} queue"), stack.of_stage(stage, "QueueUrl")?, false));
    }
    for stage in stack.stages_deployed().iter() {
        queues.push((format!("{stage} DLQ"), stack.of_stage(stage, "DlqUrl")?, true));
    }
    queues.push(("schedule DLQ".to_owned(), stack.outputs.get("ScheduleDlqUrl")?, true));
    for &queue in IntakeQueue::ALL {
        queues.push((format!("{queue} queue"), stack.of_intake(queue, "QueueUrl")?, false));
        queues.push((format!("{queue} DLQ"), stack.of_intake(queue, "DlqUrl")?, true));
    }
    try_join_all(queues.into_iter().map(|(queue, url, dead_letters)| depth(&client, queue, url, dead_letters))).await
}

async fn depth(client: &aws_sdk_sqs::Client, queue: String, url: &str, dead_letters: bool) -> Result<Depth> {
    let waiting = QueueAttributeName::ApproximateNumberOfMessages;
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let answer = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(waiting.clone())
        .attribute_names(in_flight.clone())
        .send()
        .await
        .map_err(because(format!("The {queue} can't be asked how full it is")))?;
    let count = |name: &QueueAttributeName| {
        let value = answer.attributes().and_then(|all| all.get(name)).and_then(|value| value.parse().ok());
        value.with_context(|| format!("The {queue} doesn't say its {name}"))
    };
    Ok(Depth { waiting: count(&waiting)?, in_flight: count(&in_flight)?, dead_letters, queue })
}

impl Stack {
    /// What the stages' lanes hang on.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn lane_control(&self) -> Result<LambdaLaneControl> {
        Ok(LambdaLaneControl::new(sdk::lambda_client(&self.aws), Arc::new(SystemClock), self.addresses()?))
    }

    /// Asks Lambda for a stage's lanes.
    ///
    /// # Errors
    /// When the stack lacks an output, or Lambda can't be asked.
    pub async fn lanes(&self, stage: StageName) -> Result<StageLanes> {
        let settings = self.lane_control()?.settings(stage).await?;
        let mapping = sdk::lambda_client(&self.aws)
            .get_event_source_mapping()
            .uuid(self.of_stage(stage, "MappingId")?)
            .send()
            .await
            .map_err(because(format!("The {stage} stage's event source mapping can't be read")))?;
        Ok(StageLanes {
            stage,
            maximum_concurrency: settings.maximum_concurrency,
            reserved_concurrency: settings.reserved_concurrency,
            in_flight: settings.in_flight,
            mapping: Mapping(mapping.state().unwrap_or("unknown").to_owned()),
        })
    }
}
