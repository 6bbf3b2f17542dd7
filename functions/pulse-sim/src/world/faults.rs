use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::stage::PerStage;

use super::feedback::RecipientWays;
use crate::time::VirtualTime;

/// How often a call fails.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Noise {
    /// The chance that nothing was done and the caller hears so.
    pub refused: f64,
    /// The chance that it was done and the caller hears of a failure.
    pub answer_lost: f64,
}

/// A provider that is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// It refuses at once.
    Refusing,
    /// It doesn't answer.
    Hanging,
    /// It asks to be left alone for so long (429 with Retry-After).
    Limiting(Duration),
    /// It answers with an internal error, and may have done what it was asked.
    Failing,
}

/// What goes wrong at a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProviderFaults {
    /// Whether it is out of order.
    pub down: Option<Down>,
    /// The chance of a refusal that is worth another try.
    pub retry: f64,
    /// The chance of a refusal that isn't.
    pub fail: f64,
    /// The chance that it does what it is asked and never answers.
    pub answer_lost: f64,
    /// The chance that it answers nothing, and does what it was asked minutes later.
    pub late: f64,
    /// How many times as long it takes. Nothing is as long as ever.
    pub slower: f64,
}

/// What goes wrong with what is told of mails: chances.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FeedbackFaults {
    /// That an event is never told.
    pub lost: f64,
    /// That it is told at any time within a fortnight.
    pub late: f64,
    /// That it is told twice.
    pub repeated: f64,
    /// That someone else's mail is told of beside it, and something forged.
    pub strangers: f64,
    /// That no parser can read it, until that is mended.
    pub unreadable: f64,
    /// Whether the intake isn't read as it is to be: its mappings are off, or its function may not run.
    pub is_held_up: bool,
}

impl Faults {
    /// Whether a tick may miss what it is to see.
    #[must_use]
    pub fn disturbs_ticks(&self) -> bool {
        let is_noisy = |noise: Noise| noise != Noise::default();
        is_noisy(self.ledger) || is_noisy(self.queue) || self.death > 0.0 || self.tick_death > 0.0
    }
}

/// What goes wrong now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// Calls to the ledger.
    pub ledger: Noise,
    /// Calls to queues.
    pub queue: Noise,
    /// The chance, at each call that a worker makes, that it dies there.
    pub death: f64,
    /// The same of a tick, beside what it shares with workers.
    pub tick_death: f64,
    /// The chance that a worker's answer to its mapping can't be read.
    pub bad_answer: f64,
    /// The chance that a batch which a poller has received never reaches its function.
    pub lost_batch: f64,
    /// The stages' providers.
    pub providers: PerStage<ProviderFaults>,
    /// Whether the tick, every minute, and audit, every day, don't run.
    pub nothing_scheduled: bool,
    /// What is told of mails.
    pub feedback: FeedbackFaults,
    /// How recipients take mails, if not as ever.
    pub recipients: Option<RecipientWays>,
}

impl ProviderFaults {
    /// How long a call takes that takes so long as ever.
    pub(super) fn stretched(&self, takes: Duration) -> Duration {
        if self.slower > 0.0 { takes.mul_f64(self.slower) } else { takes }
    }
}

impl Faults {
    /// Whether nothing goes wrong that what was handed to the intake could meet on its way to the ledger.
    fn leave_the_intake_well(&self) -> bool {
        // What a tick doesn't do, the intake doesn't wait for.
        let Self { ledger, queue, death, bad_answer, lost_batch, feedback, .. } = self;
        let is_quiet = |noise: &Noise| *noise == Noise::default();
        let chances = [death, bad_answer, lost_batch];
        is_quiet(ledger) && is_quiet(queue) && chances.iter().all(|chance| **chance <= 0.0) && !feedback.is_held_up
    }
}

#[derive(Debug)]
struct Active {
    faults: Faults,
    /// Since when the intake is well, if it is.
    well_since: Option<Timestamp>,
}

/// What goes wrong, as it changes.
#[derive(Debug)]
pub struct ActiveFaults {
    time: VirtualTime,
    active: Mutex<Active>,
}

impl ActiveFaults {
    /// Nothing goes wrong, from now on.
    #[must_use]
    pub fn none(time: &VirtualTime) -> Self {
        Self {
            time: time.clone(),
            active: Mutex::new(Active { faults: Faults::default(), well_since: Some(time.now()) }),
        }
    }

    /// What goes wrong now.
    #[must_use]
    pub fn now(&self) -> Faults {
        self.active().faults
    }

    /// From now on, this goes wrong.
    pub fn set(&self, conditions: Faults) {
        let now = self.time.now();
        let mut active = self.active();
        let is_well = conditions.leave_the_intake_well();
        active.faults = conditions;
        active.well_since = is_well.then(|| active.well_since.unwrap_or(now));
    }

    /// Since when nothing is wrong with how what is told gets to the ledger, if nothing is.
    #[must_use]
    pub fn well_since(&self) -> Option<Timestamp> {
        self.active().well_since
    }

    fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
