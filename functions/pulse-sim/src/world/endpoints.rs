use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    delivery::{Endpoint, EndpointName, FactId, Subject},
    failure::Cause,
    ports::{Courier, CourierError, Word},
};

use super::{
    faults::Down,
    invariants::{InvariantChecker, Promise},
    lanes::{LaneUse, ProviderLanes},
    scoring::REFUSAL,
    settings::Latency,
    trace::Trace,
};
use crate::{random::Stream, time::VirtualTime};

/// Another system that is told of what happens, and how it takes that.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedEndpoint {
    /// Of what it is told.
    pub endpoint: Endpoint,
    /// How long it takes.
    pub latency: Latency,
}

/// What goes wrong at an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EndpointFaults {
    /// Whether it is out of order.
    pub down: Option<Down>,
    /// The chance that it answers with an internal error, and did nothing.
    pub retry: f64,
    /// The chance that it takes what it is told, and its answer is lost.
    pub answer_lost: f64,
    /// The chance that it refuses a fact, always the same ones.
    pub rejected: f64,
    /// Whether it asks never to be called again.
    pub is_gone: bool,
    /// Whether it refuses whatever it is told, as some do that have another key.
    pub has_another_key: bool,
}

/// All endpoints, which drop what they have by its id, as they are told to.
#[derive(Clone)]
pub struct SimEndpoints {
    pub(super) time: VirtualTime,
    pub(super) random: Arc<Stream>,
    /// After how long the client gives up.
    pub(super) timeout: Duration,
    pub(super) lanes: ProviderLanes,
    pub(super) trace: Trace,
    pub(super) checker: InvariantChecker,
    pub(super) receivers: Arc<BTreeMap<EndpointName, Receiver>>,
}

/// One endpoint.
pub(super) struct Receiver {
    of: SimulatedEndpoint,
    lanes: ProviderLanes,
    state: Mutex<ReceiverState>,
}

#[derive(Default)]
struct ReceiverState {
    faults: EndpointFaults,
    /// When each fact was taken first.
    has: BTreeMap<FactId, Timestamp>,
    /// The newest version of each subject that it has.
    newest: BTreeMap<Subject, u64>,
    refused: BTreeSet<FactId>,
    repeats: u64,
    latencies: Vec<Duration>,
}

impl Receiver {
    pub(super) fn new(of: SimulatedEndpoint, time: &VirtualTime) -> Self {
        Self { of, lanes: ProviderLanes::new(time), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, ReceiverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimEndpoints {
    /// What an endpoint has, and since when.
    #[must_use]
    pub fn received(&self, name: &EndpointName) -> BTreeMap<FactId, Timestamp> {
        self.receivers.get(name).map(|receiver| receiver.state().has.clone()).unwrap_or_default()
    }

    /// What it has refused.
    #[must_use]
    pub fn refused(&self, name: &EndpointName) -> BTreeSet<FactId> {
        self.receivers.get(name).map(|receiver| receiver.state().refused.clone()).unwrap_or_default()
    }

    /// How often it was told what it had.
    #[must_use]
    pub fn repeats(&self, name: &EndpointName) -> u64 {
        self.receivers.get(name).map_or(0, |receiver| receiver.state().repeats)
    }

    /// How long facts took from when they were written down to when the endpoint took them first.
    #[must_use]
    pub fn latencies(&self, name: &EndpointName) -> Vec<Duration> {
        self.receivers.get(name).map(|receiver| receiver.state().latencies.clone()).unwrap_or_default()
    }

    /// From now on, this goes wrong at an endpoint.
    pub fn set(&self, name: &EndpointName, faults: EndpointFaults) {
        if let Some(receiver) = self.receivers.get(name) {
            receiver.state().faults = faults;
        }
    }

    /// How the lanes to all of them together were used so far.
    #[must_use]
    pub fn lanes(&self) -> LaneUse {
        self.lanes.used()
    }

    /// How the lanes to one of them were used so far.
    #[must_use]
    pub fn lanes_to(&self, name: &EndpointName) -> LaneUse {
        self.receivers.get(name).map(|receiver| receiver.lanes.used()).unwrap_or_default()
    }

    async fn answer(&self, word: &Word, fact: &FactId, receiver: &Receiver) -> Result<(), CourierError> {
        let faults = receiver.state().faults;
        let retry = |after, cause: &str| Err(CourierError::Retry { after, cause: Cause::new(cause) });
        if faults.is_gone {
            self.time.sleep(REFUSAL).await;
            return Err(CourierError::Gone { cause: Cause::new("The endpoint answered 410.") });
        }
        if faults.has_another_key {
            self.time.sleep(REFUSAL).await;
            return Err(CourierError::Rejected { cause: Cause::new("The endpoint answered 400.") });
        }
        match faults.down {
            Some(Down::Refusing | Down::Failing) => {
                self.time.sleep(REFUSAL).await;
                return retry(None, "The endpoint is down.");
            }
            Some(Down::Limiting(after)) => {
                self.time.sleep(REFUSAL).await;
                return retry(Some(after), "The endpoint asks to be left alone.");
            }
            Some(Down::Hanging) => {
                self.time.sleep(self.timeout).await;
                return retry(None, "The endpoint doesn't answer.");
            }
            None => {}
        }
        let takes = self.random.lognormal(receiver.of.latency.mean, receiver.of.latency.sigma);
        if takes > self.timeout {
            self.time.sleep(self.timeout).await;
            return retry(None, "The endpoint doesn't answer.");
        }
        self.time.sleep(takes).await;
        if self.random.chance(faults.retry) {
            return retry(None, "The endpoint answered 500.");
        }
        if self.random.chance(faults.rejected) || receiver.state().refused.contains(fact) {
            receiver.state().refused.insert(fact.clone());
            return Err(CourierError::Rejected { cause: Cause::new("The endpoint answered 422.") });
        }
        self.take(word, fact, receiver);
        if self.random.chance(faults.answer_lost) {
            return retry(None, "The endpoint hung up without an answer.");
        }
        Ok(())
    }

    /// Drops what it has, by its id. What comes for the first time must be newer than all that it has of the same subject.
    fn take(&self, word: &Word, fact: &FactId, receiver: &Receiver) {
        let now = self.time.now();
        let mut state = receiver.state();
        if state.has.contains_key(fact) {
            state.repeats += 1;
            return;
        }
        state.has.insert(fact.clone(), now);
        state.latencies.push(Duration::try_from(now.duration_since(word.written_at)).unwrap_or_default());
        let newest = state.newest.get(&fact.subject).copied().unwrap_or_default();
        // What it refused once comes when somebody brings it back.
        if newest > fact.version && !state.refused.contains(fact) {
            let name = &receiver.of.endpoint.name;
            let what = format!("{name} hears {fact} after version {newest}");
            self.checker.saw(Promise::FactsInOrder, None, now, what);
        }
        state.newest.insert(fact.subject.clone(), fact.version.max(newest));
    }
}

#[async_trait]
impl Courier for SimEndpoints {
    async fn bring(&self, word: &Word, to: &Endpoint) -> Result<(), CourierError> {
        let Some(receiver) = self.receivers.get(&to.name) else {
            return Err(CourierError::Gone { cause: Cause::new("There is no such endpoint.") });
        };
        let Ok(fact) = word.id.parse::<FactId>() else {
            return Err(CourierError::Rejected { cause: Cause::new("It isn't word of a fact.") });
        };
        let (_all, _own) = (self.lanes.enter(), receiver.lanes.enter());
        let (used, lanes) = (receiver.lanes.used(), to.lanes.get());
        if used.under_way > lanes {
            let what = format!("{} sees {} calls at once on {lanes} lanes", to.name, used.under_way);
            self.checker.saw(Promise::LanesHeld, None, self.time.now(), what);
        }
        let answer = self.answer(word, &fact, receiver).await;
        let outcome = match &answer {
            Ok(()) => "delivered",
            Err(CourierError::Retry { .. }) => "retry",
            Err(CourierError::Rejected { .. }) => "rejected",
            Err(CourierError::Gone { .. }) => "gone",
        };
        self.trace.event(self.time.now(), format_args!("{} to {} {outcome}", word.id, to.name));
        self.trace.line(self.time.now(), || match &answer {
            Ok(()) => format!("{} has {}", to.name, word.id),
            Err(error) => format!("{} hasn't {}: {error}", to.name, word.id),
        });
        answer
    }
}
