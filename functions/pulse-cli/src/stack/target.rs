use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use pulse_aws::{
    dynamodb::DynamoDbLedger,
    scheduler::{EventBridgeSchedules, ScheduleTarget},
    sdk::{self, SdkConfig},
    sqs::{SqsDeadLetters, SqsQueue},
};
use pulse_core::{
    customer::{Customer, CustomerId, Zone},
    entry::StageName,
    ports::{DlqName, Ledger as _},
};
use pulse_local::{
    outputs::{StackOutputs, outputs},
    workspace::Workspace,
};
use serde::{Deserialize, Serialize};

/// Which deployed stack a command is about.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Name of the deployed stack.
    #[arg(long, global = true, env = "PULSE_STACK", default_value = "pulse", value_name = "NAME")]
    stack: String,

    /// The stack that `pulse local` is running on this machine.
    #[arg(long, global = true)]
    local: bool,
}

/// What a running `pulse local` leaves for `pulse --local ..` to find it by.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRecord {
    /// The emulator.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
}

impl LocalRecord {
    fn path(workspace: &Workspace) -> PathBuf {
        workspace.target_dir().join("pulse-local.json")
    }

    /// Leaves the record.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = Self::path(workspace);
        fs::write(&path, serde_json::to_string(self)?).with_context(|| format!("{} can't be written", path.display()))
    }

    /// Takes the record away, unless it is another's by now.
    pub fn remove(&self, workspace: &Workspace) {
        if Self::read(workspace).is_ok_and(|record| record == *self) {
            let _ = fs::remove_file(Self::path(workspace));
        }
    }

    fn read(workspace: &Workspace) -> Result<Self> {
        let Ok(text) = fs::read_to_string(Self::path(workspace)) else {
            bail!(
                "No `pulse local` is running here: start one with `cargo run --release -- local` and leave it running."
            )
        };
        Ok(serde_json::from_str(&text)?)
    }
}

/// A deployed stack: its outputs, and the SDK's configuration to reach it.
pub struct Stack {
    /// How to reach it.
    pub aws: SdkConfig,
    /// What it says of itself.
    pub outputs: StackOutputs,
}

impl Stack {
    /// Finds the stack.
    ///
    /// # Errors
    /// When there is none of that name, or AWS can't be reached.
    pub async fn find(target: &Target) -> Result<Self> {
        if target.local {
            let record = LocalRecord::read(&Workspace::find()?)?;
            let aws = sdk::for_emulator(&record.endpoint);
            let outputs = outputs(&aws, &record.stack).await.with_context(|| {
                format!(
                    "The `pulse local` that was at {} doesn't answer: start one with `cargo run --release -- local`",
                    record.endpoint
                )
            })?;
            return Ok(Self { aws, outputs });
        }
        let aws = sdk::load().await?;
        let outputs = outputs(&aws, &target.stack).await?;
        Ok(Self { aws, outputs })
    }

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
                queue_arn: output("ScoreQueueArn")?,
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
        let output = match stage {
            StageName::Score => "ScoreQueueUrl",
            StageName::Email => "EmailQueueUrl",
        };
        Ok(SqsQueue::new(sdk::sqs_client(&self.aws), stage, self.outputs.get(output)?))
    }

    /// A dead-letter queue.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn dead_letters(&self, name: DlqName) -> Result<SqsDeadLetters> {
        let (letters, to) = match name {
            DlqName::Score => ("ScoreDlqUrl", "ScoreQueueUrl"),
            DlqName::Email => ("EmailDlqUrl", "EmailQueueUrl"),
            DlqName::Schedules => ("ScheduleDlqUrl", "ScoreQueueUrl"),
        };
        let client = sdk::sqs_client(&self.aws);
        Ok(SqsDeadLetters::new(client, name, self.outputs.get(letters)?, self.outputs.get(to)?))
    }

    /// The time zone of roster rows that name none.
    ///
    /// # Errors
    /// When the stack lacks the output, or has a zone that doesn't exist.
    pub fn default_zone(&self) -> Result<Zone> {
        Zone::parse(self.outputs.get("TimeZone")?).context("The stack's parameter TimeZone can't be used")
    }

    /// A customer by the id that was typed.
    ///
    /// # Errors
    /// When the id can't be one, or nobody on the roster has it.
    pub async fn customer(&self, id: &str) -> Result<Customer> {
        let id = CustomerId::parse(id)?;
        let customer = self.ledger()?.customer(&id).await?;
        customer.with_context(|| {
            format!("Customer {id} is not on the roster: see `pulse enroll --help` for how to put someone there.")
        })
    }
}
