use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pulse_core::stage::PerStage;

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
    /// The chance that a worker's answer to its mapping can't be read.
    pub bad_answer: f64,
    /// The chance that a batch which a poller has received never reaches its function.
    pub lost_batch: f64,
    /// The stages' providers.
    pub providers: PerStage<ProviderFaults>,
    /// Whether the tick, every minute, and audit, every day, don't run.
    pub nothing_scheduled: bool,
}

/// What goes wrong, as it changes.
#[derive(Debug, Default)]
pub struct ActiveFaults(Mutex<Faults>);

impl ActiveFaults {
    /// What goes wrong now.
    #[must_use]
    pub fn now(&self) -> Faults {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, this goes wrong.
    pub fn set(&self, conditions: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = conditions;
    }
}
