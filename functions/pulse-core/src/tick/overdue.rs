use std::time::Duration;

use jiff::Timestamp;

use crate::{
    delivery::Delivery,
    entry::{Awaited, Entry, Position, Progress, StageName},
    ports::{Ledger, LedgerError, OpenEntries},
    stage_spec::Moves,
};

/// When an entry counts as overdue, and how many are queued again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepPolicy {
    /// How long after its due moment an entry's message is given up for lost. Longer than a schedule's
    /// flexible window, and than all the tries of a message together.
    pub grace: Duration,
    /// How long to wait before another message is sent for the same entry.
    pub again_after: Duration,
    /// With more messages than this waiting in a stage's queue, the queue is taken to be the reason why
    /// entries are late.
    pub backlog: u64,
    /// How long the queues keep a message. What has waited longer waits for none.
    pub retention: Duration,
    /// The most messages that one sweep sends for a stage.
    pub at_most: usize,
}

impl Default for SweepPolicy {
    /// As in template.yaml.
    fn default() -> Self {
        Self {
            grace: Duration::from_mins(75),
            again_after: Duration::from_hours(24),
            backlog: 400,
            retention: Duration::from_hours(10 * 24),
            at_most: 500,
        }
    }
}

impl SweepPolicy {
    /// How long a message is waited for before it is given up for lost. Where its stage is held up, or was a
    /// moment ago, only what no queue can hold any more is.
    #[must_use]
    pub fn wait_for(&self, awaited: Awaited, is_held_up: bool) -> Duration {
        let wait = match awaited {
            Awaited::Deferred => return Duration::ZERO,
            // It isn't sent by itself.
            Awaited::Held => return Duration::MAX,
            Awaited::First => self.grace,
            Awaited::Again => self.again_after,
        };
        if is_held_up { self.retention.max(wait) } else { wait }
    }

    /// From when on an entry's message is given up for lost, so that another is sent; none for a closed entry.
    /// A message may be waiting for its next try: then it counts from that.
    #[must_use]
    pub fn overdue_from(&self, entry: &Entry, is_held_up: bool) -> Option<Timestamp> {
        let Position::Open { awaited, since, .. } = entry.position() else { return None };
        let tried = entry.failure_streak().filter(|_| *entry.progress() == Progress::Waiting);
        let tried = tried.map(|trouble| later(trouble.again_at.unwrap_or(trouble.at), self.wait_for(awaited, false)));
        Some(later(since, self.wait_for(awaited, is_held_up)).max(tried.unwrap_or(Timestamp::MIN)))
    }

    /// The same of word for an endpoint.
    #[must_use]
    pub fn delivery_overdue_from(&self, delivery: &Delivery, is_held_up: bool) -> Option<Timestamp> {
        let (awaited, since) = delivery.awaited()?;
        let tried = delivery.failure_streak().filter(|_| awaited != Awaited::Deferred);
        let from = tried.map_or(since, |streak| streak.again_at.unwrap_or(streak.at).max(since));
        Some(later(from, self.wait_for(awaited, is_held_up)))
    }

    /// Whether another message is sent for an entry at `now`, if its stage flows and isn't held up.
    #[must_use]
    pub fn is_overdue(&self, entry: &Entry, now: Timestamp) -> bool {
        self.overdue_from(entry, false).is_some_and(|from| from <= now)
    }
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// When the entry was due that `stage` has to move and that is due longest; none, if none is due.
///
/// # Errors
/// When the ledger can't be read.
pub async fn oldest_due(
    ledger: &dyn Ledger,
    open: &dyn OpenEntries,
    stage: StageName,
    now: Timestamp,
) -> Result<Option<Timestamp>, LedgerError> {
    let mut oldest = None;
    if stage.spec().moves != Moves::Entries {
        return Ok(oldest);
    }
    for awaited in Awaited::SWEPT {
        for id in open.overdue(stage, awaited, now, 1).await? {
            let due = ledger.entry(&id).await?.map(|entry| entry.due());
            oldest = [oldest, due].into_iter().flatten().min();
        }
    }
    Ok(oldest)
}
