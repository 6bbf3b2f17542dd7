use tokio::sync::watch;

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    calls: u64,
    in_flight: usize,
    peak: usize,
}

/// Counts a provider's calls, and how many are in flight at once.
#[derive(Debug, Default)]
pub struct RequestMeter(watch::Sender<Counts>);

impl RequestMeter {
    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    /// How many calls are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.borrow().in_flight
    }

    /// The most calls that were ever in flight at once.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.0.borrow().peak
    }

    /// Waits until exactly `many` calls are in flight.
    pub async fn in_flight_is(&self, many: usize) {
        // The sender is self, so that it can't be gone while this waits.
        let _ = self.0.subscribe().wait_for(|counts| counts.in_flight == many).await;
    }

    pub(super) fn enter(&self) -> InFlight<'_> {
        self.0.send_modify(|counts| {
            counts.calls += 1;
            counts.in_flight += 1;
            counts.peak = counts.peak.max(counts.in_flight);
        });
        InFlight(self)
    }
}

/// A call in flight. It ends when this is dropped: with its answer, or with the connection of a
/// caller that was killed.
pub(super) struct InFlight<'m>(&'m RequestMeter);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|counts| counts.in_flight -= 1);
    }
}
