//! When a mapping looks at its queue, and what it does then.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use futures::{FutureExt as _, future::OptionFuture};
use jiff::Timestamp;

use super::{gathering::Batch, mapping::Mapping, reading::Reading};
use crate::queue::Received;

/// How long to leave a queue alone that has messages but hands out none, as one does that has too many
/// in flight.
const NOTHING_TO_HAVE: Duration = Duration::from_secs(1);

/// What is to be done after a look at the queue.
struct Turn {
    ripe: Vec<Batch>,
    /// When to look again.
    next: Option<Timestamp>,
    /// Whether to look again when a message comes.
    listens: bool,
}

impl Mapping {
    /// Reads whenever there is something to read and it may, and otherwise waits for either.
    pub(super) async fn read(self: Arc<Self>) {
        loop {
            let turn = self.take_turn();
            for batch in turn.ripe {
                drop(self.time.spawn(Arc::clone(&self).carry(batch)));
            }
            self.wait(turn.next, turn.listens).await;
        }
    }

    /// Waits for a change, for the moment `next`, or for a message, if it `listens`.
    async fn wait(&self, next: Option<Timestamp>, listens: bool) {
        let mut changed = self.changed.wait();
        let mut arrival = OptionFuture::from(listens.then(|| self.queue.arrivals().wait()));
        let mut next = OptionFuture::from(next.map(|next| self.time.sleep_until(next)));
        poll_fn(|context| {
            let woken = changed.poll_unpin(context).is_ready()
                || matches!(arrival.poll_unpin(context), Poll::Ready(Some(())))
                || matches!(next.poll_unpin(context), Poll::Ready(Some(())));
            if woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn take_turn(&self) -> Turn {
        let now = self.time.now();
        let mut reading = self.reading();
        reading.switch.settle(now, || self.change_is_done_at());
        reading.settle_settings();
        let mut ripe: Vec<_> = reading.gathering.ripe(now).collect();
        let mut is_barren = false;
        reading.hand_over(&ripe);
        while !is_barren && self.is_visible(now) && reading.may_read_more(now) {
            let poller = self.some_reader(&reading);
            let received = self.receive(&mut reading, poller, now);
            is_barren = received.is_empty();
            if !is_barren {
                ripe.extend(reading.gather(poller, received, self.queue.visibility(), now));
            }
        }
        let next = self.next_turn(&mut reading, is_barren, now);
        Turn { ripe, next, listens: reading.listens(self.is_visible(now)) }
    }

    fn receive(&self, reading: &mut Reading, poller: usize, now: Timestamp) -> Vec<Received> {
        reading.pollers.resume(now);
        reading.pollers.answer(poller, now);
        reading.counted.receives += 1;
        self.queue.receive(reading.gathering.asks_for(poller, reading.settings.batch_size))
    }

    /// When to look again, if nothing happens before.
    fn next_turn(&self, reading: &mut Reading, is_barren: bool, now: Timestamp) -> Option<Timestamp> {
        let visible_at = self.queue.next_visible_at();
        let waits = visible_at.is_some_and(|visible_at| visible_at <= now);
        if !waits {
            reading.relax();
        }
        let reads_at = if !reading.switch.reads() {
            None
        } else if reading.may_read() {
            let later = now.saturating_add(NOTHING_TO_HAVE).ok();
            if is_barren && waits { later } else { visible_at }
        } else if waits {
            reading.concurrency.press(now)
        } else {
            visible_at.filter(|_| reading.concurrency.may_grow())
        };
        if reading.may_read() {
            reading.pollers.resume(now);
        } else {
            reading.pollers.pause(now);
        }
        [reads_at, reading.switch.changed_at(), reading.gathering.closes_at()].into_iter().flatten().min()
    }

    fn is_visible(&self, now: Timestamp) -> bool {
        self.queue.next_visible_at().is_some_and(|visible_at| visible_at <= now)
    }

    /// The poller that happens to get the next message.
    fn some_reader(&self, reading: &Reading) -> usize {
        let readers = reading.gathering.readers(reading.may_begin());
        let chosen = self.random.below(readers.clone().count() as u64);
        readers.into_iter().nth(usize::try_from(chosen).unwrap_or(0)).unwrap_or(0)
    }
}
