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
    /// What the scheduler says of it, if it is the scheduler's dead letter.
    pub undelivered: Option<Arc<Undelivered>>,
}

/// How many messages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
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
    /// When it was sent first. A dead-letter queue keeps it.
    pub(super) sent_at: Timestamp,
    pub(super) receive_count: u32,
    /// From which of its source queues a dead letter came, if the redrive policy moved it.
    pub(super) source: Option<u16>,
    pub(super) undelivered: Option<Arc<Undelivered>>,
}
