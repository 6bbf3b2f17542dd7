//! A campaign's entries as an index shows them, which may lag behind the table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    entry::{Addressee, Position, StageName},
    ports::{Awaited, Clock as _, TallyKey},
};

use crate::{clock::VirtualClock, random::Stream};

/// How far an index lags. Usually that is well below a second; while a table's partitions split, or the index is throttled, longer
/// (Amazon `DynamoDB` Developer Guide, "Using Global Secondary Indexes": data synchronization between tables and indexes).
#[derive(Debug)]
pub(super) struct IndexLag {
    pub(super) clock: Arc<VirtualClock>,
    pub(super) random: Stream,
    pub(super) longest: Duration,
}

/// Where a campaign's entries are in the indexes.
#[derive(Debug, Default)]
pub(super) struct CampaignIndex {
    pub(super) open: BTreeSet<(StageName, Awaited, Timestamp, Addressee)>,
    pub(super) closed: BTreeSet<(TallyKey, Addressee)>,
    /// What isn't seen yet, by when it will be. Of one entry each step is seen after the one before.
    on_its_way: BTreeMap<(Timestamp, u64), (Step, Position, Addressee)>,
    last_seen: BTreeMap<Addressee, Timestamp>,
    steps: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Removed,
    Added,
}

impl CampaignIndex {
    /// Moves an entry from one place to another: it may be seen in both for a while, or in none.
    pub(super) fn moved(
        &mut self,
        from: Option<Position>,
        to: Position,
        addressee: &Addressee,
        lag: Option<&IndexLag>,
    ) {
        let mut steps = Vec::from_iter(from.map(|from| (Step::Removed, from)));
        steps.push((Step::Added, to));
        let Some(IndexLag { clock, random, longest }) = lag else {
            for (step, place) in steps {
                self.see(step, place, addressee.clone());
            }
            return;
        };
        if random.chance(0.5) {
            steps.reverse();
        }
        let mut seen = self.last_seen.get(addressee).copied().unwrap_or(Timestamp::MIN);
        for (step, place) in steps {
            let after = longest.mul_f64(random.unit() * random.unit());
            seen = seen.max(clock.now().saturating_add(after).unwrap_or(Timestamp::MAX));
            self.steps += 1;
            self.on_its_way.insert((seen, self.steps), (step, place, addressee.clone()));
        }
        self.last_seen.insert(addressee.clone(), seen);
    }

    /// Shows what is seen by now.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        while let Some(next) = self.on_its_way.first_entry().filter(|next| next.key().0 <= now) {
            let (step, place, addressee) = next.remove();
            self.see(step, place, addressee);
        }
    }

    /// Whether it shows what the table has.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.on_its_way.is_empty()
    }

    fn see(&mut self, step: Step, place: Position, addressee: Addressee) {
        match (step, place) {
            (Step::Removed, Position::Open { stage, awaited, since }) => {
                self.open.remove(&(stage, awaited, since, addressee));
            }
            (Step::Removed, Position::Closed(key)) => {
                self.closed.remove(&(key, addressee));
            }
            (Step::Added, Position::Open { stage, awaited, since }) => {
                self.open.insert((stage, awaited, since, addressee));
            }
            (Step::Added, Position::Closed(key)) => {
                self.closed.insert((key, addressee));
            }
        }
    }
}
