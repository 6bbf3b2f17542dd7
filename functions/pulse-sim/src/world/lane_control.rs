//! The stages' lanes, as Lambda has them and whoever operates the stack changes them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Depth, GaugeError, Gauges, LaneControl, LaneError, LaneSettings, Mapping, StageLanes, Step},
    stage::PerStage,
};

use super::{settings::WorldSettings, stage_stack::StageStack};
use crate::{gauges::MemoryGauges, lambda::MappingState, time::VirtualTime};

/// Invocations at once of the account that no function has reserved: 1,000 less what the template reserves.
const UNRESERVED: u32 = 984;

/// How often a change of a mapping is asked for or looked after.
const LOOKS: Duration = Duration::from_secs(5);

/// After so many looks a mapping is given up that is being changed by others all the time.
const MOST_LOOKS: u32 = 60;

/// What the stages' lanes hang on.
#[derive(Clone)]
pub(super) struct SimLanes {
    pub(super) stacks: PerStage<StageStack>,
    pub(super) time: VirtualTime,
    /// Calls in flight of an invocation that starts now.
    in_flight: Arc<PerStage<AtomicU32>>,
    /// The most lanes that a stage ever had.
    most: Arc<PerStage<AtomicU32>>,
    /// For how long invocations with the settings of before may run.
    drains: PerStage<Duration>,
}

impl SimLanes {
    pub(super) fn new(stacks: PerStage<StageStack>, time: &VirtualTime, settings: &WorldSettings) -> Self {
        let calls = |stage: StageName| settings.stages[stage].worker.in_flight;
        let in_flight = |stage| AtomicU32::new(u32::try_from(calls(stage)).unwrap_or(u32::MAX));
        let lanes = Self {
            stacks,
            time: time.clone(),
            in_flight: Arc::new(PerStage::from_fn(in_flight)),
            most: Arc::new(PerStage::from_fn(|_| AtomicU32::new(0))),
            drains: PerStage::from_fn(|stage| settings.stages[stage].function_timeout),
        };
        for stage in StageName::ALL {
            lanes.note(*stage);
        }
        lanes
    }

    /// Calls that an invocation keeps in flight that starts now.
    pub(super) fn in_flight(&self, stage: StageName) -> u32 {
        self.in_flight[stage].load(Relaxed)
    }

    /// The most lanes that there ever were.
    pub(super) fn most(&self, stage: StageName) -> u32 {
        self.most[stage].load(Relaxed)
    }

    /// A deployment sets it as the template says.
    pub(super) fn deploy(&self, stage: StageName, in_flight: u32, maximum_concurrency: u32) {
        self.in_flight[stage].store(in_flight, Relaxed);
        self.most[stage].fetch_max(self.maximum(stage).max(maximum_concurrency) * in_flight, Relaxed);
    }

    fn maximum(&self, stage: StageName) -> u32 {
        let stack = &self.stacks[stage];
        stack.mapping.settings().maximum_concurrency.or(stack.function.reserved_concurrency()).unwrap_or(UNRESERVED)
    }

    fn note(&self, stage: StageName) {
        self.most[stage].fetch_max(self.maximum(stage) * self.in_flight(stage), Relaxed);
    }

    /// Sets the mapping's maximum, and returns when that is in force.
    async fn set_maximum(&self, stage: StageName, maximum: u32) -> Result<(), LaneError> {
        let mapping = &self.stacks[stage].mapping;
        for _ in 0..MOST_LOOKS {
            if mapping.settings().maximum_concurrency == Some(maximum) {
                return Ok(());
            }
            // What is being changed already takes no other change: it is asked again.
            let _ = mapping.set_maximum_concurrency(Some(maximum));
            self.time.sleep(LOOKS).await;
        }
        Err(LaneError { stage, cause: Cause::new("The mapping is being changed all the time.") })
    }
}

#[async_trait]
impl LaneControl for SimLanes {
    async fn settings(&self, stage: StageName) -> Result<LaneSettings, LaneError> {
        let stack = &self.stacks[stage];
        Ok(LaneSettings {
            maximum_concurrency: self.maximum(stage),
            reserved_concurrency: stack.function.reserved_concurrency(),
            in_flight: self.in_flight(stage),
            rate_divisor: None,
            enabled: matches!(stack.mapping.state(), MappingState::Enabled | MappingState::Enabling),
            changed_lately: false,
        })
    }

    async fn unreserved(&self, _: StageName) -> Result<u32, LaneError> {
        Ok(UNRESERVED)
    }

    async fn take(&self, stage: StageName, step: Step) -> Result<(), LaneError> {
        match step {
            Step::Reserve(invocations) => self.stacks[stage].function.set_reserved_concurrency(Some(invocations)),
            Step::Maximum(invocations) => self.set_maximum(stage, invocations).await?,
            Step::Configure { in_flight, .. } => self.in_flight[stage].store(in_flight, Relaxed),
            Step::Drain => self.time.sleep(self.drains[stage]).await,
        }
        self.note(stage);
        Ok(())
    }
}

/// Queues in memory, and lanes as they are now.
pub(super) struct SimGauges {
    pub(super) queues: MemoryGauges,
    pub(super) lanes: SimLanes,
}

#[async_trait]
impl Gauges for SimGauges {
    async fn depths(&self) -> Result<Vec<Depth>, GaugeError> {
        self.queues.depths().await
    }

    async fn retention(&self, stage: StageName) -> Result<Duration, GaugeError> {
        self.queues.retention(stage).await
    }

    async fn lanes(&self, stage: StageName) -> Result<StageLanes, GaugeError> {
        let stack = &self.lanes.stacks[stage];
        Ok(StageLanes {
            stage,
            maximum_concurrency: self.lanes.maximum(stage),
            reserved_concurrency: stack.function.reserved_concurrency(),
            in_flight: self.lanes.in_flight(stage),
            mapping: Mapping(format!("{:?}", stack.mapping.state())),
        })
    }
}
