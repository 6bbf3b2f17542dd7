//! A courier in memory: endpoints that take what they are told, unless they are to fail.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    delivery::{Endpoint, EndpointName},
    ports::{Courier, CourierError, Word},
};

/// Endpoints in memory.
#[derive(Debug, Default)]
pub struct MemoryCourier(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    brought: Vec<(EndpointName, Word)>,
    failures: BTreeMap<EndpointName, VecDeque<CourierError>>,
    is_down: Option<EndpointName>,
    refused: Vec<String>,
}

impl MemoryCourier {
    /// All calls so far that were taken, in their order, repeats too.
    #[must_use]
    pub fn brought(&self) -> Vec<(EndpointName, Word)> {
        self.state().brought.clone()
    }

    /// The next calls to an endpoint fail so.
    pub fn fail_next(&self, name: &EndpointName, failures: impl IntoIterator<Item = CourierError>) {
        self.state().failures.entry(name.clone()).or_default().extend(failures);
    }

    /// From now on this endpoint is down, or none is.
    pub fn set_down(&self, name: Option<EndpointName>) {
        self.state().is_down = name;
    }

    /// From now on word of these ids is refused, and none else.
    pub fn set_refused(&self, ids: impl IntoIterator<Item = String>) {
        self.state().refused = ids.into_iter().collect();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Courier for MemoryCourier {
    async fn bring(&self, word: &Word, to: &Endpoint) -> Result<(), CourierError> {
        let mut state = self.state();
        if state.is_down.as_ref() == Some(&to.name) {
            let cause = pulse_core::failure::Cause::new("The endpoint is down.");
            return Err(CourierError::Retry { after: None, cause });
        }
        if let Some(failure) = state.failures.get_mut(&to.name).and_then(VecDeque::pop_front) {
            return Err(failure);
        }
        if state.refused.contains(&word.id) {
            return Err(CourierError::Rejected {
                cause: pulse_core::failure::Cause::new("The endpoint answered 422."),
            });
        }
        state.brought.push((to.name.clone(), word.clone()));
        Ok(())
    }
}
