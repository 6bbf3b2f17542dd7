use std::sync::Arc;

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    ports::{StageError, StageSight, Stages},
};

use crate::{
    lambda::{Function, Mapping, MappingState},
    queue::MemoryQueue,
};

/// A stage on AWS: its queue with the dead-letter queue, its function, and the mapping between.
#[derive(Clone)]
pub struct House {
    /// Which stage.
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

/// The two stages from outside, as Lambda and SQS tell of them.
pub(super) struct SimStages {
    pub(super) score: House,
    pub(super) email: House,
}

#[async_trait]
impl Stages for SimStages {
    async fn look(&self, stage: StageName) -> Result<StageSight, StageError> {
        let house = match stage {
            StageName::Score => &self.score,
            StageName::Email => &self.email,
        };
        let enabled = matches!(house.mapping.state(), MappingState::Enabled | MappingState::Enabling);
        Ok(StageSight {
            flowing: enabled && house.function.reserved_concurrency() != Some(0),
            waiting: house.queue.depth().visible as u64,
        })
    }
}
