use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::time::VirtualTime;

/// Counts a provider's calls, and how many are under way.
#[derive(Clone)]
pub struct ProviderLanes {
    time: VirtualTime,
    counts: Arc<Mutex<Counts>>,
}

struct Counts {
    calls: u64,
    under_way: u32,
    peak: u32,
    /// Call-seconds so far, up to `since`.
    busy: f64,
    since: Timestamp,
}

/// How lanes were used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LaneUse {
    /// Calls that were begun.
    pub calls: u64,
    /// Calls under way.
    pub under_way: u32,
    /// The most calls that were ever under way at once.
    pub peak: u32,
    /// Seconds that lanes were busy, all together.
    pub busy_seconds: f64,
}

impl ProviderLanes {
    /// No calls yet.
    #[must_use]
    pub fn new(time: &VirtualTime) -> Self {
        let counts = Counts { calls: 0, under_way: 0, peak: 0, busy: 0.0, since: time.now() };
        Self { time: time.clone(), counts: Arc::new(Mutex::new(counts)) }
    }

    /// Counts a call that lasts until the answer is dropped.
    pub(super) fn enter(&self) -> Call<'_> {
        let mut counts = self.counts();
        counts.calls += 1;
        counts.under_way += 1;
        counts.peak = counts.peak.max(counts.under_way);
        Call(self)
    }

    /// How they were used so far.
    #[must_use]
    pub fn used(&self) -> LaneUse {
        let counts = self.counts();
        LaneUse { calls: counts.calls, under_way: counts.under_way, peak: counts.peak, busy_seconds: counts.busy }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.time.now();
        counts.busy += f64::from(counts.under_way) * now.duration_since(counts.since).as_secs_f64();
        counts.since = now;
        counts
    }
}

/// A call under way. Ends when it is dropped, be it answered or given up.
pub(super) struct Call<'l>(&'l ProviderLanes);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.counts().under_way -= 1;
    }
}
