use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{Probed, SetEnabled, StageError, StageStatus, Stages, Switch},
    stage::StageSet,
};

/// Stages that are all alike. A mapping takes some looks to be switched.
#[derive(Default)]
pub(super) struct FakeStages(Mutex<State>);

pub(super) struct State {
    pub(super) mapping: Switch,
    pub(super) reserved: Option<u32>,
    /// After how many looks a mapping that is being switched is.
    pub(super) takes: u32,
    looks: u32,
    /// One of them is done between two looks.
    pub(super) in_flight: u64,
    pub(super) is_out_of_reach: bool,
    /// They can be switched, but not be looked at.
    pub(super) is_blind: bool,
    /// Which ways the mapping was turned.
    pub(super) turned: Vec<bool>,
    /// Whether there is a call stage.
    pub(super) calls: bool,
}

impl Default for State {
    fn default() -> Self {
        let (mapping, reserved) = (Switch::On, Some(5));
        let (is_out_of_reach, is_blind) = (false, false);
        Self {
            mapping,
            reserved,
            takes: 0,
            looks: 0,
            in_flight: 0,
            is_out_of_reach,
            is_blind,
            turned: Vec::new(),
            calls: false,
        }
    }
}

impl FakeStages {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn out_of_reach(stage: StageName) -> StageError {
    StageError { stage, cause: Cause::new("Lambda can't be reached.") }
}

#[async_trait]
impl Stages for FakeStages {
    fn deployed(&self) -> StageSet {
        if self.state().calls { StageSet::full() } else { StageSet::of_every_stack() }
    }

    async fn status(&self, stage: StageName) -> Result<StageStatus, StageError> {
        let mut seen = self.state();
        if seen.is_out_of_reach || seen.is_blind {
            return Err(out_of_reach(stage));
        }
        seen.looks += 1;
        if seen.looks > seen.takes {
            seen.mapping = if seen.mapping.is_on() { Switch::On } else { Switch::Off };
        }
        let State { mapping, reserved, in_flight, .. } = *seen;
        seen.in_flight = in_flight.saturating_sub(1);
        Ok(StageStatus { mapping, reserved, waiting: 7, in_flight })
    }

    async fn set_enabled(&self, stage: StageName, on: bool) -> Result<SetEnabled, StageError> {
        let mut seen = self.state();
        if seen.is_out_of_reach {
            return Err(out_of_reach(stage));
        }
        if seen.mapping.is_on() != on {
            seen.mapping = if on { Switch::TurningOn } else { Switch::TurningOff };
            seen.looks = 0;
            seen.turned.push(on);
        }
        Ok(SetEnabled::Done)
    }

    async fn probe(&self, _: StageName, _: usize) -> Result<Probed, StageError> {
        Ok(Probed::default())
    }

    async fn is_being_deployed(&self) -> Result<bool, StageError> {
        Ok(false)
    }
}
