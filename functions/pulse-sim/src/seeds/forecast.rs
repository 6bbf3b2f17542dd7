//! The faults that are active at an instant, of those that a run may have.

use super::fault::{Fault, Kind};
use crate::world::{Faults, Noise, ProviderFaults};

/// What goes wrong while these faults last.
pub(super) fn faults<'f>(faults: impl Iterator<Item = &'f Fault>) -> Faults {
    let mut now = Faults::default();
    for fault in faults {
        match &fault.kind {
            Kind::Ledger(noise) => now.ledger = louder(now.ledger, *noise),
            Kind::Queues(noise) => now.queue = louder(now.queue, *noise),
            Kind::Deaths(chance) => now.death = now.death.max(*chance),
            Kind::BadAnswers(chance) => now.bad_answer = now.bad_answer.max(*chance),
            Kind::Unreliable(stage, faults) => {
                let provider = &mut now.providers[*stage];
                *provider = ProviderFaults { down: provider.down, ..*faults };
            }
            Kind::Outage(stage, down) => now.providers[*stage].down = Some(*down),
            Kind::NoChores => now.no_chores = true,
            Kind::SchedulerCutOff
            | Kind::Pause(_)
            | Kind::Disable(_)
            | Kind::Throttle(..)
            | Kind::Panic(..)
            | Kind::Once(_) => {}
        }
    }
    now
}

fn louder(one: Noise, other: Noise) -> Noise {
    Noise { refused: one.refused.max(other.refused), answer_lost: one.answer_lost.max(other.answer_lost) }
}
