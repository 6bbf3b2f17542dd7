use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Probed, SetEnabled, StageError, StageStatus, Stages, Switch},
    stage::{PerStage, StageSet},
};

use crate::{
    lambda::{Function, Mapping, MappingState},
    queue::MemoryQueue,
    time::VirtualTime,
};

/// A stage on AWS: its queue with the dead-letter queue, its function, and the mapping between.
#[derive(Clone)]
pub struct StageStack {
    /// The stage's name.
    pub name: StageName,
    /// Its queue.
    pub queue: Arc<MemoryQueue>,
    /// Where its dead letters go.
    pub dlq: Arc<MemoryQueue>,
    /// Its function.
    pub function: Arc<Function>,
    /// What hands the queue's messages to the function.
    pub mapping: Arc<Mapping>,
}

/// The stages from outside, as Lambda and SQS tell of them.
pub(super) struct SimStages {
    pub(super) stacks: PerStage<StageStack>,
    pub(super) deployed: StageSet,
    pub(super) time: VirtualTime,
    pub(super) deployed_at: DeployedAt,
}

/// When the last deployment was.
pub(super) type DeployedAt = Arc<Mutex<Option<Timestamp>>>;

/// For how long a deployment is taken for what changed something. As `LambdaStages` has it.
const LATELY: Duration = Duration::from_mins(3);

#[async_trait]
impl Stages for SimStages {
    fn deployed(&self) -> StageSet {
        self.deployed
    }

    async fn status(&self, stage: StageName) -> Result<StageStatus, StageError> {
        let stack = &self.stacks[stage];
        let mapping = match stack.mapping.state() {
            MappingState::Enabled => Switch::On,
            MappingState::Disabling => Switch::TurningOff,
            MappingState::Disabled => Switch::Off,
            // As `LambdaStages` reads it.
            MappingState::Enabling | MappingState::Updating => Switch::TurningOn,
        };
        let depth = stack.queue.reported_depth();
        Ok(StageStatus {
            mapping,
            reserved: stack.function.reserved_concurrency(),
            waiting: depth.visible as u64,
            in_flight: depth.in_flight as u64,
        })
    }

    async fn set_enabled(&self, stage: StageName, on: bool) -> Result<SetEnabled, StageError> {
        let turned = self.stacks[stage].mapping.set_enabled(on);
        Ok(if turned.is_ok() { SetEnabled::Done } else { SetEnabled::Busy })
    }

    async fn probe(&self, stage: StageName, at_most: usize) -> Result<Probed, StageError> {
        let handed = self.stacks[stage].mapping.hand_over_a_few(at_most).await;
        let failed = |error| StageError { stage, cause: Cause::new(format!("The function has no answer: {error:?}.")) };
        handed.map(|(messages, failed)| Probed { messages, failed }).map_err(failed)
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        let deployed = *self.deployed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |at: Timestamp| Duration::try_from(self.time.now().duration_since(at)).unwrap_or_default();
        Ok(deployed.is_some_and(|at| age(at) < LATELY))
    }
}
