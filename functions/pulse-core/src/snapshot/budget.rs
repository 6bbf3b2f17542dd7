use std::time::Duration;

use jiff::Timestamp;

use super::Snapshot;
use crate::{
    ports::{COUNTED_PARTS, MINUTES_KEPT, ReadUnits},
    run::RunId,
};

/// Read units that counting a run's entries may take in an hour: 1.1 million a month at most, for some 14 cents. That is a count
/// of 20,000 customers every forty minutes, and one of 600,000 every twenty hours.
pub const READ_UNITS_AN_HOUR: f64 = 1_500.0;

/// After so long a count that isn't known to have ended is tried again, whatever it takes.
const TRIED_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// How often a run's entries may be counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountBudget {
    /// Read units of an hour.
    pub read_units_an_hour: f64,
    /// Read units that one tick may take for counting; none, if there is no such limit. A table of provisioned capacity lets no more
    /// through at once. A run that takes more is counted in parts, one tick after the other.
    pub at_once: Option<u32>,
}

impl Default for CountBudget {
    fn default() -> Self {
        Self { read_units_an_hour: READ_UNITS_AN_HOUR, at_once: None }
    }
}

impl CountBudget {
    /// Whether it is time to count at `now`: nothing was counted yet, a new run has begun, what was sent since can't be added up
    /// any more, or the last count is paid for. That someone wants a new look is no reason: whoever wants a count makes one.
    #[must_use]
    pub fn is_due(&self, last: Option<&Snapshot>, now: Timestamp) -> bool {
        let Some(last) = last else { return true };
        if last.counting_since.is_none() && last.counted_parts.as_ref().is_some_and(|parts| parts.is_of(now)) {
            return true;
        }
        let paid_for = last.run.as_ref().map_or(Duration::ZERO, |run| self.pays_for(run.read_units));
        if let Some(began) = last.counting_since {
            // A tick that dies of counting would die of it every five minutes.
            return age(began, now) >= paid_for.max(TRIED_AGAIN_AFTER);
        }
        last.run.as_ref().is_none_or(|run| {
            run.run != RunId::current(now)
                || age(run.added_up.needs(), now) >= MINUTES_KEPT
                || age(run.counted_at, now) >= paid_for
        })
    }

    /// How many parts of a run are counted by one tick, of so many that are left, if all of them take so much, as far as that is
    /// known. At least one, or the run would never be counted.
    #[must_use]
    pub fn parts_at_once(&self, whole: Option<ReadUnits>, left: u64) -> u64 {
        match (self.at_once, whole) {
            (None, _) => left,
            (Some(_), None) => 1,
            (Some(at_once), Some(whole)) => {
                let parts = u64::from(at_once) * 2 * COUNTED_PARTS / whole.halves().max(1);
                parts.clamp(1, left.max(1))
            }
        }
    }

    /// How long it takes until a count is paid for.
    #[must_use]
    pub fn pays_for(&self, read_units: ReadUnits) -> Duration {
        Duration::try_from_secs_f64(read_units.units() / self.read_units_an_hour * 3600.0).unwrap_or(Duration::MAX)
    }
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        feedback::{Reputation, ReputationCounts},
        ports::RosterCount,
        snapshot::{RunSnapshot, SentSince},
    };

    const FIVE_MINUTES: Duration = Duration::from_mins(5);

    fn start() -> Timestamp {
        "2026-11-03T10:00:00Z".parse().unwrap()
    }

    fn snapshot(at: Timestamp, run: Option<RunSnapshot>, counting_since: Option<Timestamp>) -> Snapshot {
        let (standing, reputation) = (Reputation::Good, ReputationCounts::default());
        let (stages, lanes, queues, causes) = Default::default();
        let (feedback, endpoints) = (Vec::new(), Vec::new());
        Snapshot {
            at,
            stages,
            lanes,
            queues,
            standing,
            reputation,
            feedback,
            run,
            counting_since,
            counted_parts: None,
            causes,
            endpoints,
        }
    }

    fn counted(at: Timestamp, halves: u64) -> RunSnapshot {
        RunSnapshot {
            run: RunId::current(at),
            places: BTreeMap::new(),
            roster: RosterCount::default(),
            counted_at: at,
            read_units: ReadUnits::of_halves(halves),
            sent_since: 0,
            added_up: SentSince::count(&[], at),
        }
    }

    /// When it is counted in so long, if it is looked every five minutes and a count takes so many units.
    fn counts(length: Duration, halves: u64, dies: impl Fn(usize) -> bool) -> Vec<Timestamp> {
        let (mut now, mut last, mut counts) = (start(), None, Vec::new());
        while now < start() + length {
            if CountBudget::default().is_due(last.as_ref(), now) {
                let before = last.take().and_then(|last: Snapshot| last.run);
                last = Some(if dies(counts.len()) {
                    snapshot(now, before, Some(now))
                } else {
                    snapshot(now, Some(counted(now, halves)), None)
                });
                counts.push(now);
            }
            now += FIVE_MINUTES;
            if let Some(run) =
                last.as_mut().and_then(|last| last.run.as_mut()).filter(|run| run.run == RunId::current(now))
            {
                (run.added_up, _) = run.added_up.add_up(&[], now);
            }
        }
        counts
    }

    #[test]
    fn small_rosters_are_counted_often_and_large_ones_seldom() {
        let every = |units: u64| {
            let counts = counts(Duration::from_hours(72), 2 * units, |_| false);
            counts[1].duration_since(counts[0]).as_mins()
        };
        // Fifty customers, 20,000 and 600,000.
        assert_eq!([60, 975, 29_250].map(every), [5, 40, 19 * 60 + 30]);
    }

    #[test]
    fn a_new_run_is_counted_whatever_it_costs() {
        let budget = CountBudget::default();
        let last = snapshot(start(), Some(counted(start(), 100_000)), None);
        let soon = start() + FIVE_MINUTES;
        assert!(!budget.is_due(Some(&last), soon));
        let dead = Snapshot { counting_since: Some(soon), ..last.clone() };
        assert!(!budget.is_due(Some(&dead), soon + FIVE_MINUTES), "it was tried");
        assert!(budget.is_due(None, soon));
        let new_year = "2026-11-30T23:58:00Z".parse().unwrap();
        let november = snapshot(new_year, Some(counted(new_year, 100_000)), None);
        assert!(!budget.is_due(Some(&november), new_year + Duration::from_mins(1)));
        assert!(budget.is_due(Some(&november), new_year + Duration::from_mins(2)));
    }

    #[test]
    fn minutes_that_are_forgotten_before_they_are_added_up_are_counted() {
        let last = snapshot(start(), Some(counted(start(), 100_000)), None);
        let due = |hours| CountBudget::default().is_due(Some(&last), start() + Duration::from_hours(hours));
        assert_eq!([5, 6].map(due), [false, true]);
    }

    #[test]
    fn as_many_parts_are_counted_at_once_as_the_table_lets_through_and_never_none() {
        let at_once = |units| CountBudget { at_once: units, ..CountBudget::default() };
        let whole = Some(ReadUnits::of_halves(2 * 8_000));
        assert_eq!(at_once(None).parts_at_once(None, 8), 8);
        assert_eq!(at_once(Some(2_500)).parts_at_once(None, 8), 1, "nothing is known of it");
        assert_eq!(at_once(Some(2_500)).parts_at_once(whole, 8), 2);
        assert_eq!(at_once(Some(500)).parts_at_once(whole, 8), 1);
        assert_eq!(at_once(Some(1_000_000_000)).parts_at_once(whole, 3), 3);
    }

    proptest! {
        /// However large the roster is, counting takes no more than the budget, a count for each run that begins, and the last.
        #[test]
        fn counting_stays_within_the_budget(halves in 1..100_000_u64, days in 1..60_u64) {
            let length = Duration::from_hours(24) * u32::try_from(days).unwrap();
            let counts = counts(length, halves, |_| false);
            let units = halves as f64 / 2.0;
            let runs = RunId::around(start(), start() + length).count() as f64;
            let allowed = length.as_secs_f64() / 3600.0 * READ_UNITS_AN_HOUR + (runs + 1.0) * units;
            prop_assert!(counts.len() as f64 * units <= allowed, "{} counts", counts.len());
        }

        /// A tick that dies of counting does it again within hours, and not every five minutes.
        #[test]
        fn a_count_that_kills_its_tick_is_tried_seldom(halves in 1..100_000_u64) {
            prop_assert!(counts(Duration::from_hours(24), halves, |_| true).len() <= 24);
        }
    }
}
