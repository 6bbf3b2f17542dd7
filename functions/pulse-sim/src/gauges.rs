//! The figures of a stack in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    ports::{Depth, GaugeError, Gauges, IntakeQueue, StageLanes},
    stage::{PerStage, StageSet},
};

use crate::queue::MemoryQueue;

/// Queues in memory, and lanes that are as they were set.
#[derive(Debug)]
pub struct MemoryGauges {
    /// Which stages there are.
    pub deployed: StageSet,
    /// The stages' queues.
    pub queues: PerStage<Arc<MemoryQueue>>,
    /// Their dead-letter queues.
    pub dlqs: PerStage<Arc<MemoryQueue>>,
    /// The scheduler's dead-letter queue.
    pub schedule_dlq: Arc<MemoryQueue>,
    /// The intake's queues, each with its dead-letter queue.
    pub intake: Vec<(IntakeQueue, Arc<MemoryQueue>, Arc<MemoryQueue>)>,
    /// For how long the stages' queues keep messages.
    pub retention: Duration,
    /// The stages' lanes.
    pub lanes: PerStage<StageLanes>,
}

#[async_trait]
impl Gauges for MemoryGauges {
    async fn depths(&self) -> Result<Vec<Depth>, GaugeError> {
        let is_there = |stage: &StageName| self.deployed.has(*stage);
        let own = self
            .queues
            .iter()
            .filter(|(stage, _)| is_there(stage))
            .map(|(stage, queue)| depth(format!("{stage} queue"), queue, false));
        let dead = self
            .dlqs
            .iter()
            .filter(|(stage, _)| is_there(stage))
            .map(|(stage, queue)| depth(format!("{stage} DLQ"), queue, true));
        let intake = self.intake.iter().flat_map(|(name, queue, dlq)| {
            [depth(format!("{name} queue"), queue, false), depth(format!("{name} DLQ"), dlq, true)]
        });
        let schedules = [depth("schedule DLQ".to_owned(), &self.schedule_dlq, true)];
        Ok(own.chain(dead).chain(schedules).chain(intake).collect())
    }

    async fn retention(&self, _: StageName) -> Result<Duration, GaugeError> {
        Ok(self.retention)
    }

    async fn lanes(&self, stage: StageName) -> Result<StageLanes, GaugeError> {
        Ok(self.lanes[stage].clone())
    }
}

fn depth(name: String, queue: &MemoryQueue, dead_letters: bool) -> Depth {
    let depth = queue.depth();
    Depth { queue: name, waiting: depth.visible as u64, in_flight: depth.in_flight as u64, dead_letters }
}
