use jiff::Timestamp;

use crate::{ports::Receipt, trace::TraceHeader};

/// A message as a queue delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's id of the message, the same each time it is received.
    pub message_id: String,
    /// What this receipt of it is told by.
    pub receipt: Receipt,
    /// The message.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The trace that it belongs to, if it came with one.
    pub trace: Option<TraceHeader>,
}
