//! What SQS doesn't promise.

use std::sync::{Mutex, PoisonError};

use crate::random::Stream;

/// How far a queue is from handing out each message once and in turn.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Disorder {
    /// How likely a receive leaves a copy of the message behind, which is received too: "On rare
    /// occasions, one of the servers that stores a copy of a message might be unavailable when you
    /// receive or delete a message" (Amazon SQS Developer Guide, "Amazon SQS at-least-once delivery").
    pub duplicate: f64,
    /// How likely a delete is forgotten, for the same reason, though it was answered well: the message
    /// is back when its visibility timeout ends.
    pub forgotten_delete: f64,
    /// Whether any visible message may be received next, rather than the one that has been visible
    /// longest (Amazon SQS Developer Guide, "Amazon SQS standard queues": best-effort ordering).
    pub unordered: bool,
    /// How likely a receive is answered by some of the servers only, with fewer of the messages than there are, or with
    /// none: "you most likely get fewer messages than you requested [..]. If the number of messages in the queue is
    /// extremely small, you might not receive any messages" (Amazon SQS API Reference, `ReceiveMessage`).
    pub fewer: f64,
}

/// Disorder and the randomness that it comes by.
#[derive(Debug)]
pub(super) struct Dice {
    pub(super) random: Stream,
    pub(super) disorder: Mutex<Disorder>,
}

impl Dice {
    pub(super) fn new(random: Stream, disorder: Disorder) -> Self {
        Self { random, disorder: Mutex::new(disorder) }
    }

    pub(super) fn set(&self, disorder: Disorder) {
        *self.disorder.lock().unwrap_or_else(PoisonError::into_inner) = disorder;
    }

    fn now(&self) -> Disorder {
        *self.disorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number less than `count`.
    pub(super) fn choose(&self, count: usize) -> usize {
        usize::try_from(self.random.below(count as u64)).unwrap_or(0)
    }

    /// How many messages a receive gives that asks for `most`.
    pub(super) fn sample(&self, most: usize) -> usize {
        if self.random.chance(self.now().fewer) { self.choose(most.saturating_add(1)) } else { most }
    }

    pub(super) fn duplicates(&self) -> bool {
        self.random.chance(self.now().duplicate)
    }

    pub(super) fn forgets(&self) -> bool {
        self.random.chance(self.now().forgotten_delete)
    }
}
