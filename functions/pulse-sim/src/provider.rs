//! What the providers in memory share: scripts of what goes wrong, the time that a call takes, and
//! a meter of calls.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::future::{BoxFuture, FutureExt, ready};
use pulse_core::entry::EntryId;

/// A call's way to the provider or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// The request, until the provider acts on it.
    There,
    /// The answer.
    Back,
}

/// The time that a call takes, as a future that the caller makes: of a virtual clock, or of gates
/// that a test opens.
pub struct SimulatedLatency(Box<dyn Fn(Leg) -> BoxFuture<'static, ()> + Send + Sync>);

impl SimulatedLatency {
    /// A latency of which each leg lasts as long as the future that `leg` makes.
    pub fn new(leg: impl Fn(Leg) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Box::new(leg))
    }

    /// No time at all.
    #[must_use]
    pub fn at_once() -> Self {
        Self::new(|_| ready(()).boxed())
    }

    pub(crate) async fn take(&self, leg: Leg) {
        (self.0)(leg).await;
    }
}

/// What is to go wrong, first for an entry, then for any.
pub(crate) struct Script<T>(Mutex<BTreeMap<Option<EntryId>, VecDeque<T>>>);

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Script<T> {
    pub(crate) fn push(&self, entry: Option<EntryId>, steps: impl IntoIterator<Item = T>) {
        self.lock().entry(entry).or_default().extend(steps);
    }

    pub(crate) fn next(&self, entry: &EntryId) -> Option<T> {
        let mut steps = self.lock();
        let own = steps.get_mut(&Some(entry.clone())).and_then(VecDeque::pop_front);
        own.or_else(|| steps.get_mut(&None).and_then(VecDeque::pop_front))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Option<EntryId>, VecDeque<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Counts {
    calls: BTreeMap<EntryId, u64>,
    under_way: usize,
    peak: usize,
}

/// Counts calls, and how many are under way at once.
#[derive(Default)]
pub(crate) struct CallMeter(Mutex<Counts>);

impl CallMeter {
    /// Counts a call that lasts until the answer is dropped.
    pub(crate) fn enter(&self, entry: &EntryId) -> UnderWay<'_> {
        let mut counts = self.lock();
        *counts.calls.entry(entry.clone()).or_default() += 1;
        counts.under_way += 1;
        counts.peak = counts.peak.max(counts.under_way);
        UnderWay(self)
    }

    pub(crate) fn calls(&self) -> BTreeMap<EntryId, u64> {
        self.lock().calls.clone()
    }

    pub(crate) fn peak(&self) -> usize {
        self.lock().peak
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Ends when it is dropped, be it answered or given up.
pub(crate) struct UnderWay<'m>(&'m CallMeter);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}
