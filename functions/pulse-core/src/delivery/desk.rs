use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Endpoint, EndpointBook, EndpointControl, EndpointName, Gone};
use crate::{
    failure::Cause,
    ports::{Clock, EndpointControls, LedgerError},
    stage::{Meter, MeterReading, Watch},
};

/// So many calls to an endpoint that fail one after the other end an invocation's calling it.
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
    counters: Mutex<BTreeMap<EndpointName, Arc<Counter>>>,
}

/// An endpoint, as an invocation sees it.
pub struct Counter {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Counts the calls to it.
    pub meter: Meter,
    control: EndpointControl,
    free: AtomicU32,
    is_gone: Mutex<bool>,
}

/// A call to an endpoint that may be made, until this is dropped.
pub struct Lane(Arc<Counter>);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::AcqRel);
    }
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
        let cause = if is_gone {
            format!("Endpoint {name} asked not to be called again.")
        } else if failed >= FUSE {
            format!("Endpoint {name} failed {failed} calls in a row: left alone.")
        } else {
            return None;
        };
        Some(Withheld { cause: Cause::new(cause) })
    }

    /// A lane, if one is free.
    #[must_use]
    pub fn lane(self: &Arc<Self>) -> Option<Lane> {
        let less = |free: u32| free.checked_sub(1);
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok().then(|| Lane(Arc::clone(self)))
    }
}

impl EndpointDesk {
    /// A desk that knows nothing yet.
    #[must_use]
    pub fn new(
        book: Arc<EndpointBook>,
        controls: Arc<dyn EndpointControls>,
        clock: Arc<dyn Clock>,
        invocations: NonZeroU32,
    ) -> Self {
        Self { book, controls, clock, invocations, counters: Mutex::default() }
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
        let free = if control.is_being_tried(self.clock.now()) { lanes.min(1) } else { lanes };
        let counter = Counter {
            endpoint,
            meter: Meter::default(),
            control,
            free: AtomicU32::new(free),
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

    fn counters(&self) -> std::sync::MutexGuard<'_, BTreeMap<EndpointName, Arc<Counter>>> {
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

    fn patience(&self) -> Duration {
        Duration::MAX
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
