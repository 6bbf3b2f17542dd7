use std::sync::Arc;

use anyhow::{Context as _, Result};
use pulse_core::{
    customer::Zone,
    entry::{Plan, StageName},
    ports::{AbsentStage, DeadLetterQueues, DeadLetters, DlqName, IntakeQueue, Queues, StageQueue},
    stage::{PerStage, StageSet},
};

use super::StackOutputs;
use crate::{
    dynamodb::DynamoDbLedger,
    scheduler::{EventBridgeSchedules, ScheduleTarget},
    sdk::{self, SdkConfig},
    sqs::{SqsDeadLetters, SqsQueue},
};

/// A deployed stack: its outputs, and the SDK's configuration to reach it.
#[derive(Clone)]
pub struct Stack {
    /// How to reach it.
    pub aws: SdkConfig,
    /// What it says of itself.
    pub outputs: StackOutputs,
}

impl Stack {
    /// The ledger.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn ledger(&self) -> Result<DynamoDbLedger> {
        let table = self.outputs.get("TableName")?;
        Ok(DynamoDbLedger::new(sdk::dynamodb_client(&self.aws), table))
    }

    /// The scheduler.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn schedules(&self) -> Result<EventBridgeSchedules> {
        let output = |name| self.outputs.get(name).map(str::to_owned);
        Ok(EventBridgeSchedules::new(
            sdk::scheduler_client(&self.aws),
            ScheduleTarget {
                group: output("ScheduleGroupName")?,
                queue_arn: self.of_stage(Plan::MONTHLY.first(), "QueueArn")?.to_owned(),
                role_arn: output("SchedulerRoleArn")?,
                dead_letter_arn: output("ScheduleDlqArn")?,
            },
        ))
    }

    /// A stage's queue.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn queue(&self, stage: StageName) -> Result<SqsQueue> {
        Ok(SqsQueue::new(sdk::sqs_client(&self.aws), stage, self.of_stage(stage, "QueueUrl")?))
    }

    /// All stages' queues.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn queues(&self) -> Result<Queues> {
        let deployed = self.stages_deployed();
        Queues::try_from_fn(|stage| -> Result<Arc<dyn StageQueue>> {
            Ok(if deployed.has(stage) { Arc::new(self.queue(stage)?) } else { Arc::new(AbsentStage(stage)) })
        })
    }

    /// Which stages the stack has.
    #[must_use]
    pub fn stages_deployed(&self) -> StageSet {
        let is_there = |stage: StageName| self.outputs.find(&format!("{}FunctionName", stage.spec().title)).is_some();
        StageSet::of(|stage| stage.spec().given_by.is_none() || is_there(stage))
    }

    /// The output of a stage whose name ends so, as `ScoreQueueUrl` does.
    ///
    /// # Errors
    /// When the stack lacks it, as it hasn't the stage or is of another version of the template.
    pub fn of_stage(&self, stage: StageName, suffix: &str) -> Result<&str> {
        self.stages_deployed().require(stage)?;
        self.outputs.get(&format!("{}{suffix}", stage.spec().title))
    }

    /// The output of a queue of the intake whose name ends so, as `FeedbackQueueUrl` does.
    ///
    /// # Errors
    /// When the stack lacks it.
    pub fn of_intake(&self, queue: IntakeQueue, suffix: &str) -> Result<&str> {
        let of = match queue {
            IntakeQueue::Feedback => "Feedback",
            IntakeQueue::Unsubscribe => "Unsubscribe",
        };
        self.outputs.get(&format!("{of}{suffix}"))
    }

    /// A dead-letter queue; one without letters, of a stage that the stack hasn't.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn dead_letters(&self, name: DlqName) -> Result<Arc<dyn DeadLetters>> {
        if let DlqName::Stage(stage) = name
            && !self.stages_deployed().has(stage)
        {
            return Ok(Arc::new(AbsentStage(stage)));
        }
        let letters = match name {
            DlqName::Stage(stage) => self.of_stage(stage, "DlqUrl")?,
            DlqName::Schedules => self.outputs.get("ScheduleDlqUrl")?,
            DlqName::Intake(queue) => self.of_intake(queue, "DlqUrl")?,
        };
        let to = match name {
            DlqName::Intake(queue) => self.of_intake(queue, "QueueUrl")?,
            DlqName::Stage(stage) => self.of_stage(stage, "QueueUrl")?,
            DlqName::Schedules => self.of_stage(Plan::MONTHLY.first(), "QueueUrl")?,
        };
        Ok(Arc::new(SqsDeadLetters::new(sdk::sqs_client(&self.aws), name, letters, to)))
    }

    /// All dead-letter queues.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn dead_letter_queues(&self) -> Result<DeadLetterQueues> {
        Ok(DeadLetterQueues {
            stages: PerStage::try_from_fn(|stage| self.dead_letters(DlqName::Stage(stage)))?,
            schedules: self.dead_letters(DlqName::Schedules)?,
            feedback: self.dead_letters(DlqName::Intake(IntakeQueue::Feedback))?,
            unsubscribe: self.dead_letters(DlqName::Intake(IntakeQueue::Unsubscribe))?,
        })
    }

    /// The time zone of roster rows that name none.
    ///
    /// # Errors
    /// When the stack lacks the output, or has a zone that doesn't exist.
    pub fn default_zone(&self) -> Result<Zone> {
        Zone::parse(self.outputs.get("TimeZone")?).context("The stack's parameter TimeZone can't be used")
    }
}
