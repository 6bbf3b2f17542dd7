//! Connections to a provider that are kept for the next call, and what a freeze does to them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::lambda::Environment;

/// After how long a provider closes a connection that has nothing to do: Marketing Cloud's servers do after 5 s. Of Amazon
/// SES no figure is published, so it is taken to be no more patient. A client that runs hears of it and forgets the
/// connection; one that is frozen between two batches doesn't (AWS Lambda Developer Guide, "Understanding the Lambda
/// execution environment lifecycle").
const CLOSED_AFTER: Duration = Duration::from_secs(5);

/// The pool of each execution environment.
#[derive(Clone)]
pub(super) struct ConnectionPools {
    /// How long the client keeps a connection that has nothing to do.
    keep: Duration,
    /// Since when each connection has had nothing to do, by the environment's number.
    idle: Arc<Mutex<HashMap<u64, Vec<Timestamp>>>>,
}

impl ConnectionPools {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, idle: Arc::default() }
    }

    /// Takes a connection for a call, a kept one if there is any. Says whether it is dead.
    pub(super) fn take(&self, from: Environment, now: Timestamp) -> bool {
        let mut pools = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(from.number).or_default();
        let was_frozen = |since: Timestamp| since < from.thawed_at;
        let is_closed = |since: Timestamp| age(since, now) > CLOSED_AFTER;
        pool.retain(|since| age(*since, now) <= self.keep && (was_frozen(*since) || !is_closed(*since)));
        pool.pop().is_some_and(is_closed)
    }

    /// Keeps the connection of a call that was answered.
    pub(super) fn give_back(&self, to: Environment, now: Timestamp) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(to.number).or_default().push(now);
    }
}

fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Whether the call at second 60 is made over a dead connection, if the last was answered at second 0.
    fn is_dead(keep: Duration, thawed_at: i64) -> bool {
        let pools = ConnectionPools::new(keep);
        pools.give_back(Environment { number: 1, thawed_at: at(-10) }, at(0));
        assert!(!pools.take(Environment { number: 2, thawed_at: at(60) }, at(60)), "another environment's");
        pools.take(Environment { number: 1, thawed_at: at(thawed_at) }, at(60))
    }

    #[test]
    fn a_connection_that_was_closed_during_a_freeze_is_dead_unless_the_client_forgets_it_sooner() {
        let long = Duration::from_secs(90);
        assert!(is_dead(long, 60));
        assert!(!is_dead(Duration::from_secs(4), 60));
        assert!(!is_dead(long, -10), "a client that runs hears that it is closed");
    }
}
