//! Message move tasks.

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{ListMessageMoveTasksResultEntry as Task, QueueAttributeName},
};
use pulse_core::{
    failure::Cause,
    ports::{MoveProgress, MoveStart, MoveStatus, MoveTicket, QueueError, Rate},
};
use tokio::sync::OnceCell;

use crate::sdk::failure;

/// What endpoints answer that have no move tasks.
const NO_SUCH_CALL: [&str; 5] =
    ["InvalidAction", "UnknownOperation", "UnknownOperationException", "UnknownAction", "NotImplemented"];

/// Tasks that move a dead-letter queue's messages to another queue.
pub(super) struct MoveTasks<'a> {
    pub(super) client: &'a Client,
    /// What errors call the dead-letter queue.
    pub(super) queue: String,
    pub(super) from: &'a str,
    /// Its ARN, once it was asked for.
    pub(super) arn: &'a OnceCell<String>,
    pub(super) to: &'a str,
}

impl MoveTasks<'_> {
    /// Starts a task, unless one is running: there can only be one per queue (Amazon SQS API Reference,
    /// `StartMessageMoveTask`). The ticket is the moment when the task before was started.
    pub(super) async fn start(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        let from = self.from().await?;
        let last = match self.last(from).await {
            Ok(last) => last,
            Err(error) if is_no_such_call(&error) || no_queue_s_dlq(&error) => return Ok(MoveStart::Unsupported),
            Err(error) => return Err(self.failed(&error)),
        };
        if last.as_ref().is_some_and(is_running) {
            return Ok(MoveStart::AlreadyMoving(MoveTicket(String::new())));
        }
        let call = self.client.start_message_move_task().source_arn(from).destination_arn(self.arn_of(self.to).await?);
        let rate = rate.and_then(|rate| i32::try_from(rate.per_second()).ok());
        match call.set_max_number_of_messages_per_second(rate).send().await {
            Ok(_) => {
                let before = last.map(|last| last.started_timestamp().to_string());
                Ok(MoveStart::Started(MoveTicket(before.unwrap_or_default())))
            }
            Err(error) if is_no_such_call(&error) || no_queue_s_dlq(&error) => Ok(MoveStart::Unsupported),
            // Somebody's, that was started since it was looked for.
            Err(error) if is_moving(&error) => Ok(MoveStart::AlreadyMoving(MoveTicket(String::new()))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// How the last task is doing. It may take a moment until the one that was started is listed.
    pub(super) async fn follow(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        let last = self.last(self.from().await?).await.map_err(|error| self.failed(&error))?;
        let is_ours = |task: &Task| ticket.0 != task.started_timestamp().to_string();
        Ok(last.filter(is_ours).map_or(MoveProgress { status: MoveStatus::Running, moved: 0, of: None }, |task| {
            let count = |number: i64| u64::try_from(number).unwrap_or(0);
            MoveProgress {
                status: status(&task),
                moved: count(task.approximate_number_of_messages_moved()),
                of: task.approximate_number_of_messages_to_move().map(count),
            }
        }))
    }

    async fn last(
        &self,
        from: &str,
    ) -> Result<Option<Task>, SdkError<aws_sdk_sqs::operation::list_message_move_tasks::ListMessageMoveTasksError>>
    {
        let answer = self.client.list_message_move_tasks().source_arn(from).max_results(1).send().await?;
        Ok(answer.results.unwrap_or_default().into_iter().next())
    }

    async fn from(&self) -> Result<&str, QueueError> {
        self.arn.get_or_try_init(|| self.arn_of(self.from)).await.map(String::as_str)
    }

    async fn arn_of(&self, url: &str) -> Result<String, QueueError> {
        let name = QueueAttributeName::QueueArn;
        let call = self.client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let answer = call.send().await.map_err(|error| self.failed(&error))?;
        let arn = answer.attributes.and_then(|mut all| all.remove(&name));
        arn.ok_or_else(|| self.error(Cause::new("SQS doesn't say the queue's ARN.")))
    }

    fn failed<E>(&self, error: &SdkError<E>) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        failure::read(failure::SQS_CONTROL, error).of_queue(&self.queue)
    }

    fn error(&self, cause: Cause) -> QueueError {
        QueueError::Unavailable { queue: self.queue.clone(), cause }
    }
}

fn is_no_such_call<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let SdkError::ServiceError(answer) = error else { return false };
    let last = answer.err().code().and_then(|code| code.rsplit(['.', '#']).next());
    answer.raw().status().as_u16() == 501 || last.is_some_and(|code| NO_SUCH_CALL.contains(&code))
}

/// Answered when another task runs (as recorded on AWS: an `InvalidParameterValue` that no code of its own tells apart).
fn is_moving<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.message().is_some_and(|words| words.contains("already a task running"))
}

/// Answered for a queue that no queue's redrive policy names any more: its letters are moved one by one then (as
/// recorded on AWS, likewise).
fn no_queue_s_dlq<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.message().is_some_and(|words| words.contains("must be configured as a Dead Letter Queue"))
}

/// A task's status (Amazon SQS API Reference, `ListMessageMoveTasksResultEntry`).
fn status(task: &Task) -> MoveStatus {
    match task.status() {
        Some("COMPLETED") => MoveStatus::Completed,
        Some("CANCELLED") => MoveStatus::Cancelled,
        Some("FAILED") => {
            let reason = task.failure_reason().unwrap_or("SQS doesn't say why");
            MoveStatus::Failed(Cause::new(format!("The move task failed: {reason}.")))
        }
        _ => MoveStatus::Running,
    }
}

fn is_running(task: &Task) -> bool {
    status(task) == MoveStatus::Running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_is_being_cancelled_runs_still_and_a_failed_one_says_why() {
        let task = |status: &str| Task::builder().status(status);
        assert_eq!(status(&task("CANCELLING").build()), MoveStatus::Running);
        assert_eq!(status(&task("COMPLETED").build()), MoveStatus::Completed);
        let failed = task("FAILED").failure_reason("CouldNotDetermineMessageSource").build();
        let MoveStatus::Failed(cause) = status(&failed) else { panic!("not failed") };
        assert!(cause.as_str().contains("CouldNotDetermineMessageSource"), "{cause}");
    }
}
