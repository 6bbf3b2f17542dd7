//! Batches as they are gathered.

use std::time::Duration;

use jiff::Timestamp;

use super::pollers::POLLERS;
use crate::queue::Received;

/// The most messages that one `ReceiveMessage` gives.
const RECEIVE: usize = 10;

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) messages: Vec<Received>,
    /// When it is handed over even if it isn't full.
    closes_at: Timestamp,
    /// When its first messages become visible to others again.
    pub(super) visible_at: Timestamp,
}

/// How large a batch becomes, and when it is handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) most: usize,
    pub(super) window: Duration,
    pub(super) visibility: Duration,
}

/// What each poller gathers. A message goes to whichever poller it happens to answer, so that few
/// messages make many small batches.
#[derive(Debug, Default)]
pub(super) struct Gathering([Option<Batch>; POLLERS]);

impl Gathering {
    /// How many batches are being gathered.
    pub(super) fn len(&self) -> u32 {
        self.0.iter().flatten().fold(0, |count, _| count + 1)
    }

    /// The pollers that may read: all, if a batch may be begun, or those that have begun one.
    pub(super) fn readers(&self, may_begin: bool) -> impl Iterator<Item = usize> + Clone {
        let begun = self.0.each_ref().map(Option::is_some);
        (0..POLLERS).filter(move |poller| may_begin || begun[*poller])
    }

    /// How many messages a poller asks for.
    pub(super) fn asks_for(&self, poller: usize, most: usize) -> usize {
        let gathered = self.0[poller].as_ref().map_or(0, |batch| batch.messages.len());
        most.saturating_sub(gathered).clamp(1, RECEIVE)
    }

    /// Adds what a poller received. Gives the batch back if it is full, or isn't to be waited for.
    pub(super) fn add(
        &mut self,
        poller: usize,
        received: Vec<Received>,
        measure: Measure,
        now: Timestamp,
    ) -> Option<Batch> {
        let batch = self.0[poller].get_or_insert_with(|| Batch {
            messages: Vec::with_capacity(received.len()),
            closes_at: later(now, measure.window),
            visible_at: later(now, measure.visibility),
        });
        batch.messages.extend(received);
        let is_ripe = batch.messages.len() >= measure.most || batch.closes_at <= now;
        if is_ripe { self.0[poller].take() } else { None }
    }

    /// The batches whose window is over.
    pub(super) fn ripe(&mut self, now: Timestamp) -> impl Iterator<Item = Batch> {
        self.0.iter_mut().filter_map(move |place| place.take_if(|batch| batch.closes_at <= now))
    }

    /// When the next window is over.
    pub(super) fn closes_at(&self) -> Option<Timestamp> {
        self.0.iter().flatten().map(|batch| batch.closes_at).min()
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}
