//! Connections to a provider that are kept for the next call, and what a freeze does to them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::settings::ConnectionReuse;
use crate::lambda::Environment;

/// After how long a provider closes a connection that has nothing to do: Marketing Cloud's servers do after 5 s. Of Amazon
/// SES no figure is published, so it is taken to be no more patient. A client that runs hears of it and forgets the
/// connection; one that is frozen between two batches doesn't (AWS Lambda Developer Guide, "Understanding the Lambda
/// execution environment lifecycle").
const CLOSED_AFTER: Duration = Duration::from_secs(5);

/// The pool of each execution environment.
#[derive(Clone)]
pub(super) struct ConnectionPools {
    reuse: ConnectionReuse,
    /// Since when each connection has had nothing to do, by the environment's number.
    idle: Arc<Mutex<HashMap<u64, Vec<Timestamp>>>>,
}

impl ConnectionPools {
    pub(super) fn new(reuse: ConnectionReuse) -> Self {
        Self { reuse, idle: Arc::default() }
    }

    /// Takes a connection for a call, a kept one if there is any. Says whether it is dead.
    pub(super) fn take(&self, from: Environment, now: Timestamp) -> bool {
        let mut pools = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(from.number).or_default();
        // The clock that a pool goes by may stand still in a freeze: AWS doesn't say.
        let is_kept = match self.reuse {
            ConnectionReuse::WithinAnInvocation => false,
            ConnectionReuse::IdleFor(longest) => age(from.thawed_at, now) <= longest,
        };
        let is_closed = |since: Timestamp| age(since, now) > CLOSED_AFTER;
        pool.retain(|since| if *since < from.thawed_at { is_kept } else { !is_closed(*since) });
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
    fn is_dead(reuse: ConnectionReuse, thawed_at: i64) -> bool {
        let pools = ConnectionPools::new(reuse);
        pools.give_back(Environment { number: 1, thawed_at: at(-10) }, at(0));
        assert!(!pools.take(Environment { number: 2, thawed_at: at(60) }, at(60)), "another environment's");
        pools.take(Environment { number: 1, thawed_at: at(thawed_at) }, at(60))
    }

    #[test]
    fn a_connection_that_was_closed_during_a_freeze_is_dead_unless_it_is_not_used_again() {
        for seconds in [4, 90] {
            let reuse = ConnectionReuse::IdleFor(Duration::from_secs(seconds));
            assert!(is_dead(reuse, 60));
            assert!(!is_dead(reuse, -10), "a client that runs hears that it is closed");
        }
        assert!(!is_dead(ConnectionReuse::WithinAnInvocation, 60));
    }
}
