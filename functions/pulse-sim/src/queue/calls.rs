//! Counts of API calls, which are what SQS bills.

/// The most messages that one call takes or gives (Amazon SQS Developer Guide, "Amazon SQS message
/// quotas").
const BATCH: usize = 10;

/// How often each API was called, by a client that puts as many messages as it can into one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCalls {
    /// `SendMessage`.
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
