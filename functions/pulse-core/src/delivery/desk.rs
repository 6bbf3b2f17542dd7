use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Endpoint, EndpointBook, EndpointControl, EndpointName, Gone};
use crate::{
    failure::Cause,
    ports::{Clock, EndpointControls, LedgerError},
    stage::{Meter, MeterReading, Watch},
};

/// So many calls to an endpoint that fail one after the other end an invocation's calling it; and one, while it is being tried.
const FUSE: u32 = 5;

/// Where an invocation learns how endpoints are doing, and of whom it may call how often at once. What it knows of an endpoint
/// it asks once in an invocation: one that is held costs one look at a row.
pub struct EndpointDesk {
    /// Who they are.
    pub book: Arc<EndpointBook>,
    /// What holds word back from them.
    pub controls: Arc<dyn EndpointControls>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
    /// How many invocations may run at once. Each has as many of an endpoint's lanes as any other, so that together they never
    /// have more than there are.
    pub invocations: NonZeroU32,
    /// The calls that this invocation may make at once, to all of them together.
    calls: Arc<Semaphore>,
    counters: Mutex<BTreeMap<EndpointName, Arc<Counter>>>,
}

/// An endpoint, as an invocation sees it.
pub struct Counter {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Counts the calls to it.
    pub meter: Meter,
    control: EndpointControl,
    /// Its lanes in this invocation.
    lanes: Arc<Semaphore>,
    has_lanes: bool,
    fuse: u32,
    is_gone: Mutex<bool>,
}

/// A call to an endpoint that may be made, until this is dropped.
pub struct Lane {
    _to_it: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Why an endpoint isn't called now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Why, in words for an operator.
    pub cause: Cause,
}

impl Counter {
    /// Why word is held back from the endpoint, if it is.
    #[must_use]
    pub fn withheld(&self, now: Timestamp) -> Option<Withheld> {
        let name = &self.endpoint.name;
        if let Some(hold) = self.control.hold(now) {
            let cause = Cause::new(format!("Endpoint {name} is {}.", hold.word()));
            return Some(Withheld { cause });
        }
        let failed = self.meter.failed_in_a_row();
        let is_gone = *self.is_gone.lock().unwrap_or_else(PoisonError::into_inner);
        let cause = if !self.has_lanes {
            format!("Endpoint {name} has fewer lanes than invocations may run at once: give it more.")
        } else if is_gone {
            format!("Endpoint {name} asked not to be called again.")
        } else if failed >= self.fuse {
            format!("Endpoint {name} failed {failed} calls in a row: left alone.")
        } else {
            return None;
        };
        Some(Withheld { cause: Cause::new(cause) })
    }
}

impl EndpointDesk {
    /// A desk that knows nothing yet, of an invocation that may make so many calls at once.
    #[must_use]
    pub fn new(
        book: Arc<EndpointBook>,
        controls: Arc<dyn EndpointControls>,
        clock: Arc<dyn Clock>,
        invocations: NonZeroU32,
        in_flight: usize,
    ) -> Self {
        let calls = Arc::new(Semaphore::new(in_flight));
        Self { book, controls, clock, invocations, calls, counters: Mutex::default() }
    }

    /// A lane to an endpoint, once one is free, in the order in which they are asked for. Who waits for one keeps nobody from
    /// calling another endpoint. None is to be had of an endpoint that has none.
    pub async fn lane(&self, to: &Counter) -> Option<Lane> {
        let to_it = Arc::clone(&to.lanes).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        Some(Lane { _to_it: to_it, _of_all: of_all })
    }

    /// The endpoint of that name; none, where there is none, or none any more.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn counter(&self, name: &EndpointName) -> Result<Option<Arc<Counter>>, LedgerError> {
        if let Some(known) = self.counters().get(name) {
            return Ok(Some(Arc::clone(known)));
        }
        let endpoints = self.book.endpoints().await?;
        let known = endpoints.iter().find(|endpoint| endpoint.name == *name && endpoint.removed_at.is_none());
        let Some(endpoint) = known.cloned() else { return Ok(None) };
        let control = self.controls.endpoint_control(name).await?;
        let lanes = endpoint.lanes_of_each(self.invocations);
        // One that was out of order is called in one lane, to see.
        let (lanes, fuse) = if control.is_being_tried(self.clock.now()) { (lanes.min(1), 1) } else { (lanes, FUSE) };
        let counter = Counter {
            endpoint,
            meter: Meter::default(),
            control,
            lanes: Arc::new(Semaphore::new(usize::try_from(lanes).unwrap_or(usize::MAX))),
            has_lanes: lanes > 0,
            fuse,
            is_gone: Mutex::default(),
        };
        // Someone else of this invocation may have asked meanwhile: then theirs counts, and its lanes.
        Ok(Some(Arc::clone(self.counters().entry(name.clone()).or_insert_with(|| Arc::new(counter)))))
    }

    /// Writes down that an endpoint asked never to be called again, so that nobody does before an operator has looked.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn is_gone(&self, counter: &Counter, cause: &Cause) -> Result<(), LedgerError> {
        *counter.is_gone.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let name = &counter.endpoint.name;
        // Someone else may write the row in between, as tick does; but not over and over.
        for _ in 0..3 {
            let mut control = self.controls.endpoint_control(name).await?;
            if control.gone.is_some() {
                return Ok(());
            }
            control.version += 1;
            control.gone = Some(Gone { since: self.clock.now(), cause: cause.clone() });
            if self.controls.save_endpoint_control(name, &control).await? {
                tracing::error!(endpoint = %name, %cause, "the endpoint asks not to be called again: it is held");
                return Ok(());
            }
        }
        Ok(())
    }

    fn counters(&self) -> MutexGuard<'_, BTreeMap<EndpointName, Arc<Counter>>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An endpoint's trouble is its own: it ends nobody else's calls, and no delivery's tries.
#[async_trait]
impl Watch for EndpointDesk {
    fn fuse(&self) -> Option<Cause> {
        None
    }

    async fn is_in_trouble(&self, _now: Timestamp) -> bool {
        true
    }

    /// All of a batch: each waits for a lane to its own endpoint, and none for those that others are calling.
    fn side_by_side(&self, _in_flight: usize) -> usize {
        usize::MAX
    }

    fn patience(&self) -> Option<Duration> {
        None
    }

    async fn report(&self, now: Timestamp) -> MeterReading {
        let counters = std::mem::take(&mut *self.counters());
        let mut all = MeterReading::default();
        for (name, counter) in counters {
            let reading = counter.meter.take();
            if reading.outcomes.calls > 0
                && let Err(error) = self.controls.report_endpoint(&name, now, &reading.outcomes).await
            {
                tracing::warn!(endpoint = %name, %error, "couldn't report what came of the calls to an endpoint");
            }
            all = all.with(reading);
        }
        all
    }
}
