use std::sync::Weak;

use futures::future::BoxFuture;
use pulse_core::{entry::StageName, stage::Delivery};

use super::build::World;
use crate::lambda::{Answer, Handler, Invocation};

/// A stage's function: the product's code on one batch.
pub(super) struct StageHandler {
    pub(super) world: Weak<World>,
    pub(super) stage: StageName,
}

impl Handler for StageHandler {
    fn handle(&self, batch: Vec<Delivery>, invocation: Invocation) -> BoxFuture<'static, Answer> {
        let (world, name) = (self.world.upgrade(), self.stage);
        Box::pin(async move {
            let Some(world) = world else { return Answer::Unreadable };
            let ports = world.ports(Some(invocation.doom));
            let stage = world.product.stage(name, &ports, world.settings.policy);
            let settings = world.settings.stages[name].worker;
            let product = world.product.clone();
            let worked = product.work(stage, name, &ports, settings, batch, invocation.deadline).await;
            if world.chance_of_bad_answer() {
                world.trace.line(world.time.now(), || format!("the {name} function's answer can't be read"));
                return Answer::Unreadable;
            }
            Answer::Failures(worked.unfinished)
        })
    }
}
