//! What stands before whoever operates a simulated stack, by the application layer.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use pulse_core::{
    failure::Cause,
    ports::{Ports, TickStarter},
};

use super::{build::World, distant::Way, scheduled};
use crate::{dead_letters::MemoryReader, provider_suppressions::MemoryProviderSuppressions, random::Randomness};

/// The ports of an operator's use cases over a world. What is asked takes no virtual time on its way; what a use case waits for
/// does, and what fails for workers fails for it.
#[derive(Clone)]
pub struct OperatorDesk {
    /// The stack as an operator reaches it, over a network that may fail.
    pub ports: Ports,
    way: Way,
    random: Randomness,
}

impl OperatorDesk {
    /// From now on, chance has it as it always has for the action of this number, whatever was looked at before: looks draw
    /// from the same dice.
    pub fn begin_action(&self, number: usize) {
        self.way.random.begin_anew(self.random.stream(&format!("action {number}")));
    }
}

impl World {
    /// What an operator has before them.
    #[must_use]
    pub fn operator_desk(self: &Arc<Self>) -> OperatorDesk {
        let random = Randomness::of_seed(self.settings.seed);
        let way = Way { takes: Duration::ZERO, random: Arc::new(random.stream("desk")), ..self.operator_way.clone() };
        let world = self.ports_by(&way);
        let ports = Ports {
            ledger: world.ledger,
            open: world.open,
            campaigns: world.campaigns,
            in_campaigns: world.in_campaigns,
            endpoints: world.endpoints,
            endpoint_controls: world.endpoint_controls,
            deliveries: world.deliveries,
            reports: world.reports,
            notes: self.ledger.clone(),
            suppressions: self.ledger.clone(),
            ses_suppressions: Arc::<MemoryProviderSuppressions>::default(),
            feedback: world.feedback_log,
            queues: world.queues,
            dead_letters: world.dead_letters,
            intake: Arc::new(MemoryReader),
            schedules: world.schedules,
            audits: world.audits,
            orders: world.orders,
            tick: Arc::new(SimTicks(Arc::downgrade(self))),
            stages: world.stages,
            controls: world.controls,
            outcomes: world.outcomes,
            memory: world.memory,
            lanes: Arc::new(self.lane_control.clone()),
            gauges: world.gauges,
            snapshots: world.snapshots,
            sleeper: world.sleeper,
        };
        OperatorDesk { ports, way, random }
    }
}

/// Starts the world's tick.
struct SimTicks(Weak<World>);

#[async_trait]
impl TickStarter for SimTicks {
    async fn start_tick(&self) -> Result<(), Cause> {
        let world = self.0.upgrade().ok_or_else(|| Cause::new("There is no world any more."))?;
        if world.faults.now().nothing_scheduled {
            return Err(Cause::new("The tick function fails."));
        }
        let ticking = Arc::clone(&world);
        let _ = world.time.spawn(async move { scheduled::tick(&ticking).await });
        Ok(())
    }

    fn carries_orders_out(&self) -> bool {
        true
    }
}
