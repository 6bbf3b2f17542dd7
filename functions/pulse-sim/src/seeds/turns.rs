//! What begins and ends with a fault, beside what goes wrong all the time that it lasts.

use std::sync::Arc;

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{entry::StageName, ports::Controls as _};

use super::fault::Kind;
use crate::{lambda::MappingState, world::World};

/// Begins a fault that ends at `until`. One on a single customer, and what happens once, are the caller's.
pub(crate) fn begin(world: &Arc<World>, kind: &Kind, until: Timestamp) {
    match kind {
        Kind::Pause(stage) => world.set_flowing(*stage, false),
        // One that the breaker has disabled can't be disabled once more: whoever wants a pause asks for it.
        Kind::Disable(stage) if world.stack(*stage).mapping.state() != MappingState::Enabled => {
            world.set_flowing(*stage, false);
        }
        Kind::Disable(stage) => world.switch_by_hand(*stage, false),
        Kind::Throttle(stage, reserved) => world.stack(*stage).function.set_reserved_concurrency(Some(*reserved)),
        Kind::IntakeOff => world.switch_intake_by_hand(false),
        Kind::IntakeThrottled(reserved) => world.intake_function.set_reserved(Some(*reserved)),
        Kind::Endpoint(which, faults) => world.trouble_endpoint(*which, *faults),
        Kind::SchedulerCutOff => world.scheduler.set_target_down(until),
        Kind::SchedulerRefused(how) => world.scheduler.set_target_failing(*how, until),
        _ => {}
    }
}

/// Ends it. `still_paused` is whether another pause of its stage goes on.
pub(crate) fn end(world: &Arc<World>, kind: &Kind, still_paused: bool) {
    match kind {
        Kind::Pause(stage) => world.set_flowing(*stage, true),
        Kind::Disable(stage) if is_paused_by_command(world, *stage) => world.set_flowing(*stage, true),
        Kind::Disable(stage) => {
            if !still_paused {
                world.resume_what_was_kept(*stage);
            }
            world.switch_by_hand(*stage, true);
        }
        Kind::Throttle(stage, reserved) => {
            if *reserved == 0 && !still_paused {
                world.resume_what_was_kept(*stage);
            }
            let size = world.settings.stages[*stage].maximum_concurrency;
            world.stack(*stage).function.set_reserved_concurrency(Some(size));
        }
        Kind::IntakeOff => world.switch_intake_by_hand(true),
        Kind::IntakeThrottled(_) => world.intake_function.set_reserved(None),
        Kind::Endpoint(which, _) => world.mend_endpoint(*which),
        _ => {}
    }
}

fn is_paused_by_command(world: &World, stage: StageName) -> bool {
    let control = world.ledger.control(stage).now_or_never().and_then(Result::ok);
    control.is_some_and(|control| control.pause.is_some())
}
