//! The queue in memory, with the ways of an SQS standard queue.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    message::WorkMessage,
    ports::{Clock, QueueError, Receipt, StageQueue, Visibility},
};

/// The longest that a message is hidden from one receive to the next.
const LONGEST: Duration = Duration::from_hours(12);

/// A queue that lasts as long as the process. Time is its clock's.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    visibility: Duration,
    redrive: Option<Redrive>,
    messages: Mutex<Messages>,
}

/// What happens to a message that is received again and again.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Where it goes.
    pub dlq: Arc<MemoryQueue>,
    /// When: as its receive count would exceed this.
    pub max_receive_count: u32,
}

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
}

/// How many messages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Those that may be received now.
    pub visible: usize,
    /// Those that were received and are invisible still.
    pub in_flight: usize,
}

/// When a message may be received, then which was sent first.
type Place = (Timestamp, u64);

#[derive(Debug, Default)]
struct Messages {
    made: u64,
    waiting: BTreeMap<Place, Stored>,
    /// The receipt of each message's last receive.
    receipts: HashMap<String, Place>,
}

#[derive(Debug)]
struct Stored {
    id: u64,
    body: String,
    sent_at: Timestamp,
    receive_count: u32,
    receipt: Option<String>,
}

impl MemoryQueue {
    /// A queue whose received messages stay invisible for `visibility`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, visibility: Duration, redrive: Option<Redrive>) -> Self {
        Self { clock, visibility, redrive, messages: Mutex::default() }
    }

    /// Queues any text, as a schedule, an operator or a stranger may.
    pub fn send_body(&self, body: &str) {
        let now = self.clock.now();
        self.messages().add(body.to_owned(), now, now);
    }

    /// Receives at most `most` messages, those first that have been visible longest. What has been
    /// received too often goes to the dead-letter queue instead, with the time it was first sent.
    pub fn receive(&self, most: usize) -> Vec<Received> {
        let now = self.clock.now();
        let until = later(now, self.visibility);
        let mut messages = self.messages();
        let mut received = Vec::new();
        while received.len() < most {
            let Some(message) = messages.take_visible(now) else {
                break;
            };
            match &self.redrive {
                Some(redrive) if message.receive_count >= redrive.max_receive_count => {
                    redrive.dlq.messages().add(message.body, message.sent_at, now);
                }
                _ => received.push(messages.hand_out(message, until)),
            }
        }
        received
    }

    /// Deletes a message. False if it has been received again since, or is gone.
    pub fn delete(&self, receipt: &Receipt) -> bool {
        let mut messages = self.messages();
        let place = messages.receipts.remove(&receipt.0);
        place.and_then(|place| messages.waiting.remove(&place)).is_some()
    }

    /// Moves all messages that are visible to another queue, as an SQS message move task does: they
    /// are new there. Says how many.
    pub fn move_to(&self, other: &Self) -> usize {
        let now = self.clock.now();
        let mut messages = self.messages();
        let mut moved = 0;
        while let Some(message) = messages.take_visible(now) {
            other.send_body(&message.body);
            moved += 1;
        }
        moved
    }

    /// How many messages there are.
    #[must_use]
    pub fn depth(&self) -> Depth {
        let now = self.clock.now();
        let messages = self.messages();
        let visible = messages.waiting.range(..=(now, u64::MAX)).count();
        Depth { visible, in_flight: messages.waiting.len() - visible }
    }

    /// When the next message may be received, if there is one.
    #[must_use]
    pub fn next_visible_at(&self) -> Option<Timestamp> {
        self.messages().waiting.first_key_value().map(|((visible_at, _), _)| *visible_at)
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StageQueue for MemoryQueue {
    async fn send(&self, message: &WorkMessage) -> Result<(), QueueError> {
        self.send_body(&message.body());
        Ok(())
    }

    async fn hide(&self, changes: &[Visibility]) -> Result<(), QueueError> {
        let now = self.clock.now();
        let mut messages = self.messages();
        for change in changes {
            let seconds = change.hidden_for.min(LONGEST).as_nanos().div_ceil(1_000_000_000);
            let hidden_for = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
            messages.hide(&change.receipt.0, now, later(now, hidden_for));
        }
        Ok(())
    }
}

impl Messages {
    fn add(&mut self, body: String, sent_at: Timestamp, visible_at: Timestamp) {
        let id = self.made;
        self.made += 1;
        let message = Stored { id, body, sent_at, receive_count: 0, receipt: None };
        self.waiting.insert((visible_at, id), message);
    }

    fn take_visible(&mut self, now: Timestamp) -> Option<Stored> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        let message = first.remove();
        if let Some(receipt) = &message.receipt {
            self.receipts.remove(receipt);
        }
        Some(message)
    }

    fn hand_out(&mut self, mut message: Stored, until: Timestamp) -> Received {
        message.receive_count += 1;
        let receipt = format!("{}#{}", message.id, message.receive_count);
        message.receipt = Some(receipt.clone());
        let received = Received {
            id: message.id.to_string(),
            body: message.body.clone(),
            receipt: Receipt(receipt.clone()),
            receive_count: message.receive_count,
            sent_at: message.sent_at,
        };
        self.receipts.insert(receipt, (until, message.id));
        self.waiting.insert((until, message.id), message);
        received
    }

    /// Passes over a receipt that is no longer good: the message was received again or deleted, or
    /// it is visible again.
    fn hide(&mut self, receipt: &str, now: Timestamp, until: Timestamp) {
        let Some(place) = self.receipts.get_mut(receipt).filter(|place| place.0 > now) else {
            return;
        };
        let before = std::mem::replace(place, (until, place.1));
        if let Some(message) = self.waiting.remove(&before) {
            self.waiting.insert((until, before.1), message);
        }
    }
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue").field("depth", &self.depth()).finish_non_exhaustive()
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
