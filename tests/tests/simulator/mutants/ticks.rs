//! Bugs in what is done every minute, and in what is put off.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{Probed, SetEnabled, StageError, StageStatus, Stages, Switch},
    stage::{EmailPolicy, Stage, Task, Verdict},
    tick::{StageRound, Sweep, SweepPolicy},
};
use pulse_sim::world::{Production, StageStack, SystemUnderTest, WorldPorts};

use super::no_round;

/// Sweeps without asking whether the stage is paused, or its queue the reason.
pub(crate) struct SweepsBlindly;

#[async_trait]
impl SystemUnderTest for SweepsBlindly {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        Production.tick(&WorldPorts { stages: Arc::new(AllIsWell), ..ports.clone() }, policy).await
    }
}

struct AllIsWell;

#[async_trait]
impl Stages for AllIsWell {
    async fn status(&self, _: StageName) -> Result<StageStatus, StageError> {
        Ok(StageStatus { mapping: Switch::On, reserved: None, waiting: 0, in_flight: 0 })
    }

    async fn set_enabled(&self, _: StageName, _: bool) -> Result<SetEnabled, StageError> {
        Ok(SetEnabled::Done)
    }

    async fn probe(&self, _: StageName, _: usize) -> Result<Probed, StageError> {
        Ok(Probed::default())
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        Ok(false)
    }
}

/// Sweeps what was swept a minute ago.
pub(crate) struct SweepsEveryMinute;

#[async_trait]
impl SystemUnderTest for SweepsEveryMinute {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        let often = SweepPolicy { again_after: Duration::from_mins(1), ..policy };
        Production.tick(ports, often).await
    }
}

/// Only sweeps: mappings are what people and deployments make of them.
pub(crate) struct ReconcilesNothing;

#[async_trait]
impl SystemUnderTest for ReconcilesNothing {
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        let sweep = Sweep {
            ledger: &*ports.ledger,
            open: &*ports.open,
            stages: &*ports.stages,
            memory: &*ports.memory,
            queues: &ports.queues,
            clock: &*ports.clock,
            policy,
        };
        sweep.run().await;
        no_round()
    }
}

/// Forgets who paused: a mapping that is on is meant to be on.
pub(crate) struct ForgetsPauses;

#[async_trait]
impl SystemUnderTest for ForgetsPauses {
    async fn set_flowing(&self, ports: &WorldPorts, stack: &StageStack, flowing: bool) -> bool {
        ports.stages.set_enabled(stack.name, flowing).await == Ok(SetEnabled::Done)
    }

    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        ReconcilesNothing.tick(ports, policy).await
    }
}

/// Gives up what fails too often, whoever's fault it is.
pub(crate) struct BlamesTheMessage;

#[async_trait]
impl SystemUnderTest for BlamesTheMessage {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Box::new(NeverPutsOff(Production.score(ports)))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Box::new(NeverPutsOff(Production.email(ports, policy)))
    }

    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        ReconcilesNothing.tick(ports, policy).await
    }
}

struct NeverPutsOff(Box<dyn Stage>);

#[async_trait]
impl Stage for NeverPutsOff {
    async fn handle(&self, task: &Task) -> Verdict {
        self.0.handle(task).await
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.0.give_up(message, cause).await;
    }

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        false
    }
}
