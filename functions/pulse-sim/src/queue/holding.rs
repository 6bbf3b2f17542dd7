//! What a queue shares with those that move messages into it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pulse_core::ports::{Clock, Undelivered};

use super::{message::Message, messages::Messages, move_task::MoveTask};
use crate::time::Signal;

/// Ids of messages in queues that are a dead-letter queue's different sources differ in the bits from
/// this one on, because there they may meet.
const SOURCE_BITS: u32 = 48;

/// The part of a queue that is there for as long as someone moves messages into it.
pub(super) struct Holding {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) arrivals: Signal,
    /// The bits that ids of messages that are sent to this queue have.
    id_bits: u64,
    messages: Mutex<Messages>,
    /// The queues whose redrive policy names this one.
    sources: Mutex<Vec<Weak<Holding>>>,
    /// The task that was the last to be started.
    task: Mutex<Option<MoveTask>>,
}

impl Holding {
    /// What a queue holds; `source` says which of its dead-letter queue's sources it is, if it has one.
    pub(super) fn new(clock: Arc<dyn Clock>, source: Option<u16>) -> Self {
        let id_bits = source.map_or(0, |source| (u64::from(source) + 1) << SOURCE_BITS);
        let messages = Mutex::new(Messages::new());
        Self {
            clock,
            arrivals: Signal::default(),
            id_bits,
            messages,
            sources: Mutex::default(),
            task: Mutex::default(),
        }
    }

    /// Adds a new message, of a group or of none.
    pub(super) fn send(&self, body: Box<str>, group: Option<Arc<str>>) {
        self.send_with(body, group, None);
    }

    /// Adds a new message that the scheduler couldn't deliver.
    pub(super) fn send_with(&self, body: Box<str>, group: Option<Arc<str>>, undelivered: Option<Arc<Undelivered>>) {
        let sent_at = self.clock.now();
        let mut messages = self.messages();
        // Those that become visible now were there before.
        messages.settle(sent_at);
        let id = self.id_bits | messages.next_serial();
        messages.add(Message { id, body, group, sent_at, receive_count: 0, source: None, undelivered });
        drop(messages);
        self.arrivals.notify_all();
    }

    /// Adds messages as they are.
    pub(super) fn add_all(&self, all: Vec<Message>) {
        if all.is_empty() {
            return;
        }
        let mut messages = self.messages();
        messages.settle(self.clock.now());
        for message in all {
            messages.add(message);
        }
        drop(messages);
        self.arrivals.notify_all();
    }

    /// One of the queues whose redrive policy names this one, if it is still there.
    pub(super) fn source(&self, source: u16) -> Option<Arc<Self>> {
        self.sources().get(usize::from(source))?.upgrade()
    }

    pub(super) fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn task(&self) -> MutexGuard<'_, Option<MoveTask>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sources(&self) -> MutexGuard<'_, Vec<Weak<Self>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
