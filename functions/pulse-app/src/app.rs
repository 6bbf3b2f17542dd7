use std::sync::Arc;

use pulse_core::{
    control::Actor,
    pacing::PacedSchedules,
    ports::{Clock, Ports},
};

use crate::Settings;

/// What operators do, as methods. The command line makes one for each command, with the operator as its actor; a
/// console makes one for each request.
#[derive(Clone)]
pub struct App {
    /// What it all stands on.
    pub ports: Ports,
    /// What the deployed functions go by.
    pub settings: Arc<dyn Settings>,
    /// Who does it.
    pub actor: Actor,
}

impl App {
    /// By which all that the app decides and writes is dated.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.sleeper
    }

    /// The scheduler, at a pace that it bears: one for all that a use case asks.
    pub(crate) fn schedules(&self) -> PacedSchedules<'_> {
        PacedSchedules::new(&*self.ports.schedules, &*self.ports.sleeper)
    }
}
