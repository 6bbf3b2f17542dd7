//! Whether what everyone looks at is true.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    entry::{Plan, Position, StageName, TallyKey},
    run::RunId,
    snapshot::RunSnapshot,
};

use super::{build::World, faults::Faults, invariants::Promise};

type Places = BTreeMap<TallyKey, u64>;

/// What was there when a run was last counted.
#[derive(Debug, Default)]
pub(super) struct SnapshotWatch(Mutex<Option<Watched>>);

#[derive(Debug)]
struct Watched {
    run: RunId,
    places: Places,
    /// Mails that were sent, surely by workers and at most.
    sent: (u64, u64),
    /// Whether since then nothing has happened by which a report may be lost or a mail counted twice.
    is_quiet: bool,
    looked_at: Timestamp,
}

/// A tick follows another within this.
const TICKS_APART: Duration = Duration::from_secs(90);

impl World {
    /// Looks at what a tick has kept, each minute. `taken` says whether it took a snapshot, and whether it counted for that.
    pub(super) fn check_snapshot(&self, taken: Option<bool>) {
        if !self.settings.thorough {
            return;
        }
        let Some(of) = self.ledger.peek_snapshot(|kept| Some(kept.run.as_ref()?.run)) else { return };
        let mut watch = self.snapshot_watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = || self.ledger.peek_snapshot(|kept| kept.run.clone());
        if taken == Some(true) {
            *watch = kept().map(|run| self.check_count(&run));
        } else if let Some(watched) = watch.as_mut().filter(|watched| watched.run == of) {
            self.look_again(watched);
            if taken == Some(false)
                && watched.is_quiet
                && self.is_at_rest()
                && let Some(run) = kept()
            {
                self.check_sent(watched, &run);
            }
        }
    }

    /// Someone but workers and ticks has had a hand in it: what follows is told apart from the next count on.
    pub fn forget_counts(&self) {
        *self.snapshot_watch.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn check_count(&self, counted: &RunSnapshot) -> Watched {
        let now = self.time.now();
        let places = self.places_of(counted.run);
        if places != counted.places {
            let what = format!(
                "a snapshot tells of {:?} in run {} where the ledger has {places:?}",
                counted.places, counted.run
            );
            self.checker.saw(Promise::SnapshotIsTrue, None, now, what);
        }
        let sent = self.sent(counted.run);
        Watched {
            run: counted.run,
            places,
            sent,
            is_quiet: self.is_at_rest() && self.nothing_goes_wrong(),
            looked_at: now,
        }
    }

    fn look_again(&self, watched: &mut Watched) {
        let now = self.time.now();
        let is_gapless = Duration::try_from(now.duration_since(watched.looked_at)).is_ok_and(|gap| gap <= TICKS_APART);
        watched.is_quiet &= is_gapless && self.nothing_goes_wrong();
        watched.looked_at = now;
    }

    fn check_sent(&self, watched: &Watched, run: &RunSnapshot) {
        // What feedback or an operator has decided isn't among what workers report.
        let others = [TallyKey::Indeterminate, TallyKey::Unconfirmed, TallyKey::Dropped];
        if others.iter().any(|place| watched.places.get(place).is_some_and(|count| *count > 0)) {
            return;
        }
        let Some((surely, at_most)) = self.sent_without(&others, run.run) else { return };
        let sent = surely.saturating_sub(watched.sent.0)..=at_most.saturating_sub(watched.sent.1);
        if !sent.contains(&run.sent_since) {
            let what =
                format!("{sent:?} mails of run {} were sent since the count, and {} are told", run.run, run.sent_since);
            self.checker.saw(Promise::SnapshotIsTrue, None, self.time.now(), what);
        }
    }

    /// How many mails of a run workers surely report, and how many there are at most. A mail that took more than one claim of
    /// each stage may have lost its answer: then its provider's word or a look at the provider closed it, and nobody reports
    /// it. The next count has it.
    fn sent(&self, run: RunId) -> (u64, u64) {
        self.sent_without(&[], run).unwrap_or_default()
    }

    /// The same, unless one of the run's entries is at one of those places.
    fn sent_without(&self, others: &[TallyKey], run: RunId) -> Option<(u64, u64)> {
        let (mut surely, mut at_most, mut has_others) = (0, 0, false);
        let steps = Plan::MONTHLY.steps().count();
        self.ledger.for_each_packed(run, |entry| {
            let Position::Closed(key) = entry.position() else { return };
            has_others |= others.contains(&key);
            if key == TallyKey::Sent {
                at_most += 1;
                let is_simple = entry.claims() as usize <= steps && !entry.is_closed_by_feedback();
                surely += u64::from(is_simple);
            }
        });
        (!has_others).then_some((surely, at_most))
    }

    fn places_of(&self, run: RunId) -> Places {
        let (now, mut places) = (self.time.now(), Places::new());
        self.ledger.for_each_packed(run, |entry| *places.entry(place_of(entry.position(), now)).or_default() += 1);
        places
    }

    /// Whether no worker has a mail that it hasn't reported yet.
    fn is_at_rest(&self) -> bool {
        let stack = &self.stacks[StageName::Email];
        stack.queue.depth().in_flight == 0 && RunId::around(self.time.now(), self.time.now()).count() == 1
    }

    fn nothing_goes_wrong(&self) -> bool {
        self.faults.now() == Faults::default()
    }
}

/// As the ledger's indexes tell it: what was put off is due when it is to be tried again.
fn place_of(position: Position, now: Timestamp) -> TallyKey {
    match position {
        Position::Open { stage, since, .. } => TallyKey::of_open(stage, stage == Plan::MONTHLY.first(), since <= now),
        Position::Closed(key) => key,
    }
}
