//! The event source mapping: what reads a queue and hands batches to a function.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use pulse_core::{batch_answer, ports::Receipt, stage::RawMessage};

use super::{
    function::{Function, Invocation},
    mapping_settings::{MappingSettings, MappingUse, WindowMissing},
    reading::Reading,
    switch::{self, MappingBusy, MappingState},
};
use crate::{
    queue::MemoryQueue,
    random::Stream,
    time::{Signal, Task, VirtualTime},
};

/// The function's code, as the mapping calls it. It reports batch item failures.
pub trait Handler: Send + Sync {
    /// Handles a batch.
    fn handle(&self, batch: Vec<RawMessage>, invocation: Invocation) -> BoxFuture<'static, Answer>;

    /// Whether a batch reaches it that a poller has received. One doesn't whose poller is scaled in, or for which an
    /// environment failed to start: its messages come again, and a receive of each is gone.
    fn is_reached(&self) -> bool {
        true
    }
}

/// What the function returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its payload.
    Payload(Vec<u8>),
    /// An error.
    Error,
}

impl Answer {
    /// That these messages failed.
    pub fn failures<'m>(ids: impl IntoIterator<Item = &'m String>) -> Self {
        Self::Payload(batch_answer::of_failures(ids.into_iter().map(String::as_str)))
    }

    /// The messages that may be deleted.
    pub(super) fn dealt_with<'m>(&self, messages: &'m [(String, Receipt)]) -> Vec<&'m Receipt> {
        let Self::Payload(payload) = self else { return Vec::new() };
        let done = batch_answer::dealt_with(messages, |(id, _)| id, payload);
        done.into_iter().map(|(_, receipt)| receipt).collect()
    }
}

/// A mapping from a queue to a function.
pub struct Mapping {
    pub(super) time: VirtualTime,
    pub(super) queue: Arc<MemoryQueue>,
    pub(super) function: Arc<Function>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) random: Stream,
    /// Told when something other than the queue has changed.
    pub(super) changed: Signal,
    reading: Mutex<Reading>,
    reader: Mutex<Option<Task>>,
}

impl Mapping {
    /// A mapping that is enabled, and reads once it is [started](Self::start).
    ///
    /// # Errors
    /// When Lambda refuses the settings.
    pub fn new(
        time: VirtualTime,
        queue: Arc<MemoryQueue>,
        function: Arc<Function>,
        handler: Arc<dyn Handler>,
        settings: MappingSettings,
        random: Stream,
    ) -> Result<Arc<Self>, WindowMissing> {
        let reading = Mutex::new(Reading::new(settings.checked()?));
        let (changed, reader) = (Signal::default(), Mutex::default());
        Ok(Arc::new(Self { time, queue, function, handler, random, changed, reading, reader }))
    }

    /// Starts to read, for as long as there is time. A second start is none.
    pub fn start(self: &Arc<Self>) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.get_or_insert_with(|| self.time.spawn(Arc::clone(self).read()));
    }

    /// Turns it on or off, which takes from five seconds to a minute. Batches in flight end as they
    /// would (AWS Lambda Developer Guide, "Event source mappings"; Lambda "pauses polling and
    /// invocation").
    ///
    /// # Errors
    /// When it is being turned on or off already.
    pub fn set_enabled(&self, enabled: bool) -> Result<(), MappingBusy> {
        let done_at = self.change_is_done_at();
        self.change(|reading| reading.switch.set_enabled(enabled, done_at))
    }

    /// Sets the most batches that it has in flight. What is in flight already goes on, and what is read until the
    /// change is done is read as before.
    ///
    /// # Errors
    /// When it is being changed already.
    pub fn set_maximum_concurrency(&self, maximum: Option<u32>) -> Result<(), MappingBusy> {
        let done_at = self.change_is_done_at();
        self.change(|reading| {
            reading.switch.update(done_at)?;
            reading.settings_to_be = Some(MappingSettings { maximum_concurrency: maximum, ..reading.settings.clone() });
            reading.settle_settings();
            Ok(())
        })
    }

    /// Does what a deployment does whose template holds `settings`: they apply again after a while, and the mapping
    /// is turned on, however it was changed since.
    ///
    /// # Errors
    /// When Lambda refuses the settings.
    pub fn deploy(&self, settings: MappingSettings) -> Result<(), WindowMissing> {
        let (settings, done_at) = (settings.checked()?, self.change_is_done_at());
        self.change(|reading| {
            reading.settings_to_be = Some(settings);
            reading.switch.insist_on(done_at);
        });
        Ok(())
    }

    /// Whether it is on.
    #[must_use]
    pub fn state(&self) -> MappingState {
        self.reading().switch.state()
    }

    /// How it is configured now.
    #[must_use]
    pub fn settings(&self) -> MappingSettings {
        self.reading().settings.clone()
    }

    /// How many batches are being gathered, handled, or tried again.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.reading().in_flight()
    }

    /// What it did so far.
    #[must_use]
    pub fn used(&self) -> MappingUse {
        let reading = self.reading();
        MappingUse { empty_receives: reading.pollers.empty(self.time.now()), ..reading.counted }
    }

    pub(super) fn change_is_done_at(&self) -> Timestamp {
        let takes = self.random.between(switch::CHANGE.0, switch::CHANGE.1);
        self.time.now().saturating_add(takes).unwrap_or(Timestamp::MAX)
    }

    /// Changes something that reading goes by.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Reading) -> T) -> T {
        let changed = change(&mut self.reading());
        self.changed.notify_all();
        changed
    }

    pub(super) fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("state", &self.state()).field("used", &self.used()).finish_non_exhaustive()
    }
}
