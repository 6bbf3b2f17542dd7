use std::{fmt, time::Duration};

/// How a mapping is configured.
#[derive(Debug, Clone)]
pub struct MappingSettings {
    /// The most messages that it hands over at once.
    pub batch_size: usize,
    /// How long it waits for a batch to fill, from its first message on. Without a window it hands over
    /// what one receive gives, at most 10 messages.
    pub window: Duration,
    /// The most batches that it has in flight. None: as many as Lambda scales to, whatever the function
    /// may run.
    pub maximum_concurrency: Option<u32>,
}

/// A batch size that Lambda refuses without a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowMissing;

impl fmt::Display for WindowMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Lambda words it, with `InvalidParameterValueException`.
        f.write_str("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    }
}

impl std::error::Error for WindowMissing {}

impl MappingSettings {
    /// These settings, if Lambda takes them (AWS Lambda API Reference, `CreateEventSourceMapping`: `BatchSize`).
    pub(super) fn checked(self) -> Result<Self, WindowMissing> {
        if self.batch_size > 10 && self.window.is_zero() { Err(WindowMissing) } else { Ok(self) }
    }
}

/// What a mapping did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MappingUse {
    /// Calls of `ReceiveMessage` that the queue has seen.
    pub receives: u64,
    /// Long polls that ended empty while there was nothing to receive. The queue hasn't seen them, and
    /// SQS bills them.
    pub empty_receives: u64,
    /// Batches that were handed over, or were to be.
    pub batches: u64,
    /// Messages in them.
    pub messages: u64,
    /// Batches that the function was never free for: their messages appear again.
    pub dropped: u64,
}
