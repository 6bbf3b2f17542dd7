//! What SQS says of how many messages there are, which is of a while ago.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::message::QueueDepth;
use crate::random::Stream;

/// The depths of the last while. "The approximate number metrics may not achieve consistency until at least 1 minute
/// after the producers stop sending messages" (Amazon SQS API Reference, `GetQueueAttributes`).
#[derive(Debug)]
pub(super) struct LaggingCounts {
    random: Stream,
    longest: Duration,
    /// What was there up to a moment at which something was done, the oldest first.
    seen: VecDeque<(Timestamp, QueueDepth)>,
}

impl LaggingCounts {
    /// Counts that are at most so old.
    pub(super) fn new(random: Stream, longest: Duration) -> Self {
        Self { random, longest, seen: VecDeque::new() }
    }

    /// So many are there, and something is about to be done.
    pub(super) fn note(&mut self, now: Timestamp, depth: QueueDepth) {
        if self.seen.back().is_some_and(|(last, _)| *last == now) {
            return;
        }
        let oldest = now.saturating_sub(self.longest).unwrap_or(Timestamp::MIN);
        while self.seen.pop_front_if(|(at, _)| *at < oldest).is_some() {}
        self.seen.push_back((now, depth));
    }

    /// What there was at some moment of the last while.
    pub(super) fn tell(&self, now: Timestamp) -> Option<QueueDepth> {
        let moment = now.saturating_sub(self.random.between(Duration::ZERO, self.longest)).unwrap_or(Timestamp::MIN);
        self.seen.iter().find(|(at, _)| *at >= moment).map(|(_, depth)| *depth)
    }
}
