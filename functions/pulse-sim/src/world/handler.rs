use std::sync::Weak;

use futures::future::BoxFuture;
use pulse_core::{
    entry::StageName,
    stage::{CLOSING_TIME, RawMessage, WorkerSettings},
};

use super::{build::World, faults::Noise, invariants::Promise, neighbours::BatchWatch};
use crate::lambda::{Answer, Handler, Invocation};

/// Answers that are a complete failure, whatever became of the batch.
pub(super) const BAD_ANSWERS: [&str; 5] = [
    "Internal Server Error",
    r#"{"batchItemFailures":[{"foo":"x"}]}"#,
    r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
    r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
    r#"{"batchItemFailures":[{"itemIdentifier":"unknown"}]}"#,
];

/// A stage's function: the product's code on one batch.
pub(super) struct StageHandler {
    pub(super) world: Weak<World>,
    pub(super) stage: StageName,
}

impl Handler for StageHandler {
    fn handle(&self, batch: Vec<RawMessage>, invocation: Invocation) -> BoxFuture<'static, Answer> {
        let (world, name) = (self.world.upgrade(), self.stage);
        Box::pin(async move {
            let Some(world) = world else { return Answer::Error };
            let ports = world.panics.around(world.ports(Some(&invocation)));
            let stage = world.product.stage(name, &ports, world.settings.policy);
            let in_flight = world.lane_control.in_flight(name) as usize;
            let settings = WorkerSettings { in_flight, ..world.settings.stages[name].worker };
            let product = world.product.clone();
            let watch = BatchWatch::over(&batch, world.panics.are_planned());
            let stage = watch.stage(stage);
            let worked = watch.follow(product.work(stage, name, &ports, settings, batch, invocation.deadline)).await;
            let now = world.time.now();
            let had_time = now + settings.call_timeout + CLOSING_TIME < invocation.deadline;
            // Whom a stage was done with comes back if the next stage's queue couldn't be used.
            let could_queue = world.faults.now().queue == Noise::default();
            let cost = watch.cost(worked.as_ref(), had_time);
            if let Some((who, others)) = cost.filter(|(_, others)| *others > 0 && could_queue) {
                let what = format!("a panic on {who} costs {others} other messages of its batch a receive");
                world.checker.saw(Promise::PanicsStayAlone, Some(&who), now, what);
            }
            let Some(worked) = worked else { return Answer::Error };
            if world.chance_of_bad_answer() {
                world.trace.line(world.time.now(), || format!("the {name} function's answer can't be read"));
                return world.bad_answer();
            }
            Answer::failures(&worked.unfinished)
        })
    }

    fn is_reached(&self) -> bool {
        let Some(world) = self.world.upgrade() else { return true };
        let is_lost = world.chance_of_lost_batch();
        if is_lost {
            world.trace.line(world.time.now(), || format!("a batch never reaches the {} function", self.stage));
        }
        !is_lost
    }
}
