use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Delivery, Endpoint, EndpointBook, EndpointControl, EndpointName, Gone};
use crate::{
    control::Outcomes,
    failure::Cause,
    ports::{Clock, EndpointControls, LedgerError},
    stage::{Meter, MeterReading, Watch},
};

/// So many calls to an endpoint that fail one after the other end an invocation's calling it; and one, while it is being tried.
const FUSE: u32 = 5;

/// So long ago an endpoint's calls still tell how it is.
const LATELY: Duration = Duration::from_mins(10);

/// An endpoint that asks to be left alone is, for so long at a time.
const LEFT_ALONE: Duration = Duration::from_mins(2);

/// No longer than this does word wait within an invocation for a lane, or an endpoint that is slow would have every invocation to
/// itself. What would is put off, for tick to wake as fast as the lanes carry it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Word for an endpoint that has no lanes is put off for so long: that ends when an operator sees to it.
const WITHOUT_LANES: Duration = Duration::from_hours(1);

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
    /// How many calls this invocation may make at once, to all of them together.
    in_flight: u32,
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
    /// Since when it is being tried, if it is.
    tried_since: Option<Timestamp>,
    /// What came of the calls lately, those of other invocations too.
    lately: Outcomes,
    /// Its lanes in this invocation.
    lanes: Arc<Semaphore>,
    lane_count: u32,
    /// Who waits for one of them.
    waiting: AtomicU32,
    fuse: u32,
    is_gone: AtomicBool,
}

/// A call to an endpoint that may be made, until this is dropped.
pub struct Lane {
    _to_it: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Counter {
    /// Whether this is held back from the endpoint, and then until when at least: till now, where that may be over any moment, and
    /// tick wakes nobody's word as long as it isn't.
    #[must_use]
    pub fn withheld(&self, delivery: &Delivery, now: Timestamp) -> Option<Timestamp> {
        let reading = self.meter.read();
        let asked = self.lately.leave_alone_until.max(reading.outcomes.leave_alone_until);
        let is_held = self.control.hold(now).is_some()
            || self.is_gone.load(Ordering::Relaxed)
            // It is tried with what tick wakes for that, and no call more: each may hang, and an invocation with it.
            || self.tried_since.is_some_and(|since| !delivery.was_woken_since(since))
            || reading.failed_in_a_row >= self.fuse;
        if self.lane_count == 0 {
            return Some(now.saturating_add(WITHOUT_LANES).unwrap_or(Timestamp::MAX));
        }
        // It may be well sooner, and an operator may know: it is asked again after a while, with what comes first.
        let latest = now.saturating_add(LEFT_ALONE).unwrap_or(Timestamp::MAX);
        asked.filter(|until| *until > now).map(|until| until.min(latest)).or(is_held.then_some(now))
    }

    /// How long whoever asks now would wait for a lane, as far as that can be told.
    fn would_wait(&self) -> Duration {
        let seen = Outcomes::sum([&self.lately, &self.meter.read().outcomes]);
        let ahead = self.waiting.load(Ordering::Relaxed);
        seen.mean_latency().map_or(Duration::ZERO, |call| call * ahead / self.lane_count.max(1))
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
        let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX);
        Self { book, controls, clock, invocations, in_flight, calls, counters: Mutex::default() }
    }

    /// A lane to an endpoint, once one is free, in the order in which they are asked for. Who waits for one keeps nobody from
    /// calling another endpoint. None, where that takes too long.
    pub async fn lane(&self, to: &Counter) -> Option<Lane> {
        if to.would_wait() > PATIENCE {
            return None;
        }
        let asked_at = self.clock.now();
        to.waiting.fetch_add(1, Ordering::Relaxed);
        let to_it = Arc::clone(&to.lanes).acquire_owned().await;
        to.waiting.fetch_sub(1, Ordering::Relaxed);
        let waited = Duration::try_from(self.clock.now().duration_since(asked_at)).unwrap_or_default();
        let to_it = to_it.ok().filter(|_| waited <= PATIENCE)?;
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
        let Some(endpoint) = self.book.endpoint(name).await? else { return Ok(None) };
        let now = self.clock.now();
        let control = self.controls.endpoint_control(name).await?;
        let since = now.saturating_sub(LATELY).unwrap_or(Timestamp::MIN);
        let minutes = self.controls.endpoint_minutes(name, since).await?;
        let lane_count = endpoint.lanes_of_each(self.invocations, self.in_flight);
        // One that was out of order is called in one lane, to see.
        let tried_since = control.tried_since(now);
        let (lane_count, fuse) = if tried_since.is_some() { (lane_count.min(1), 1) } else { (lane_count, FUSE) };
        let counter = Counter {
            endpoint,
            meter: Meter::default(),
            control,
            tried_since,
            lately: Outcomes::sum(minutes.iter().map(|minute| &minute.outcomes)),
            lanes: Arc::new(Semaphore::new(usize::try_from(lane_count).unwrap_or(usize::MAX))),
            lane_count,
            waiting: AtomicU32::default(),
            fuse,
            is_gone: AtomicBool::default(),
        };
        // Someone else of this invocation may have asked meanwhile: then theirs counts, and its lanes.
        Ok(Some(Arc::clone(self.counters().entry(name.clone()).or_insert_with(|| Arc::new(counter)))))
    }

    /// Whether an endpoint has taken any word since then. It isn't known, where the ledger can't be read.
    pub async fn has_taken_since(&self, counter: &Counter, since: Timestamp) -> bool {
        let has = |outcomes: &Outcomes| outcomes.succeeded_at.is_some_and(|at| at > since);
        if has(&counter.meter.read().outcomes) {
            return true;
        }
        let minutes = self.controls.endpoint_minutes(&counter.endpoint.name, since).await;
        minutes.is_ok_and(|minutes| minutes.iter().any(|minute| has(&minute.outcomes)))
    }

    /// Writes down that an endpoint asked never to be called again, so that nobody does before an operator has looked.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub async fn is_gone(&self, counter: &Counter, cause: &Cause) -> Result<(), LedgerError> {
        counter.is_gone.store(true, Ordering::Relaxed);
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
