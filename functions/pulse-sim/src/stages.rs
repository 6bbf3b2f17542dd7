//! The stages from outside, in memory.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    ports::{Probed, SetEnabled, StageError, StageStatus, Stages, Switch},
    stage::{PerStage, StageSet},
};

use crate::queue::MemoryQueue;

/// Stages with their queues. Whether they are paused, the caller says.
pub struct MemoryStages {
    deployed: StageSet,
    queues: PerStage<Arc<MemoryQueue>>,
    paused: Mutex<BTreeSet<StageName>>,
}

impl MemoryStages {
    /// Those that every stack has, which flow from these queues.
    #[must_use]
    pub fn new(queues: PerStage<Arc<MemoryQueue>>) -> Self {
        Self { deployed: StageSet::of_every_stack(), queues, paused: Mutex::default() }
    }

    /// The same of a stack that has these stages.
    #[must_use]
    pub fn deployed(self, deployed: StageSet) -> Self {
        Self { deployed, ..self }
    }

    /// Pauses a stage, or resumes it.
    pub fn set_paused(&self, stage: StageName, paused: bool) {
        let mut all = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused {
            all.insert(stage);
        } else {
            all.remove(&stage);
        }
    }
}

#[async_trait]
impl Stages for MemoryStages {
    fn deployed(&self) -> StageSet {
        self.deployed
    }

    async fn status(&self, stage: StageName) -> Result<StageStatus, StageError> {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(&stage);
        let depth = self.queues[stage].depth();
        Ok(StageStatus {
            mapping: if paused { Switch::Off } else { Switch::On },
            reserved: None,
            waiting: depth.visible as u64,
            in_flight: depth.in_flight as u64,
        })
    }

    async fn set_enabled(&self, stage: StageName, on: bool) -> Result<SetEnabled, StageError> {
        self.set_paused(stage, !on);
        Ok(SetEnabled::Done)
    }

    /// Nobody works here but whom the caller has work.
    async fn probe(&self, _: StageName, _: usize) -> Result<Probed, StageError> {
        Ok(Probed::default())
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        Ok(false)
    }
}
