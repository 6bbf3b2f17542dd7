//! Messages, as they lie in a queue and as they are received.

use std::sync::Arc;

use jiff::Timestamp;
use pulse_core::ports::{Receipt, Undelivered};

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message's id, the same each time.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// What this receive is told by.
    pub receipt: Receipt,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Its `MessageGroupId`, if it has one.
    pub group: Option<Arc<str>>,
    /// What the scheduler says of it, if it is the scheduler's dead letter.
    pub undelivered: Option<Arc<Undelivered>>,
}

/// How many messages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Those that may be received now.
    pub visible: usize,
    /// Those that were received and are invisible still.
    pub in_flight: usize,
}

/// A message as it lies in a queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// Copies of a message have the same.
    pub(super) id: u64,
    pub(super) body: Box<str>,
    /// Its `MessageGroupId`. A dead-letter queue keeps it.
    pub(super) group: Option<Arc<str>>,
    /// When it was sent first. A dead-letter queue keeps it.
    pub(super) sent_at: Timestamp,
    pub(super) receive_count: u32,
    /// From which of its source queues a dead letter came, if the redrive policy moved it.
    pub(super) source: Option<u16>,
    pub(super) undelivered: Option<Arc<Undelivered>>,
}

/// The number of a place.
pub(super) type Slot = u32;

/// Things in numbered places, with no allocation for each.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<Slot>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(super) fn insert(&mut self, thing: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.places[slot as usize] = Some(thing);
            return slot;
        }
        let slot = Slot::try_from(self.places.len()).expect("fewer than 2^32 things");
        self.places.push(Some(thing));
        slot
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        self.places.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.places.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let thing = self.places.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(thing)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// The most messages that one call takes or gives (Amazon SQS Developer Guide, "Amazon SQS message
/// quotas").
const BATCH: usize = 10;

/// How often each API was called, by a client that puts as many messages as it can into one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCalls {
    /// `SendMessage` and `SendMessageBatch`.
    pub sends: u64,
    /// `ReceiveMessage`; one that finds nothing counts.
    pub receives: u64,
    /// `DeleteMessageBatch`.
    pub deletes: u64,
    /// `ChangeMessageVisibilityBatch`.
    pub changes: u64,
}

impl QueueCalls {
    /// All calls together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sends + self.receives + self.deletes + self.changes
    }
}

/// How many calls it takes for so many messages.
pub(super) fn calls_for(messages: usize) -> u64 {
    messages.div_ceil(BATCH) as u64
}
